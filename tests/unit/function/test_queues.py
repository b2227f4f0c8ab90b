"""Dead letters."""

import json

import pytest

from chat_mute.queues import DeadLetters
from tests.unit.function.doubles import CODE, URL, FakeQueue

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead"


def test_a_letter_is_the_payload_and_the_reason() -> None:
    queue = FakeQueue()
    payload = {"CHAT_ID": "x", "REASON": "\u0427\u0430\u0442 \ud83d"}
    DeadLetters(queue.connect, QUEUE).put(payload, "CHAT_ID_EMPTY", "CHAT_ID: must be a positive integer.")
    (message,) = queue.sent
    assert message.keys() == {"QueueUrl", "MessageBody"}
    assert message["QueueUrl"] == QUEUE
    assert json.loads(message["MessageBody"]) == {
        "payload": payload,
        "error": "CHAT_ID_EMPTY",
        "error_description": "CHAT_ID: must be a positive integer.",
    }


def test_no_client_is_made_before_the_first_letter() -> None:
    queue = FakeQueue()
    DeadLetters(queue.connect, QUEUE)
    assert queue.connected == 0


@pytest.mark.parametrize("after", ["", "im.chat.mute", '"', "\n", "\\", "\u00e9"])
def test_a_webhook_in_a_payload_does_not_get_in_and_the_letter_stays_json(after: str) -> None:
    queue = FakeQueue()
    text = "/rest/503/" + CODE + after
    DeadLetters(queue.connect, QUEUE).put({"REASON": text, "URL": URL}, "INVALID_PARAMETER", URL)
    body = queue.sent[0]["MessageBody"]
    assert CODE not in body
    letter = json.loads(body)
    assert letter["payload"]["REASON"].startswith("/rest/503/***")
    assert letter["payload"]["URL"] == letter["error_description"] == "https://portal.example/rest/503/***/"
