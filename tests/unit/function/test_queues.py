"""Dead letters."""

import json

import pytest

from chat_mute.queues import DeadLetters
from tests.unit.function.doubles import CODE, URL, LetterBox


def test_a_letter_is_the_payload_and_the_reason() -> None:
    queue = LetterBox()
    payload = {"CHAT_ID": "x", "REASON": "\u0427\u0430\u0442 \ud83d"}
    DeadLetters(queue.connect, queue.url).put(payload, "CHAT_ID_EMPTY", "CHAT_ID: must be a positive integer.")
    assert queue.letters == [
        {
            "payload": payload,
            "error": "CHAT_ID_EMPTY",
            "error_description": "CHAT_ID: must be a positive integer.",
        }
    ]


def test_no_client_is_made_before_the_first_letter() -> None:
    queue = LetterBox()
    DeadLetters(queue.connect, queue.url)
    assert queue.connected == 0


@pytest.mark.parametrize("after", ["", "im.chat.mute", '"', "\n", "\\", "\u00e9"])
def test_a_webhook_in_a_payload_does_not_get_in_and_the_letter_stays_json(after: str) -> None:
    queue = LetterBox()
    text = "/rest/503/" + CODE + after
    DeadLetters(queue.connect, queue.url).put({"REASON": text, "URL": URL}, "INVALID_PARAMETER", URL)
    (body,) = queue.bodies
    assert CODE not in body
    letter = json.loads(body)
    assert letter["payload"]["REASON"].startswith("/rest/503/***")
    assert letter["payload"]["URL"] == letter["error_description"] == "https://portal.example/rest/503/***/"
