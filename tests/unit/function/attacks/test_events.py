"""Events that API Gateway never sends, and headers and keys meant for somebody else: always an answer, in shape."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from chat_mute.errors import UnknownEvent
from local.virtual import CALLER
from tests.fuzz.gateway import Sent
from tests.fuzz.town import Told, Town
from tests.unit.function.events import post
from tests.unit.function.office import HAND, OF_ROLE, Office

BODY = '{"CHAT_ID": 1}'
EVENT = post(BODY, headers={"Idempotency-Key": ["k"]})


def _places(part: Any, *way: str) -> Iterator[tuple[str, ...]]:
    for name, value in part.items():
        yield (*way, name)
        if isinstance(value, dict):
            yield from _places(value, *way, name)


def _changed(way: tuple[str, ...], value: Any) -> dict[str, Any]:
    event: Any = deepcopy(EVENT)
    part = event
    for name in way[:-1]:
        part = part[name]
    if value is KeyError:
        del part[way[-1]]
    else:
        part[way[-1]] = value
    return event  # type: ignore[no-any-return]


@pytest.mark.parametrize("way", list(_places(EVENT)), ids=".".join)
def test_a_field_that_is_missing_or_null_or_strange(office: Office, way: tuple[str, ...]) -> None:
    """It is answered, or it is nobody's event; a mute is done only for whoever is known to be let in."""
    strange: list[Any] = [KeyError, None, [], {}, 7, "", "\ud800", "x" * 100_000]
    for value in strange:
        event = _changed(way, value)
        try:
            answer = office.invoke(event)
        except UnknownEvent:
            assert way in {("httpMethod",), ("requestContext",)}
            continue
        told = json.loads(answer["body"])
        if answer["statusCode"] != 200:
            assert told.keys() == {"error", "error_description"}, value
            continue
        assert told == {"status": "ok"} or told["result"] is True or "usable" in told, value


@pytest.mark.parametrize(
    "name",
    ["headers", "multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters", "stageVariables"],
)
def test_what_the_gateway_leaves_null_is_nothing(office: Office, name: str) -> None:
    assert office.invoke({**post(BODY), name: None})["statusCode"] == 200


def test_whoever_is_not_known_mutes_nothing(office: Office) -> None:
    for context in ({}, {"requestId": "r"}, {"requestId": "r", "identity": None}, {"requestId": "r", "identity": 7}):
        answer = office.invoke({**post(BODY), "requestContext": context})
        assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (500, "INTERNAL_SERVER_ERROR")
    assert office.muted == {HAND}


# ---- headers --------------------------------------------------------------------------------------------------------

SPLIT = [
    "a\r\nSet-Cookie: a=b",
    "a\nb",
    "a\rb",
    "a\x00b",
    "a\u2028b",
    "\u560a\u560d",
    "a b",
    "a\tb",
    "\u00e9",
    "",
    " ",
    "x" * 256,
    "x" * 100_000,
]


@pytest.mark.parametrize("value", SPLIT, ids=range(len(SPLIT)))
def test_no_header_of_an_answer_is_a_callers(office: Office, value: str) -> None:
    """Whatever goes in, what comes out in a header is ours; `Town.tell` and this look at each."""
    answers = [
        office.call("POST", "mutes", {"chats": ["chat1"]}, {"Idempotency-Key": value}),
        office.call("POST", "mutes", {"chats": ["chat1"], "reason": value or None}),
        office.call("POST", "mutes", {"chats": ["chat1"]}, account=f"default{value}" if value.strip() else "x y"),
        office.call("GET", "quiet-hours", None, {"If-None-Match": value, "Accept": value}),
        office.call("POST", "quiet-hours/preview", {}, {"Accept": value}),
        office.call("PATCH", "holds", None, {"Allow": value}),
        office.call("GET", f"jobs/{value}"),
    ]
    for answer in answers:
        assert answer.status < 500
        for name, one in answer.headers.items():
            assert one.isascii(), name
            assert one.isprintable(), name
            assert value not in one or value in {"", " ", "a b"}, name


@pytest.mark.parametrize("key", [one for one in SPLIT if one])
def test_a_key_that_is_none_is_refused_and_nothing_is_done(office: Office, key: str) -> None:
    for method, path, body in [("POST", "im.chat.mute", {"CHAT_ID": 1}), ("POST", "mutes", {"chats": ["chat1"]})]:
        status, answer, _ = office.call(method, path, body, {"Idempotency-Key": key})
        assert (status, answer["error"]) == (400, "INVALID_PARAMETER")
    assert (office.muted, office.stack.dynamodb.items("idempotency")) == ({HAND}, [])


# ---- idempotency keys -----------------------------------------------------------------------------------------------

KEY = {"Idempotency-Key": "release-42"}
MUTE = '{"CHAT_ID": 1489}'


def _sent(path: str, body: str) -> Sent:
    return Sent("POST", path, list(KEY.items()), body.encode())


def _replayed(told: Told | None) -> bool:
    assert told is not None
    assert told.status < 500
    return "Idempotency-Replayed" in told.headers


def test_nobodys_key_is_another_accounts_or_another_routes() -> None:
    town = Town()
    for path, body in [
        ("/default/im.chat.mute", MUTE), ("/default/mutes", '{"chats": ["chat1489"]}'), ("/team-b/mutes",
        '{"chats": ["chat1489"]}'),
        ("/team-b/im.chat.mute", MUTE), ("/default/quiet-hours/night/skip", "{}"),
    ]:  # fmt: skip
        assert not _replayed(town.tell(_sent(path, body))), path
        assert _replayed(town.tell(_sent(path, body))), path


@pytest.mark.parametrize(
    "caller",
    ["arn:aws:iam::000000000000:user/bob", "arn:aws:iam::000000000000:user/ann/",
    "arn:aws:iam::000000000000:user/ann2", "arn:aws:iam::999999999999:user/ann",
     "arn:aws:iam::000000000000:role/ann", f'{CALLER}", "default', "unknown", "", f"{OF_ROLE}/ann", CALLER.upper()],
)  # fmt: skip
def test_nobodys_key_is_another_callers(office: Office, caller: str) -> None:
    for who in (CALLER, caller):
        answer = office.call("POST", "im.chat.mute", {"CHAT_ID": 1}, KEY, caller=who)
        assert "Idempotency-Replayed" not in answer.headers, who


@pytest.mark.parametrize(
    "body",
    [
        {"CHAT_ID": 3},
        {"CHAT_ID": 1, "MUTE": "N"},
        {"CHAT_ID": 1, "FOR": "PT1H"},
        {"DIALOG_ID": "chat1"},
        {"CHAT_ID": 1, "REASON": "x"},
    ],
)
def test_a_key_does_not_lend_its_success_to_another_request(office: Office, body: dict[str, Any]) -> None:
    office.call("POST", "im.chat.mute", {"CHAT_ID": 1}, KEY)
    status, answer, _ = office.call("POST", "im.chat.mute", body, KEY)
    assert (status, answer["error"]) == (422, "IDEMPOTENCY_KEY_REUSED")
