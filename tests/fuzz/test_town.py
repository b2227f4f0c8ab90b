"""What the fuzzing looks at finds what it is for: each check is shown an answer, a line or a write that breaks it."""

from collections.abc import Callable
from typing import Any

import pytest

from local.virtual import STATE
from tests.fuzz.gateway import Route, Sent, event, route
from tests.fuzz.town import ACCOUNTS, Broken, Told, Town, check

HOLDS = Sent("GET", "/default/holds")
JSON = {"Content-Type": "application/json"}
NOTHING_HELD = '{"holds": [], "next": null}'
MUTES = Sent("POST", "/default/mutes", (), b'{"chats": ["chat1489"]}')
ACCEPTED = '{"job": "5f0c9a1b2c3d4e5f", "chats": 1}'
LOCATION = {**JSON, "Location": "/default/jobs/5f0c9a1b2c3d4e5f"}
NOT_ALLOWED = '{"error": "METHOD_NOT_ALLOWED", "error_description": "x"}'
SPLIT = {**JSON, "Location": "/a\r\nSet-Cookie: b"}
DONE = Told(200, JSON, '{"result": true}')
MUTE = Sent("POST", "/default/im.chat.mute", (), b'{"chat_id": 1489, "MUTE": null}')


@pytest.mark.parametrize(
    ("sent", "told", "fault"),
    [
        (HOLDS, Told(200, JSON, NOTHING_HELD), None),
        (HOLDS, Told(200, JSON, '{"holds": []}'), "'next' is a required property"),
        (HOLDS, Told(200, JSON, '{"holds": [], "next": null, "more": 1}'), "'more' was unexpected"),
        (HOLDS, Told(200, {"Content-Type": "text/html"}, NOTHING_HELD), "media type text/html is not known"),
        (HOLDS, Told(418, JSON, NOTHING_HELD), "listHolds knows no 418"),
        (HOLDS, Told(500, JSON, '{"error": "INTERNAL_SERVER_ERROR", "error_description": "x"}'), "our own fault"),
        (HOLDS, Told(404, JSON, '{"error": "TEAPOT", "error_description": "x"}'), "'TEAPOT' is not one of"),
        (HOLDS, Told(405, JSON, NOT_ALLOWED), "header Allow is missing"),
        (MUTES, Told(202, LOCATION, ACCEPTED), None),
        (MUTES, Told(202, JSON, ACCEPTED), "header Location is missing"),
        (MUTES, Told(202, {**LOCATION, "X-Y": "z"}, ACCEPTED), "header X-Y is not known"),
        (MUTES, Told(202, SPLIT, ACCEPTED), r"header Location: '/a\r\nSet-Cookie: b'"),
        (MUTE, DONE, None),
        (Sent("POST", MUTE.target, (), b'{"chat_id": true}'), DONE, "taken, though $.CHAT_ID"),
        (Sent("POST", MUTE.target, (), b'{"CHAT_ID": 1, "x": 1}'), DONE, "taken, though $"),
        (Sent("GET", "/default/nothing"), Told(200, JSON, "{}"), "there is no such route"),
        (Sent("PUT", "/default/holds"), Told(404, JSON, '{"error": "NOT_FOUND"}'), "this path has ['DELETE', 'GET']"),
    ],
    ids=range(17),
)  # fmt: skip
def test_an_answer_that_breaks_the_contract(sent: Sent, told: Told, fault: str | None) -> None:
    to = route(sent)
    assert to is not None
    found = check(sent, to, told)
    assert bool(found) == bool(fault), found
    assert fault is None or any(fault in one for one in found), found


def _crossing(town: Town) -> None:
    town.stack.dynamodb.put_item(TableName=STATE, Item={"pk": {"S": "account#team-b"}, "sk": {"S": "policy#x"}})


def _asking(town: Town) -> None:
    town.stack.transport.sent.append(f"portal/rest/547/{ACCOUNTS['team-b']}/im.chat.mute")


def _leaking(_: Town) -> None:
    print('{"url": "' + ACCOUNTS["default"] + '"}')


def _forging(_: Town) -> None:
    print("chat set\r\naccount default")


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (_crossing, "another account's records have changed"),
        (_asking, "the portal was asked for somebody else"),
        (_leaking, "a secret came out"),
        (_forging, "a line of the log is no object"),
    ],
)
def test_what_else_must_not_be(monkeypatch: pytest.MonkeyPatch, fault: Callable[[Town], None], found: str) -> None:
    town = Town()
    assert town.tell(HOLDS) is not None
    invoke = town.stack.invoke

    def faulty(one: Any) -> Any:
        fault(town)
        return invoke(one)

    monkeypatch.setattr(town.stack, "invoke", faulty)
    with pytest.raises(Broken, match=found):
        town.tell(HOLDS)


def test_the_gateway_as_it_is_modelled() -> None:
    sent = Sent("GET", "/a%2Fb/c%20d/e?x=1&x=%C3%A9&y=", [("A", "1"), ("A", "2")], b"\xff")
    to = route(sent)
    assert to == Route("/{account}/{proxy+}", "a/b", "c d/e")
    made = event(sent, to)
    assert made["queryStringParameters"] == {"x": "é", "y": ""}
    assert made["multiValueQueryStringParameters"] == {"x": ["1", "é"], "y": [""]}
    assert (made["headers"], made["multiValueHeaders"]) == ({"A": "2"}, {"A": ["1", "2"]})
    assert (made["body"], made["isBase64Encoded"]) == ("\ufffd", False)
    assert route(Sent("PATCH", "/default/holds")) is None
    assert route(Sent("POST", "/health")) is None
    assert route(Sent("GET", "//holds")) is None
