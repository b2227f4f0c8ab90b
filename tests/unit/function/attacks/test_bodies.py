"""Bodies meant to break whoever reads them: each is refused, on every route that takes one, and never by a 500."""

import base64
import gzip
import json
from typing import Any

import pytest

from tests.unit.function.events import api_event
from tests.unit.function.office import Office

ROUTES = [
    ("POST", "im.chat.mute"),
    ("POST", "mutes"),
    ("PUT", "quiet-hours/night"),
    ("POST", "quiet-hours/preview"),
    ("POST", "quiet-hours/night/skip"),
]
ON_EVERY_ROUTE = pytest.mark.parametrize(("method", "path"), ROUTES, ids=[path for _, path in ROUTES])
NINES = "9" * 10_000


def refused(office: Office, method: str, path: str, body: str, *, encoded: bool = False) -> tuple[int, str, str]:
    """Status, code and description; nothing was muted, kept or asked of the portal."""
    event = api_event(
        method, "/{account}/{proxy+}", {"account": "default", "proxy": path}, body=body, base64=encoded, headers={}
    )
    asked = len(office.portal.calls)
    answer = office.invoke(event)
    assert len(office.portal.calls) == asked
    assert office.stack.dynamodb.items("state") == []
    told = json.loads(answer["body"])
    assert told.keys() == {"error", "error_description"}
    assert len(told["error_description"]) < 300
    return answer["statusCode"], told["error"], told["error_description"]


@ON_EVERY_ROUTE
@pytest.mark.parametrize("opening", ["[", '{"a":', '{"chats":[', '{"windows":[{"days":['])
def test_deep_json(office: Office, method: str, path: str, opening: str) -> None:
    """Around Python's own limit, too: what is read just so must not break what comes after it."""
    for depth in (50, 300, *range(900, 1010, 7), 2000, 5000, 40_000):
        for closing in ("", "]" * depth, "}" * depth):
            body = opening * depth + closing
            status, code, _ = refused(office, method, path, body[: 256 * 1024])
            assert (status, code) in {(400, "INVALID_PARAMETER"), (422, "INVALID_POLICY")}, depth


@ON_EVERY_ROUTE
@pytest.mark.parametrize("encoded", [False, True])
def test_an_oversized_body(office: Office, method: str, path: str, encoded: bool) -> None:
    text = '{"x":"' + "x" * 256 * 1024 + '"}'
    body = base64.b64encode(text.encode()).decode() if encoded else text
    assert refused(office, method, path, body, encoded=encoded)[:2] == (413, "TOO_LARGE")


@ON_EVERY_ROUTE
@pytest.mark.parametrize(
    "body",
    [
        "\ufeff{}", '{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}', '{"a": 1, "a": 1}',
        '{"a": {"b": 1, "b": 2}}', "{} {}", "{}\x00", "\x00", "{",
        "nul", "null", "true", "1", NINES, f"-{NINES}", '"x"', "[]", "[{}]", '{"a": 0x1}', '{"a": 01}',
        '{"a": +1}', '{"a": .5}', '{"a": 1.}',
        "{'a': 1}", '{"a": "\n"}', '{"a": "\x00"}', '{"a": "\\u12"}', '{"a": "\\x41"}', "{,}", '{"a": 1,}',
        "// x\n{}", "a=1&b=2", "<xml/>",
        "\u00a0{}", "\u2028", "{}\u200b", "\x1f\x8b\x08\x00",
    ],
)  # fmt: skip
def test_what_is_not_json_or_no_object(office: Office, method: str, path: str, body: str) -> None:
    assert refused(office, method, path, body)[:2] == (400, "INVALID_PARAMETER")


@ON_EVERY_ROUTE
@pytest.mark.parametrize(
    "body",
    ["not base64!", "e30", "e30=\n", "====", "é", base64.b64encode(b"\xff\xfe{}").decode(),
    base64.b64encode("{}".encode("utf-16")).decode(),
     base64.b64encode(gzip.compress(b"{}" + b" " * 2**20)).decode(), base64.b64encode(b"\xed\xa0\x80").decode()],
)  # fmt: skip
def test_base64_that_is_none_or_holds_no_text(office: Office, method: str, path: str, body: str) -> None:
    assert refused(office, method, path, body, encoded=True) == (400, "INVALID_PARAMETER", "body: not UTF-8.")


