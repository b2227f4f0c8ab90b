"""Every file in events/, through the real runtime; the files are what `make invoke` takes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.paths import EVENTS
from local.stack import fill
from local.world import ANN
from tests.e2e.conftest import Service

ANSWERS: dict[str, tuple[int, str | None]] = {
    "api-account.json": (200, None),
    "api-health.json": (200, None),
    "api-mute-base64.json": (200, None),
    "api-mute-by-role.json": (200, None),
    "api-mute-chat.json": (200, None),
    "api-mute-no-such-account.json": (404, "ACCOUNT_NOT_FOUND"),
    "api-mute-not-a-member.json": (403, "ACCESS_ERROR"),
    "api-mute-once.json": (200, None),
    "api-mute-workgroup.json": (200, None),
    "api-no-such-route.json": (404, "NOT_FOUND"),
    "api-refused-id.json": (400, "CHAT_ID_EMPTY"),
    "api-refused-json.json": (400, "INVALID_PARAMETER"),
    "api-refused-mute.json": (400, "INVALID_PARAMETER"),
    "api-refused-query.json": (400, "INVALID_PARAMETER"),
    "api-unmute-chat.json": (200, None),
    "api-wrong-method.json": (405, "METHOD_NOT_ALLOWED"),
}
PAYLOADS = {
    "schedule-hopeless.json": "DIALOG_ID_EMPTY",
    "schedule-mute.json": None,
    "schedule-unmute.json": None,
    "schedule-without-run.json": None,
}
UNKNOWN = ["unknown-eventbridge.json", "unknown-s3.json"]


@pytest.fixture(autouse=True)
def default_account(service: Service) -> None:
    service.portal.faults.clear()
    service.portal.add_webhook(ANN, "c0de5ecretdefault")
    service.stack.put_account("default", {"webhook_url": f"{service.stack.server.url}/rest/{ANN}/c0de5ecretdefault/"})


def event(name: str) -> Any:
    """The file, due at a time of its own: two schedules are not due twice at once."""
    due = datetime(2026, 10, 1, tzinfo=UTC) + timedelta(hours=sorted(PAYLOADS).index(name) if name in PAYLOADS else 0)
    return fill(json.loads((EVENTS / name).read_text()), due)


def test_every_file_is_used() -> None:
    assert {file.name for file in EVENTS.iterdir()} == {*ANSWERS, *PAYLOADS, *UNKNOWN}


@pytest.mark.parametrize("name", ANSWERS)
def test_requests_of_the_api(service: Service, name: str) -> None:
    status, code = ANSWERS[name]
    answer = service.stack.invoke(event(name))
    assert answer["statusCode"] == status
    assert json.loads(answer["body"]).get("error") == code


@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads_of_schedules(service: Service, name: str) -> None:
    assert service.stack.invoke(event(name)).get("error") == PAYLOADS[name]
    assert len(service.stack.dead_letters()) == (1 if PAYLOADS[name] else 0)


@pytest.mark.parametrize("name", [*UNKNOWN, "a list", "a text"])
def test_unknown_events_are_a_clear_error_without_their_content(service: Service, name: str) -> None:
    content = {"a list": ["confidential"], "a text": "confidential"}
    given = content.get(name) or {**event(name), "note": "confidential"}
    before = len(service.stack.log_lines())
    answer = service.stack.invoke(given)
    assert answer["errorType"] == "UnknownEvent"
    assert "events/" in answer["errorMessage"]
    logged = "".join(service.stack.log_lines()[before:])
    assert "UnknownEvent" in logged
    assert "confidential" not in json.dumps(answer) + logged
