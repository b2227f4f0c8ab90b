"""No library's log line carries a secret, at any level."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.stub import Stubber

from chat_mute.observability import Telemetry

SECRET = {
    "webhook_url": "https://portal.example/rest/503/s3cr3tc0de/",
    "client_secret": "s3cr3tapp",
    "access_token": "s3cr3ta",
    "refresh_token": "s3cr3tr",
}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    factory, written = logging.getLogRecordFactory(), io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    root.addHandler(handler)
    Telemetry()
    yield written
    root.removeHandler(handler)
    logging.setLogRecordFactory(factory)


def test_a_secret_that_is_nothing_we_know_is_taken_out_of_secrets_managers_answer(log: io.StringIO) -> None:
    logger = logging.getLogger("botocore.parsers")
    logger.setLevel(logging.DEBUG)
    for secret in ("s3cr3t, not JSON", json.dumps(["s3cr3t"]), "\\s3cr3t'"):
        answer = json.dumps({"SecretString": secret, "Name": "quiet-hours/default"})
        logger.debug("Response body:\n%s", answer)
        logger.debug("Response body:\n%s", answer.encode())
    logger.setLevel(logging.NOTSET)
    assert log.getvalue().count("quiet-hours/default") == 6
    assert "s3cr3t" not in log.getvalue()


FORMS: list[Callable[[dict[str, str]], str]] = [
    json.dumps,
    repr,
    lambda secret: json.dumps({"SecretString": json.dumps(secret)}),
    lambda secret: repr(json.dumps({"SecretString": json.dumps(secret)}).encode()),
    lambda secret: "&".join(f"{name}={value}" for name, value in secret.items()),
]


@pytest.mark.parametrize("name", ["botocore.parsers", "botocore.endpoint", "urllib3.connectionpool"])
@pytest.mark.parametrize("encode", FORMS)
def test_whatever_form_a_secret_has_it_is_taken_out(
    log: io.StringIO, name: str, encode: Callable[[dict[str, str]], str]
) -> None:
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    logger.debug("Response body:\n%s", encode(SECRET))
    logger.setLevel(logging.NOTSET)
    assert "Response body" in log.getvalue()
    assert "s3cr3t" not in log.getvalue()


def test_reading_a_secret_with_botocore_at_debug_tells_nothing(log: io.StringIO) -> None:
    client = boto3.client("secretsmanager")
    logging.getLogger("botocore").setLevel(logging.DEBUG)
    with Stubber(client) as stubber:
        stubber.add_response("put_secret_value", {"Name": "quiet-hours/default"})
        client.put_secret_value(SecretId="quiet-hours/default", SecretString=json.dumps(SECRET))
    logging.getLogger("botocore").setLevel(logging.NOTSET)
    assert "PutSecretValue" in log.getvalue()
    assert "s3cr3t" not in log.getvalue()
