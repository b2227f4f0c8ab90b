"""Reading a request strictly: which bodies and fields are taken, and as what."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_mute.errors import InvalidId, InvalidParameter, RequestError
from chat_mute.request import MUTE_FIELDS, MuteRequest, body_fields, instant, printable, refuse_unknown, upper_fields

MAX = 2**63 - 1
NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def parse(body: str) -> MuteRequest:
    """As the route does it."""
    fields = body_fields(body)
    refuse_unknown(fields, MUTE_FIELDS)
    return MuteRequest.parse(fields, now=NOW)


def refused(body: str) -> tuple[str, str]:
    with pytest.raises(RequestError) as caught:
        parse(body)
    return caught.value.code, caught.value.description


# ---- the body -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["", " ", "\n", " \t\r\n ", "{}", " {} "])
def test_an_empty_body_is_an_empty_object(body: str) -> None:
    assert body_fields(body) == {}


@pytest.mark.parametrize(
    "body",
    [
        "\ufeff{}",
        '\ufeff{"CHAT_ID": 1}',
        "\u00a0",
        "\u2003",
        "\x0c",
        "\x00",
        "null",
        "true",
        "1",
        '"CHAT_ID"',
        "[]",
        '[{"CHAT_ID": 1}]',
        "{",
        '{"CHAT_ID": 1',
        '{"CHAT_ID": 1,}',
        "{'CHAT_ID': 1}",
        "{CHAT_ID: 1}",
        '{"CHAT_ID": 1} x',
        '{"CHAT_ID": 1}{"CHAT_ID": 1}',
        '{"CHAT_ID": 0x1}',
        '{"CHAT_ID": 01}',
        '{"CHAT_ID": +1}',
        '{"REASON": "a\nb"}',
        '{"REASON": "\\x41"}',
        '{"CHAT_ID": NaN}',
        '{"REASON": Infinity}',
        '{"REASON": -Infinity}',
        '{"UNKNOWN": [NaN]}',
        "CHAT_ID=1&MUTE=Y",
        '{"REASON": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "[" * 100_000,
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body: str) -> None:
    code, description = refused(body)
    assert code == "INVALID_PARAMETER"
    assert description.startswith("body: ")


@pytest.mark.parametrize(
    "body",
    [
        '{"CHAT_ID": 1, "CHAT_ID": 1}',
        '{"CHAT_ID": 1, "chat_id": 1}',
        '{"chat_id": 1, "Chat_Id": null}',
        '{"MUTE": "Y", "mute": "Y", "CHAT_ID": 1}',
        '{"CHAT_ID": 1, "\\u0043HAT_ID": 2}',
        '{"CHAT_ID": {"x": 1, "x": 1}}',
        '{"a": 1, "a": 1}',
        '{"": 1, "": 1}',
    ],
)
def test_a_duplicate_key_is_refused_in_whatever_spelling(body: str) -> None:
    code, description = refused(body)
    assert code == "INVALID_PARAMETER"
    assert description.endswith(": given twice.")


@pytest.mark.parametrize("key", ["CHAT_ID", "chat_id", "Chat_Id", "cHAT_iD"])
def test_keys_are_read_in_any_case(key: str) -> None:
    assert parse(f'{{"{key}": 7}}') == MuteRequest(7, None, muted=True, reason=None)


@pytest.mark.parametrize(
    "key",
    [
        "d\u0131alog_id",
        "dialog_\u0131d",
        "d\u0130alog_id",
        "rea\u017fon",
        "REA\u017fON",
        "chat_\u0399D",
        "\u0421HAT_ID",
        "CHAT_ID ",
        " CHAT_ID",
        "CHAT_ID\x00",
        "CHAT_ID[]",
        "ACTION",
        "action",
        "auth",
        "halt",
        "account",
        "schedule",
        "at",
        "",
    ],
)
@pytest.mark.parametrize("value", [1, "Y", None])
def test_an_unknown_field_is_refused_whatever_it_holds(key: str, value: Any) -> None:
    code, description = refused(json.dumps({"CHAT_ID": 1, key: value}))
    assert code == "INVALID_PARAMETER"
    assert description.endswith(": unknown field.")


def test_only_ascii_letters_are_folded() -> None:
    assert upper_fields({"mute": 1, "rea\u017fon": 2, "stra\u00dfe": 3}) == {
        "MUTE": 1,
        "rea\u017fon": 2,
        "stra\u00dfe": 3,
    }
    with pytest.raises(InvalidParameter):
        upper_fields({"mute": 1, "MUTE": 1})


def test_an_unknown_field_is_quoted_cut_and_made_printable() -> None:
    _, description = refused(json.dumps({"a\x00\n\x1b\u2028\ud800" + "x" * 100: 1}))
    assert description == "a?????" + "x" * 58 + ": unknown field."
    assert printable("MUTE") == "MUTE"


# ---- the ids --------------------------------------------------------------------------------------------------------

GOOD_CHAT_IDS = [(1, 1), ("1", 1), (1489, 1489), ("1489", 1489), (MAX, MAX), (str(MAX), MAX)]
BAD_CHAT_IDS: list[Any] = [
    *[0, -1, MAX + 1, 10**19, 10**40, 10**5000, 1489.0, 1e3, True, False],
    *[
        "",
        "0",
        "042",
        " 42",
        "42 ",
        "42\n",
        "+42",
        "-42",
        "4_2",
        "1e3",
        "1489.0",
        "0x2A",
        "42abc",
        "chat42",
        str(MAX + 1),
    ],
    *["\u0664\u0662", "\uff14\uff12", "\u00b2", "1" * 20, "1" * 5000, "null", "true"],
    *[[], [7], {}, {"id": 7}],
]


@pytest.mark.parametrize(("value", "chat_id"), GOOD_CHAT_IDS)
def test_a_chat_id_is_an_integer_or_its_digits(value: Any, chat_id: int) -> None:
    assert parse(json.dumps({"CHAT_ID": value})) == MuteRequest(chat_id, None, muted=True, reason=None)


@pytest.mark.parametrize("value", BAD_CHAT_IDS, ids=lambda value: repr(value)[:20] if value != 10**5000 else "10**5000")
def test_any_other_chat_id_is_refused(value: Any) -> None:
    text = "1" + "0" * 5000 if value == 10**5000 else json.dumps(value)
    assert refused(f'{{"CHAT_ID": {text}}}') == ("CHAT_ID_EMPTY", "CHAT_ID: must be a positive integer.")


@pytest.mark.parametrize("number", ["1489.0", "1e3", "1.489e3", "1489E0", "-0", "-0.0"])
def test_a_number_that_is_no_integer_literal_is_no_id(number: str) -> None:
    assert refused(f'{{"CHAT_ID": {number}}}')[0] == "CHAT_ID_EMPTY"
    assert refused(f'{{"DIALOG_ID": {number}}}')[0] == "DIALOG_ID_EMPTY"


@pytest.mark.parametrize(
    ("value", "dialog_id"),
    [
        ("chat42", "chat42"),
        ("CHAT42", "chat42"),
        ("Chat42", "chat42"),
        ("sg7", "sg7"),
        ("SG7", "sg7"),
        ("crm1", "crm1"),
        ("CrM1", "crm1"),
        ("547", "547"),
        (547, "547"),
        (MAX, str(MAX)),
        (str(MAX), str(MAX)),
        (f"chat{MAX}", f"chat{MAX}"),
    ],
)
def test_a_dialog_id_comes_out_in_lower_case(value: Any, dialog_id: str) -> None:
    assert parse(json.dumps({"DIALOG_ID": value})) == MuteRequest(None, dialog_id, muted=True, reason=None)


BAD_DIALOG_IDS: list[Any] = [
    *[0, -1, MAX + 1, 10**40, 7.0, True, False, [], ["chat42"], {}],
    *["", " ", "chat", "chat0", "chat042", "chat-1", " chat42", "chat42 ", "chat42\n", "chat 42", "chat42x", "xchat42"],
    *["sg", "lines1", "crm", "notify1", "0", "042", f"chat{MAX + 1}", str(MAX + 1), "chat" + "1" * 20, "1" * 5000],
    *["\u017fg7", "\u0441hat42", "chat\u0664", "\uff53g7", "chat42\x00", "chatchat42", "sgchat1"],
]


@pytest.mark.parametrize("value", BAD_DIALOG_IDS, ids=lambda value: repr(value)[:20])
def test_any_other_dialog_id_is_refused(value: Any) -> None:
    code, description = refused(json.dumps({"DIALOG_ID": value}))
    assert (code, description[:11]) == ("DIALOG_ID_EMPTY", "DIALOG_ID: ")


@pytest.mark.parametrize(
    "body", ["", "{}", '{"MUTE": "N"}', '{"CHAT_ID": null}', '{"DIALOG_ID": null, "chat_id": null}']
)
def test_without_an_id_it_is_chat_id_empty(body: str) -> None:
    assert refused(body) == ("CHAT_ID_EMPTY", "CHAT_ID: one of CHAT_ID and DIALOG_ID is needed.")


@pytest.mark.parametrize(("chat_id", "dialog_id"), [(1, "chat1"), ("", ""), (0, False), ([], {}), ("x", "y")])
def test_both_ids_are_refused_even_where_each_is_wrong(chat_id: Any, dialog_id: Any) -> None:
    assert refused(json.dumps({"CHAT_ID": chat_id, "DIALOG_ID": dialog_id}))[0] == "INVALID_PARAMETER"


def test_null_is_absent_in_every_known_field() -> None:
    nothing = dict.fromkeys(MUTE_FIELDS)
    assert parse(json.dumps({**nothing, "CHAT_ID": 1})) == MuteRequest(1, None, muted=True, reason=None)
    assert parse(json.dumps({**nothing, "DIALOG_ID": "sg1"})) == MuteRequest(None, "sg1", muted=True, reason=None)


# ---- the other fields -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "muted"), [("Y", True), ("N", False), (None, True)])
def test_mute_is_y_or_n(value: Any, muted: bool) -> None:
    assert parse(json.dumps({"CHAT_ID": 1, "MUTE": value})).muted is muted


@pytest.mark.parametrize(
    "value",
    ["y", "n", "", " Y", "Y ", "N\n", "YES", "true", "1", "0", True, False, 0, 1, [], ["N"], {}, "\uff2e", "\u041d"],
)
def test_any_other_mute_is_refused(value: Any) -> None:
    assert refused(json.dumps({"CHAT_ID": 1, "MUTE": value})) == (
        "INVALID_PARAMETER",
        'MUTE: must be exactly "Y" or "N".',
    )


@pytest.mark.parametrize(
    "value", ["x", "x" * 200, "\U0001f600" * 200, " ", "<b>", "\u0427\u0430\u0442", "a\u00a0b", "\u200d"]
)
def test_a_reason_is_kept_as_it_is(value: str) -> None:
    assert parse(json.dumps({"CHAT_ID": 1, "REASON": value})).reason == value
    assert parse(json.dumps({"CHAT_ID": 1, "REASON": value}, ensure_ascii=False)).reason == value


@pytest.mark.parametrize(
    "value",
    [
        *["", "x" * 201, "\U0001f600" * 201, "a\nb", "\x00", "\x1b[31m", "\x7f", "\x85", "\x9f", "\ud83d", "a\udc00"],
        *[0, 7, 1.5, True, False, [], ["x"], {}, 10**19, 10**21, 10**199],
    ],
    ids=lambda value: repr(value)[:20],
)
def test_any_other_reason_is_refused(value: Any) -> None:
    code, description = refused(json.dumps({"CHAT_ID": 1, "REASON": value}))
    assert (code, description[:8]) == ("INVALID_PARAMETER", "REASON: ")


# ---- instants -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-24T18:00:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24t18:00:00z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24T18:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24T18:00:00+01:00", datetime(2026, 12, 24, 17, tzinfo=UTC)),
        ("2026-12-24T18:00:00-05:30", datetime(2026, 12, 24, 23, 30, tzinfo=UTC)),
        ("2026-12-24T18:00:00-00:00", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24T18:00:00.5Z", datetime(2026, 12, 24, 18, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-12-24T18:00:00.123456789Z", datetime(2026, 12, 24, 18, 0, 0, 123_456, tzinfo=UTC)),
        ("2028-02-29T00:00:00Z", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_an_instant_is_rfc_3339_and_comes_out_in_utc(text: str, moment: datetime) -> None:
    assert instant("at", text) == moment
    assert instant("at", text).utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    "value",
    [
        *["", "now", "2026-12-24", "2026-12-24T18:00:00", "2026-12-24 18:00:00Z", "2026-12-24T18Z", "20261224T180000Z"],
        *["2026-12-24T18:00:00+0100", "2026-12-24T18:00:00+01", "2026-12-24T18:00:00+24:00", "2026-12-24T18:00:00 Z"],
        *["2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-12-24T25:00:00Z", "2026-12-24T18:60:00Z"],
        *["2026-12-24T18:00:00.Z", "2026-12-24T18:00:00,5Z", "2026-12-24T18:00:00Z\n", " 2026-12-24T18:00:00Z"],
        *["2026-W52-4T18:00:00Z", "+2026-12-24T18:00:00Z", "0000-12-24T18:00:00Z", "0001-01-01T00:00:00+01:00"],
        *["9999-12-31T23:59:59-01:00", "\u0662026-12-24T18:00:00Z", "<aws.scheduler.scheduled-time>"],
        *[None, 0, 1772541297, True, [], {}],
    ],
)
def test_anything_else_is_no_instant(value: Any) -> None:
    with pytest.raises(InvalidParameter, match="at: must be a time like"):
        instant("at", value)


# ---- properties -----------------------------------------------------------------------------------------------------

SPELLINGS = st.sampled_from(sorted(MUTE_FIELDS)).flatmap(
    lambda name: st.lists(st.booleans(), min_size=len(name), max_size=len(name)).map(
        lambda low: "".join(c.lower() if lower else c for c, lower in zip(name, low, strict=True))
    )
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, MAX + 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["Y", "N", "y", "chat1", "SG2", "crm3", "547", "042", "PT8H", "2026-12-24T18:00:00Z"]),
    st.from_regex(r"\A(chat|sg|crm|CHAT|)[0-9]{1,20}\Z"),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=1),
)


@given(st.dictionaries(SPELLINGS, VALUES, max_size=4))
def test_what_is_accepted_means_exactly_what_was_sent(fields: dict[str, Any]) -> None:
    try:
        request = parse(json.dumps(fields))
    except (InvalidId, InvalidParameter):
        return
    sent = {name.upper(): value for name, value in fields.items() if value is not None}
    assert len(sent) == len([value for value in fields.values() if value is not None])
    assert (request.chat_id is None) != (request.dialog_id is None)
    assert str(sent.get("CHAT_ID", sent.get("DIALOG_ID"))).lower() == str(request.chat_id or request.dialog_id)
    assert sent.get("MUTE", "Y") == ("Y" if request.muted else "N")
    assert sent.get("REASON") == request.reason
    assert (request.until is not None) == ("UNTIL" in sent or "FOR" in sent)
    lasting = request.lasting and f"PT{request.lasting}S"
    again = json.dumps({**request.fields(), "FOR": lasting})
    assert parse(again) == request, "its fields are a request that means the same"


@given(st.text(max_size=30))
def test_any_text_is_an_object_or_refused(body: str) -> None:
    with contextlib.suppress(InvalidParameter):
        assert isinstance(body_fields(body), dict)


def test_fields_are_the_same_for_the_same_chat_in_two_spellings_only() -> None:
    def fields(body: str) -> dict[str, int | str | None]:
        return parse(body).fields()

    assert fields('{"CHAT_ID": 42}') == fields('{"chat_id": "42", "MUTE": "Y", "REASON": null}')
    assert fields('{"DIALOG_ID": "CHAT42"}') == fields('{"DIALOG_ID": "chat42"}')
    different = ['{"CHAT_ID": 42}', '{"DIALOG_ID": "chat42"}', '{"DIALOG_ID": 42}', '{"CHAT_ID": 42, "MUTE": "N"}']
    different.append('{"CHAT_ID": 42, "REASON": "x"}')
    assert len({json.dumps(fields(body)) for body in different}) == len(different)


@pytest.mark.parametrize(
    ("body", "chat"),
    [('{"CHAT_ID": "42"}', "chat42"), ('{"DIALOG_ID": "CHAT42"}', "chat42"), ('{"DIALOG_ID": 42}', "42")],
)
def test_a_log_names_a_chat_as_a_dialog_id(body: str, chat: str) -> None:
    assert parse(body).chat == chat