HOSTILE: list[Any] = [True, False, 0, -1, 1.5, 10**19, -(10**19), [], {}, [[]], [None], "", " ", "\x00", "1\x00",
"\u0661", "\uff11", "1e3", "0x1", "01", "+1",
           "1" * 5000, "chat0", "chat-1", "chat1 ", "chat1\n", "CHAT", "sg", "user1", "\u0441hat1", "chat\u200b1",
           "chat1\u0301", {"$ne": 1}]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_an_id_that_is_none(office: Office, value: Any) -> None:
    for field in ("CHAT_ID", "DIALOG_ID"):
        status, code, _ = refused(office, "POST", "im.chat.mute", json.dumps({field: value}))
        assert (status, code) == (400, f"{field}_EMPTY"), value
    assert refused(office, "POST", "mutes", json.dumps({"chats": [value]}))[:2] == (400, "INVALID_PARAMETER")
    for chats in ({"only": [value]}, {"all": True, "except": [value]}):
        policy = {"timezone": "UTC", "windows": [{"days": ["mon"], "start": "01:00", "end": "02:00"}], "chats": chats}
        assert refused(office, "PUT", "quiet-hours/night", json.dumps(policy))[:2] == (422, "INVALID_POLICY")


@pytest.mark.parametrize(
    "number",
    [
        NINES,
        f"-{NINES}",
        f"{NINES}.5",
        f"{NINES}e{NINES}",
        "1e999",
        "-1e999",
        "1e-999",
        "-0",
        "-0.0",
        "1.0",
        "1489.0",
        "1489e0",
    ],
)
def test_a_number_that_is_no_id_however_long(office: Office, number: str) -> None:
    """Python refuses to convert over 4,300 digits with a `ValueError`."""
    assert refused(office, "POST", "im.chat.mute", f'{{"CHAT_ID": {number}}}')[:2] == (400, "CHAT_ID_EMPTY")
    assert refused(office, "POST", "im.chat.mute", f'{{"DIALOG_ID": {number}}}')[:2] == (400, "DIALOG_ID_EMPTY")
    assert refused(office, "POST", "im.chat.mute", f'{{"CHAT_ID": 1, "MUTE": {number}}}')[:2] == (
        400,
        "INVALID_PARAMETER",
    )
    assert refused(office, "POST", "mutes", f'{{"chats": [{number}]}}')[:2] == (400, "INVALID_PARAMETER")
    window = f'{{"days": ["mon"], "start": {number}, "end": "02:00"}}'
    policy = f'{{"timezone": "UTC", "windows": [{window}], "chats": {{"all": true}}}}'
    assert refused(office, "PUT", "quiet-hours/night", policy)[:2] == (422, "INVALID_POLICY")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"CHAT_ID": 1, "chat_id": 2}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "DIALOG_ID": "chat2"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "ACTION": "unmute"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "auth": "token"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "USER_ID": 547}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "webhook_url": "https://evil.example/"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "__proto__": {}}', "INVALID_PARAMETER"),
        ('{"CHAT_\u0131D": 1}', "INVALID_PARAMETER"),  # whose upper case is CHAT_ID
        ('{"CHAT_ID": 1, "MUTE": "y"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "MUTE": "\uff39"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "MUTE": true}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "MUTE": ["N"]}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "REASON": "\\u0000"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "REASON": "\\ud83d"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "FOR": "P999999999W"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "FOR": "PT\u0661H"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "UNTIL": "9999-12-31T23:59:59-23:59"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "UNTIL": "0001-01-01T00:00:00+23:59"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "UNTIL": "2026-03-04T12:00:00+99:99"}', "INVALID_PARAMETER"),
        ('{"CHAT_ID": 1, "UNTIL": "2026-03-04T12:00:60Z"}', "INVALID_PARAMETER"),
    ],
)
def test_a_field_that_would_mean_something_else_to_php(office: Office, body: str, code: str) -> None:
    assert refused(office, "POST", "im.chat.mute", body)[:2] == (400, code)


def test_too_many_of_everything(office: Office) -> None:
    day = {"days": ["mon"], "start": "01:00", "end": "02:00"}
    policy = {"timezone": "UTC", "windows": [day], "chats": {"all": True}}
    dates: dict[str, Any] = {f"2026-{month:02}-{number:02}": [] for month in range(1, 13) for number in range(1, 32)}
    for more in (
        {"windows": [day] * 65},
        {"windows": [{**day, "days": ["mon"] * 100}]},
        {"dates": dates},
        {"dates": {"2026-12-25": [{"start": "01:00", "end": "02:00"}] * 65}},
        {"chats": {"only": [f"chat{number}" for number in range(1, 1002)]}},
        {"chats": {"all": True, "types": ["chat"] * 33}},
        {"chats": {"all": True, "title": "x" * 201}},
        {"timezone": "x" * 100_000},
    ):
        body = json.dumps({**policy, **more})
        assert refused(office, "PUT", "quiet-hours/night", body)[:2] == (422, "INVALID_POLICY"), list(more)
    chats = json.dumps({"chats": [f"chat{number}" for number in range(1, 1002)]})
    assert refused(office, "POST", "mutes", chats)[:2] == (413, "TOO_LARGE")
    only = json.dumps({"chats": {"only": [f"chat{number}" for number in range(1, 1002)]}})
    assert refused(office, "POST", "mutes", only)[:2] == (413, "TOO_LARGE")
