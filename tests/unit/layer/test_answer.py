"""Reading envelopes: every shape a portal, or what stands before it, has been seen to answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24 import errors
from bitrix24.answer import Answer, Refusal, read
from bitrix24.transport import Reply
from tests.unit.layer.doubles import CODE, PAGE, assert_tells_nothing, reply

SECRETS = (CODE,)
TIME: dict[str, int | float | str] = {
    "start": 1772541297,
    "finish": 1772541297.42,
    "duration": 0.42,
    "processing": 0,
    "date_start": "2026-03-03T15:34:57+03:00",
    "date_finish": "2026-03-03T15:34:57+03:00",
    "operating_reset_at": 1772541897,
    "operating": 0,
}


def answer(content: Any, status: int = 200) -> Answer:
    outcome = read(reply(status, content), SECRETS)
    assert isinstance(outcome, Answer)
    return outcome


def refusal(content: Any, status: int = 400) -> Refusal:
    outcome = read(reply(status, content), SECRETS)
    assert isinstance(outcome, Refusal)
    return outcome


@pytest.mark.parametrize("result", [True, False, None, 0, 1, "", "x", [], {}, {"ID": "7"}, [1, [2]], 1.5])
def test_a_result_of_any_kind_is_an_answer(result: Any) -> None:
    assert answer({"result": result, "time": TIME}) == Answer(result, TIME)


def test_an_error_that_is_null_is_no_error() -> None:
    assert answer({"result": True, "error": None}) == Answer(True, None)


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 429, 500, 503])
def test_a_code_counts_with_any_status_and_beside_a_result(status: int) -> None:
    expected = Refusal("ACCESS_ERROR", "Sorry", status)
    assert refusal({"error": "ACCESS_ERROR", "error_description": "Sorry"}, status) == expected
    assert refusal({"error": "ACCESS_ERROR", "error_description": "Sorry", "result": True}, status) == expected


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("ACCESS_ERROR", "ACCESS_ERROR"),
        ("access_error", "ACCESS_ERROR"),
        ("Query_Limit_Exceeded", "QUERY_LIMIT_EXCEEDED"),
        ("EXPIRED_TOKEN", "expired_token"),
        ("INSUFFICIENT_SCOPE", "insufficient_scope"),
        ("User_Access_Error", "user_access_error"),
        ("invalid_credentials", "INVALID_CREDENTIALS"),
        ("no_auth_found", "NO_AUTH_FOUND"),
        ("application_not_found", "APPLICATION_NOT_FOUND"),
        ("SomeThing_new", "SomeThing_new"),
        ("0", "0"),
        ("1048582", "1048582"),
        ("x" * 64, "x" * 64),
    ],
)
def test_codes_come_out_in_the_documentations_spelling_and_unknown_ones_as_they_are(sent: str, code: str) -> None:
    assert refusal({"error": sent}).code == code


@pytest.mark.parametrize(
    "error",
    [
        0,
        100,
        1.5,
        True,
        False,
        [],
        ["ACCESS_ERROR"],
        {},
        {"code": "BITRIX_REST_V3_EXCEPTION", "message": "x", "validation": []},
        "",
        " ",
        "ACCESS ERROR",
        "ACCESS_ERROR\n",
        "ACCESS-ERROR",
        "<b>ACCESS_ERROR</b>",
        "\u0410CCESS_ERROR",
        "\u0661",
        "x" * 65,
        CODE,
        f"ERROR_{CODE}",
    ],
)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_an_error_that_is_no_code_is_unexpected_and_not_repeated(error: Any, status: int) -> None:
    with pytest.raises(errors.UnexpectedAnswer) as caught:
        read(reply(status, {"error": error, "result": True}), SECRETS)
    assert caught.type is errors.UnexpectedAnswer, "no second try"
    assert caught.value.code == "ERROR_UNEXPECTED_ANSWER"
    assert_tells_nothing(caught.value)


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        (None, ""),
        (7, ""),
        (["x"], ""),
        (f"Request <b>https://portal.example/rest/503/{CODE}/x</b>", "Request https://portal.example/rest/503/***/x"),
        ("y" * 10_000, "y" * 300),
    ],
)
def test_descriptions_come_out_scrubbed(description: Any, shown: str) -> None:
    assert refusal({"error": "X", "error_description": description}).description == shown


def test_a_missing_description_is_empty() -> None:
    assert refusal({"error": "X"}).description == ""


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
@pytest.mark.parametrize("body", [b"", PAGE, b'{"result":true}', b'{"error":"ACCESS_ERROR"}'])
def test_a_redirect_is_moved_whatever_its_body(status: int, body: bytes) -> None:
    with pytest.raises(errors.PortalMoved):
        read(Reply(status, body), SECRETS)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599])
@pytest.mark.parametrize("body", [b"", PAGE, b"[]", b'{"result"', b"\xff\xfe", b"{}", b'{"result":true}', b"null"])
def test_a_5xx_without_a_code_is_a_fault_of_the_portal(status: int, body: bytes) -> None:
    with pytest.raises(errors.PortalFailed) as caught:
        read(Reply(status, body), SECRETS)
    assert caught.value.code == "INTERNAL_SERVER_ERROR"


UNREADABLE = {
    "empty": b"",
    "white space": b" \n",
    "a page": PAGE,
    "cut short": b'{"result":tr',
    "two values": b'{"result":true}{"result":true}',
    "a list": b'[{"result":true}]',
    "a text": b'"true"',
    "null": b"null",
    "true": b"true",
    "a byte order mark": b'\xef\xbb\xbf{"result":true}',
    "UTF-16": '{"result":true}'.encode("utf-16"),
    "Latin-1": '{"result":"\u00e9"}'.encode("latin-1"),
    "an encoded surrogate": b'{"result":"\xed\xa0\x80"}',
    "bad UTF-8 after the result": b'{"result":true,"note":"\xff"}',
    "NaN": b'{"result":NaN}',
    "NaN elsewhere": b'{"result":true,"time":{"start":NaN}}',
    "Infinity": b'{"result":-Infinity}',
    "too deep": b'{"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "an integer of 5,000 digits": b'{"result":' + b"1" * 5000 + b"}",
    "a PHP warning before": b'<br />\n<b>Warning</b>: x<br />\n{"result":true}',
    "a single quote": b"{'result':true}",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_what_is_no_json_object_in_utf8_is_unreadable(status: int, body: bytes) -> None:
    with pytest.raises(errors.UnreadableAnswer) as caught:
        read(Reply(status, body), SECRETS)
    assert caught.value.code == "ERROR_UNEXPECTED_ANSWER"


@pytest.mark.parametrize("content", [{}, {"time": TIME}, {"Result": True}, {"error": None}, {"error_description": "x"}])
def test_json_without_a_result_is_unexpected(content: Any) -> None:
    with pytest.raises(errors.UnexpectedAnswer) as caught:
        read(reply(200, content), SECRETS)
    assert caught.type is errors.UnexpectedAnswer


@pytest.mark.parametrize("status", [400, 401, 404, 429])
def test_a_4xx_without_a_code_is_unexpected_even_with_a_result(status: int) -> None:
    with pytest.raises(errors.UnexpectedAnswer, match=f"HTTP {status} without"):
        read(reply(status, {"result": True}), SECRETS)


@pytest.mark.parametrize("time", [TIME, {"start": 1}, {**TIME, "operating": 0.5}, {"start": -1}, {}])
def test_a_plain_time_is_kept(time: Any) -> None:
    assert answer({"result": True, "time": time}).time == time


@pytest.mark.parametrize(
    "time",
    [
        None,
        [],
        [1],
        "now",
        7,
        True,
        {"start": None},
        {"start": True},
        {"start": [1]},
        {"start": {}},
        {"start": "x" * 65},
        {"start": CODE},
        {"start": f"/rest/1/{CODE}x/"},
        {"start": "/rest/1/other0code/"},
        {CODE: 1},
        {"/rest/1/other0code/": 1},
        {"x" * 65: 1},
        {"operating_reset_at": 10**400},
        {"operating_reset_at": 10**18},
        {"operating_reset_at": -(10**400)},
        {"operating_reset_at": 1e300},
        {str(number): number for number in range(17)},
    ],
)
def test_a_strange_time_is_left_out_of_a_success(time: Any) -> None:
    assert answer({"result": True, "time": time}) == Answer(True, None)


def test_an_infinite_number_in_time_is_left_out() -> None:
    assert answer(b'{"result":true,"time":{"start":1e999}}') == Answer(True, None)


def test_a_missing_time_is_none() -> None:
    assert answer({"result": True}).operating_reset_at is None


@pytest.mark.parametrize(("value", "told"), [(1772541897, 1772541897), (1772541897.5, 1772541897.5), ("soon", None)])
def test_operating_reset_at_is_a_number_or_none(value: Any, told: float | None) -> None:
    assert answer({"result": True, "time": {"operating_reset_at": value}}).operating_reset_at == told


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(CODE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ENVELOPES = st.dictionaries(
    st.sampled_from(["result", "error", "error_description", "time", "next"]), JSON, max_size=5
).map(lambda envelope: json.dumps(envelope).encode())


@given(st.integers(100, 599), st.binary(max_size=60) | ENVELOPES)
def test_any_bytes_under_any_status_end_in_an_answer_a_refusal_or_our_own_error(status: int, body: bytes) -> None:
    try:
        outcome = read(Reply(status, body), SECRETS)
    except errors.Bitrix24Error as error:
        assert_tells_nothing(error)
        return
    if isinstance(outcome, Refusal):
        assert errors.CODE.fullmatch(outcome.code)
        assert CODE not in repr(outcome)
    else:
        assert status < 300
        assert CODE not in repr(outcome.time)
