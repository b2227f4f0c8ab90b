"""Settings, and putting the parts together: nothing is read or opened before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from chat_mute import app
from chat_mute.errors import UnknownEvent
from chat_mute.settings import Settings
from chat_mute.wiring import build
from tests.unit.function.doubles import Context
from tests.unit.function.events import S3, api_event

ENVIRONMENT = {
    "SECRET_PREFIX": "quiet-hours",
    "STATE_TABLE": "state",
    "IDEMPOTENCY_TABLE": "idempotency",
    "SCHEDULE_DEAD_LETTERS": "https://sqs.example/dead",
    "ACCOUNT_QUEUE": "https://sqs.example/accounts.fifo",
    "ALLOW_TIME_TRAVEL": "false",
    "MODE": "NORMAL",
    "STACK": "quiet-hours",
}
ROOT = Path(__file__).parents[3]


def test_settings_are_what_the_template_sets() -> None:
    assert Settings.from_environment(ENVIRONMENT) == Settings(
        secret_prefix="quiet-hours",
        state_table="state",
        idempotency_table="idempotency",
        schedule_dead_letters="https://sqs.example/dead",
        account_queue="https://sqs.example/accounts.fifo",
        allow_time_travel=False,
        stack="quiet-hours",
        release_only=False,
        ca_bundle=None,
        token_hosts=frozenset(),
    )
    assert Settings.from_environment({**ENVIRONMENT, "ALLOW_TIME_TRAVEL": "true"}).allow_time_travel
    assert Settings.from_environment({**ENVIRONMENT, "MODE": "RELEASE_ONLY"}).release_only
    assert Settings.from_environment({**ENVIRONMENT, "REQUESTS_CA_BUNDLE": "/x.pem"}).ca_bundle == "/x.pem"


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_setting_is_told_by_its_name(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        build({key: value for key, value in ENVIRONMENT.items() if key != name})


@pytest.mark.usefixtures("telemetry")
def test_the_service_is_built_without_a_connection_and_serves_what_needs_none() -> None:
    service = build(ENVIRONMENT)
    assert app.dispatch(service, api_event("GET", "/health", None), Context())["statusCode"] == 200


@pytest.mark.usefixtures("telemetry")
def test_the_handler_is_built_once_on_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    app._handler.cache_clear()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert app.lambda_handler(api_event("GET", "/health", None), Context())["statusCode"] == 200
    for name in ENVIRONMENT:
        monkeypatch.delenv(name)
    assert app.lambda_handler(api_event("GET", "/health", None), Context())["statusCode"] == 200
    with pytest.raises(UnknownEvent):
        app.lambda_handler(S3, Context())
    assert app._handler.cache_info().misses == 1
    app._handler.cache_clear()


def test_importing_reads_no_setting_and_opens_no_connection() -> None:
    code = (
        "import socket\n"
        "def refuse(*_a, **_k): raise AssertionError('a socket')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import chat_mute.app, bitrix24\n"
    )
    path = f"{ROOT / 'functions'}:{ROOT / 'layers/bitrix24'}"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path}, timeout=60)
