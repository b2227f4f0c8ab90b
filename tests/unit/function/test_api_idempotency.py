"""The Idempotency-Key header of a mute."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bitrix24.errors import AccessRefused
from tests.unit.function.doubles import Context, FakeMuting
from tests.unit.function.events import USER, post
from tests.unit.function.test_api_routes import CHAT, Service

pytestmark = pytest.mark.usefixtures("telemetry")
TIMED = {"result": True, "time": {"start": 1772541297.42, "operating": 0, "date_start": "2026-03-03T15:34:57+03:00"}}


@pytest.fixture
def service() -> Service:
    return Service(FakeMuting(TIMED))


def keyed(*keys: str, body: str = CHAT, name: str = "Idempotency-Key", **options: Any) -> dict[str, Any]:
    return post(body, headers={name: list(keys)}, **options)


@pytest.mark.parametrize("name", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_a_replay_gives_the_stored_answer_and_calls_nobody(service: Service, name: str) -> None:
    first = service.api.handle(keyed("key-1"), Context())
    again = service.api.handle(keyed("key-1", name=name), Context())
    assert json.loads(first["body"]) == json.loads(again["body"]) == TIMED
    assert first["statusCode"] == again["statusCode"] == 200
    assert "Idempotency-Replayed" not in first["headers"]
    assert again["headers"]["Idempotency-Replayed"] == "true"
    assert len(service.muting.asked) == 1


def test_without_a_key_each_request_is_done_and_no_table_is_asked(service: Service) -> None:
    several: list[Any] = [None, {}, {"Idempotency-Key": []}, {"X-Idempotency-Key": ["key-1"]}]
    for headers in several:
        assert service.answer(post(CHAT, headers=headers))[0] == 200
    assert len(service.muting.asked) == 4
    assert service.dynamodb.calls == {}


@pytest.mark.parametrize("key", ["!", "~", "a" * 255, "7f3a-4c\"',;=", "<script>"])
def test_any_printable_ascii_without_spaces_is_a_key(service: Service, key: str) -> None:
    assert service.answer(keyed(key))[0] == 200


@pytest.mark.parametrize(
    "keys", [[""], [" "], ["a b"], ["a" * 256], ["a\n"], ["\u00e9"], ["\x7f"], ["a", "a"], ["a", "b"]]
)
def test_any_other_key_is_refused_before_anything_is_done(service: Service, keys: list[str]) -> None:
    status, body = service.answer(keyed(*keys))
    assert (status, body["error"]) == (400, "INVALID_PARAMETER")
    assert body["error_description"].startswith("Idempotency-Key: ")
    assert (service.muting.asked, service.dynamodb.calls) == ([], {})


def test_a_header_in_two_spellings_is_given_twice(service: Service) -> None:
    event = post(CHAT, headers={"Idempotency-Key": ["a"], "idempotency-key": ["a"]})
    assert service.answer(event)[0] == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"CHAT_ID": 1}', 200),
        ('{"chat_id": "1", "MUTE": "Y", "REASON": null}', 200),
        (' {"MUTE":"Y","CHAT_ID":1} ', 200),
        ('{"CHAT_ID": 2}', 422),
        ('{"DIALOG_ID": "chat1"}', 422),
        ('{"CHAT_ID": 1, "MUTE": "N"}', 422),
        ('{"CHAT_ID": 1, "REASON": "x"}', 422),
    ],
)
def test_the_same_request_means_the_same_fields_after_parsing(service: Service, body: str, status: int) -> None:
    service.answer(keyed("key-1"))
    assert service.answer(keyed("key-1", body=body))[0] == status
    assert len(service.muting.asked) == 1


def test_a_key_is_the_callers_and_the_accounts_own(service: Service) -> None:
    role = "arn:aws:sts::1:assumed-role/"
    for options in (
        {},
        {"account": "other"},
        {"identity": {"userArn": role + "A/one"}},
        {"identity": {"userArn": role + "B/one"}},
        {"identity": {"userArn": None, "apiKeyId": "k1"}},
        {"identity": {"userArn": None, "apiKeyId": "k2"}},
    ):
        service.answer(keyed("key-1", **options))
    assert len(service.muting.asked) == 6


def test_another_session_of_the_same_role_is_the_same_caller(service: Service) -> None:
    role = "arn:aws:sts::1:assumed-role/A/"
    for session in ("one", "two"):
        service.answer(keyed("key-1", identity={"userArn": role + session}))
    assert len(service.muting.asked) == 1


def test_an_old_mute_replayed_after_a_newer_unmute_does_not_mute_again(service: Service) -> None:
    service.answer(keyed("mute"))
    service.answer(keyed("unmute", body='{"CHAT_ID": 1, "MUTE": "N"}'))
    assert service.answer(keyed("mute")) == (200, TIMED)
    assert [request.muted for _, request, _ in service.muting.asked] == [True, False]


def test_an_error_is_not_kept_and_the_next_try_may_succeed(service: Service) -> None:
    service.muting.outcome = AccessRefused("ACCESS_ERROR")
    assert service.answer(keyed("key-1"))[0] == 403
    service.muting.outcome = TIMED
    assert service.answer(keyed("key-1")) == (200, TIMED)
    assert len(service.muting.asked) == 2


def test_the_same_key_while_it_is_worked_on_is_in_progress(service: Service) -> None:
    seen = []

    def meanwhile() -> dict[str, Any]:
        seen.append(service.api.handle(keyed("key-1"), Context()))
        return TIMED

    service.muting.outcome = meanwhile
    assert service.answer(keyed("key-1"))[0] == 200
    assert (seen[0]["statusCode"], seen[0]["headers"]["Retry-After"]) == (409, "1")
    assert json.loads(seen[0]["body"])["error"] == "IDEMPOTENCY_IN_PROGRESS"
    assert len(service.muting.asked) == 1


def test_a_replay_is_logged_and_counted_as_one(
    service: Service, lines: Callable[[], list[dict[str, Any]]], counts: Callable[[], dict[str, int]]
) -> None:
    for _ in range(2):
        service.answer(keyed("key-1"))
    (line,) = lines()
    assert (line["message"], line["account"], line["route"]) == ("replayed", "default", "POST im.chat.mute")
    assert line["by"] == f"caller:{USER}"
    assert counts() == {"Replayed": 1}
    assert "key-1" not in json.dumps(line)
