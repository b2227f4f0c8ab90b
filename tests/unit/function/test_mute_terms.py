"""`POST im.chat.mute` with `UNTIL`, `FOR` and `REASON`: what is taken, what is refused, what is answered and held."""

from typing import Any

import pytest

from local.portal import Fault
from local.virtual import CALLER
from tests.unit.function.office import BEN, OF_ROLE, PRIVATE, Office, at

ME = f"caller:{CALLER}"
KEY = {"Idempotency-Key": "key-1"}
CI = "arn:aws:iam::000000000000:user/ci"
EMOJI = "\U0001f600"


def until(office: Office, **fields: Any) -> str:
    """The end that the answer tells."""
    answer = office.mute(1, **fields)
    assert (answer.status, answer.body["result"]) == (200, True), answer
    told: str = answer.body["until"]
    assert office.owners() == {ME: told}, "and it is the one that is kept"
    return told


# ---- what is taken --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("2026-03-03T18:00:00Z", "2026-03-03T18:00:00Z"),
        ("2026-03-03t18:00:00z", "2026-03-03T18:00:00Z"),
        ("2026-03-03T18:00Z", "2026-03-03T18:00:00Z"),
        ("2026-03-03T18:00:00.999999999Z", "2026-03-03T18:00:00Z"),
        ("2026-03-03T18:00:00+01:00", "2026-03-03T17:00:00Z"),
        ("2026-03-03T18:00-05:30", "2026-03-03T23:30:00Z"),
        ("2026-03-03T11:00:00-01:01", "2026-03-03T12:01:00Z"),
        ("2026-03-03T12:00:01Z", "2026-03-03T12:00:01Z"),
        ("2027-03-04T12:00:00Z", "2027-03-04T12:00:00Z"),
    ],
)
def test_until_is_an_instant_and_is_told_in_utc(office: Office, given: str, told: str) -> None:
    assert until(office, UNTIL=given) == told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("PT8H", "2026-03-03T20:00:00Z"),
        ("PT90M", "2026-03-03T13:30:00Z"),
        ("PT1S", "2026-03-03T12:00:01Z"),
        ("PT100000S", "2026-03-04T15:46:40Z"),
        ("P1D", "2026-03-04T12:00:00Z"),
        ("P1DT12H", "2026-03-05T00:00:00Z"),
        ("P1DT1H1M1S", "2026-03-04T13:01:01Z"),
        ("P0DT5M", "2026-03-03T12:05:00Z"),
        ("P2W", "2026-03-17T12:00:00Z"),
        ("P007D", "2026-03-10T12:00:00Z"),
        ("P366D", "2027-03-04T12:00:00Z"),
        ("PT8784H", "2027-03-04T12:00:00Z"),
    ],
)
def test_for_is_a_duration_from_now_on(office: Office, given: str, told: str) -> None:
    assert until(office, FOR=given) == told


def test_a_day_is_24_hours_whatever_the_clocks_of_a_country_do(office: Office) -> None:
    office.stack.clock.set(at("2026-03-28 18:00"))  # the night before Europe's clocks go forward
    assert until(office, FOR="P1D") == "2026-03-29T18:00:00Z"


@pytest.mark.parametrize("reason", ["x", "x" * 200, EMOJI * 200, " ", "<b>\u0427\u0430\u0442</b>"])
def test_a_reason_is_shown_with_the_hold_and_never_told_the_portal(office: Office, reason: str) -> None:
    office.mute(1, FOR="PT1H", REASON=reason)
    assert [hold["reason"] for hold in office.chat()["holds"]] == [reason]
    assert [set(call.params) for call in office.portal.calls_of("im.chat.mute")] == [{"CHAT_ID", "MUTE"}]


# ---- what is refused ------------------------------------------------------------------------------------------------

Refused = tuple[dict[str, Any], str]


def each(field: str, reason: str, *values: Any) -> list[Refused]:
    return [({field: value}, f"{field}: {reason}") for value in values]


REFUSED: list[Refused] = [
    *each("UNTIL", "must be a time like", "", "tomorrow", "2026-03-03", "2026-03-03T18:00:00", "2026-03-03 18:00:00Z"),
    *each("UNTIL", "must be a time like", "2026-03-03T18Z", "20260303T180000Z", "2026-03-03T18:00:00+0100"),
    *each("UNTIL", "must be a time like", "2026-03-03T18:00:00+01", "2026-03-03T18:00:00 Z", "2026-02-29T00:00:00Z"),
    *each("UNTIL", "must be a time like", "2026-03-03T24:00:00Z", "2026-03-03T18:60:00Z", "2026-03-03T18:00:00.Z"),
    *each(
        "UNTIL", "must be a time like", "2026-03-03T18:00:00Z\n", "\u0662026-03-03T18:00:00Z", 1772560800, True, [], {}
    ),
    *each("UNTIL", "must be in the future", "2026-03-03T12:00:00Z", "2026-03-03T12:00:00.9Z", "0001-01-01T00:00Z"),
    *each("UNTIL", "must be in the future", "2026-03-03T12:59:00+01:00", "2026-03-03T11:59:59Z"),
    *each("UNTIL", "at most 366 days", "2027-03-04T12:00:01Z", "2027-03-04T12:01Z", "9999-12-31T23:59:59Z"),
    *each("FOR", "must be a duration like", "", "P", "PT", "P1DT", "8H", "T8H", "P8H", "PT8D", "PTH", "pt1h", "Pt1H"),
    *each("FOR", "must be a duration like", "P1Y", "P1M", "P1Y2D", "P1M2D", "P1W2D", "P1WT1H", "PT1M1H", "PT1H1H"),
    *each("FOR", "must be a duration like", "PT1.5H", "PT1,5H", "P0.5D", "PT-1H", "-PT1H", "+PT1H", "PT9999999999H"),
    *each("FOR", "must be a duration like", "PT 1H", " PT1H", "PT1H ", "PT1H\n", "PT\u0661H", 3600, True, [], {}),
    *each("FOR", "must be longer than nothing", "PT0S", "P0D", "P0W", "P0DT0H0M0S"),
    *each("FOR", "", "P367D", "P53W", "PT8785H", "P366DT1S", "P999999999D", "P999999999W"),
    ({"UNTIL": "2026-03-03T18:00:00Z", "FOR": "PT1H"}, "UNTIL, FOR: only one"),
    ({"UNTIL": "x", "FOR": "x"}, "UNTIL, FOR: only one"),
    ({"MUTE": "N", "UNTIL": "2026-03-03T18:00:00Z"}, 'UNTIL: not with MUTE "N"'),
    ({"MUTE": "N", "FOR": "PT1H"}, 'FOR: not with MUTE "N"'),
    *each(
        "REASON", "must be a text", "", "x" * 201, EMOJI * 201, "a\nb", "\x00", "\x7f", "\x85", "\ud83d", 7, True, []
    ),
]


@pytest.mark.parametrize(("fields", "description"), REFUSED)
def test_anything_else_is_refused_and_nobody_is_asked(office: Office, fields: dict[str, Any], description: str) -> None:
    with office.cost() as cost:
        status, code, told = office.refused("POST", "im.chat.mute", {"CHAT_ID": 1, **fields})
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert told.startswith(description)
    assert cost.all == (0, 0, [])


@pytest.mark.parametrize("name", ["UNTIL", "FOR", "REASON"])
def test_null_is_absent(office: Office, name: str) -> None:
    assert "until" not in office.call("POST", "im.chat.mute", {"CHAT_ID": 1, name: None}).body


def test_keys_are_read_in_any_case_and_twice_in_two_spellings_is_refused(office: Office) -> None:
    answer = office.call("POST", "im.chat.mute", '{"chat_id": 1, "fOr": "PT1H", "Reason": "x"}')
    assert answer.body["until"] == "2026-03-03T13:00:00Z"
    refused = office.refused("POST", "im.chat.mute", '{"chat_id": 1, "FOR": "PT1H", "for": null}')
    assert refused == (400, "INVALID_PARAMETER", "FOR: given twice.")


@pytest.mark.parametrize(
    ("fields", "first"),
    [
        ({"MUTE": "X", "UNTIL": "x", "FOR": "x", "REASON": ""}, "MUTE"),
        ({"MUTE": "N", "UNTIL": "x", "FOR": "x", "REASON": ""}, "UNTIL, FOR"),
        ({"MUTE": "N", "UNTIL": "x", "REASON": ""}, "UNTIL"),
        ({"MUTE": "N", "FOR": "P1Y", "REASON": ""}, "FOR"),
        ({"MUTE": "N", "FOR": "PT1H", "REASON": ""}, "FOR"),
        ({"FOR": "PT1H", "REASON": ""}, "REASON"),
        ({"FOR": "PT1H", "REASON": "x"}, "Idempotency-Key"),
    ],
)
def test_of_several_faults_the_first_in_the_contracts_order_is_told(
    office: Office, fields: dict[str, Any], first: str
) -> None:
    refused = office.refused("POST", "im.chat.mute", {"CHAT_ID": 1, **fields}, {"Idempotency-Key": "two words"})
    assert refused[:2] == (400, "INVALID_PARAMETER")
    assert refused[2].startswith(f"{first}: ")


def test_an_end_that_is_past_comes_before_the_reason_where_no_replay_can_be_meant(office: Office) -> None:
    body = {"CHAT_ID": 1, "UNTIL": "2020-01-01T00:00:00Z", "REASON": ""}
    assert office.refused("POST", "im.chat.mute", body)[2] == "UNTIL: must be in the future."


def test_with_a_key_an_end_that_is_past_is_refused_where_nothing_is_to_be_replayed(office: Office) -> None:
    body = {"CHAT_ID": 1, "UNTIL": "2020-01-01T00:00:00Z"}
    for _ in range(2):
        assert office.refused("POST", "im.chat.mute", body, KEY) == (
            400, "INVALID_PARAMETER", "UNTIL: must be in the future.",
        )  # fmt: skip
    assert office.portal.calls_of("im.chat.mute") == []


# ---- whose it is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "owner"),
    [(CI, f"caller:{CI}"), (f"{OF_ROLE}/session-1", f"caller:{OF_ROLE}"), (f"{OF_ROLE}/ann@x.y", f"caller:{OF_ROLE}")],
)
def test_the_owner_is_the_caller_without_a_session(office: Office, caller: str, owner: str) -> None:
    office.mute(1, caller=caller, FOR="PT1H")
    assert office.owners() == {owner: "2026-03-03T13:00:00Z"}


def test_another_session_of_a_role_replaces_what_the_first_asked_for_and_another_caller_adds(office: Office) -> None:
    office.mute(1, caller=f"{OF_ROLE}/one", FOR="PT5H")
    office.mute(1, caller=f"{OF_ROLE}/two", FOR="PT1H", REASON="shorter")
    office.mute(1, caller=CI, FOR="PT2H")
    assert office.owners() == {f"caller:{OF_ROLE}": "2026-03-03T13:00:00Z", f"caller:{CI}": "2026-03-03T14:00:00Z"}
    office.go("2026-03-03 13:30")
    assert office.owners() == {f"caller:{CI}": "2026-03-03T14:00:00Z"}
    assert 1 in office.muted
    office.go("2026-03-03 14:00")
    assert 1 not in office.muted


@pytest.mark.parametrize(
    ("chat", "number"),
    [(1, 1), ("chat1", 1), ("CHAT1", 1), (str(BEN), PRIVATE), (f"chat{PRIVATE}", PRIVATE), ("sg7", 99)],
)
def test_a_hold_is_of_the_chats_number_by_whatever_name_it_was_asked_for(
    office: Office, chat: int | str, number: int
) -> None:
    office.mute(chat, FOR="PT1H")
    assert [hold["chat_id"] for hold in office.ok("GET", "holds")["holds"]] == [number]
    office.go("2026-03-03 13:00")
    assert number not in office.muted
    assert office.ok("GET", "holds")["holds"] == []


# ---- idempotency ----------------------------------------------------------------------------------------------------


def test_a_replay_tells_the_first_end_and_prolongs_nothing(office: Office) -> None:
    body = {"CHAT_ID": 1, "FOR": "PT1H"}
    first = office.call("POST", "im.chat.mute", body, KEY)
    office.stack.clock.set(at("2026-03-03 12:30"))
    with office.cost() as cost:
        again = office.call("POST", "im.chat.mute", body, KEY)
    assert (first.status, first.body) == (again.status, again.body)
    assert again.body["until"] == "2026-03-03T13:00:00Z"
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert cost.portal == []
    assert office.owners() == {ME: "2026-03-03T13:00:00Z"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"CHAT_ID": "1", "FOR": "PT1H"}, 200),
        ({"chat_id": 1, "for": "PT60M", "mute": "Y", "reason": None}, 200),
        ({"CHAT_ID": 1, "FOR": "PT2H"}, 422),
        ({"CHAT_ID": 1}, 422),
        ({"CHAT_ID": 1, "UNTIL": "2026-03-03T13:00:00Z"}, 422),
        ({"CHAT_ID": 1, "FOR": "PT1H", "REASON": "x"}, 422),
        ({"DIALOG_ID": "chat1", "FOR": "PT1H"}, 422),
    ],
)
def test_the_same_request_is_the_same_fields_after_parsing(office: Office, body: Any, status: int) -> None:
    office.call("POST", "im.chat.mute", {"CHAT_ID": 1, "FOR": "PT1H"}, KEY)
    answer = office.call("POST", "im.chat.mute", body, KEY)
    assert answer.status == status
    assert answer.body.get("error") == (None if status == 200 else "IDEMPOTENCY_KEY_REUSED")
    assert len(office.portal.calls_of("im.chat.mute")) == 1


def test_until_in_two_spellings_is_the_same_request(office: Office) -> None:
    for spelled in ("2026-03-03T18:00:00Z", "2026-03-03t19:00+01:00"):
        answer = office.call("POST", "im.chat.mute", {"CHAT_ID": 1, "UNTIL": spelled}, KEY)
        assert answer.body["until"] == "2026-03-03T18:00:00Z"
    assert len(office.portal.calls_of("im.chat.mute")) == 1


def test_a_replay_of_until_is_still_answered_after_its_end(office: Office) -> None:
    body = {"CHAT_ID": 1, "UNTIL": "2026-03-03T13:00:00Z"}
    office.call("POST", "im.chat.mute", body, KEY)
    office.go("2026-03-03 14:00")
    answer = office.call("POST", "im.chat.mute", body, KEY)
    assert (answer.status, answer.headers.get("Idempotency-Replayed")) == (200, "true")


def test_an_old_mute_until_replayed_after_a_newer_unmute_does_not_mute_again(office: Office) -> None:
    office.call("POST", "im.chat.mute", {"CHAT_ID": 1, "FOR": "PT8H"}, KEY)
    office.mute(1, MUTE="N")
    assert office.call("POST", "im.chat.mute", {"CHAT_ID": 1, "FOR": "PT8H"}, KEY).status == 200
    assert 1 not in office.muted


# ---- what the portal says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chat", [4711, "chat4711", "sg4711", "4711"])
def test_a_chat_that_is_not_there_is_refused_and_leaves_nothing_behind(office: Office, chat: int | str) -> None:
    answer = office.mute(chat, FOR="PT1H")
    assert answer.status in {400, 403}
    assert answer.body["error"] in {"ACCESS_ERROR", "CHAT_ID_EMPTY", "DIALOG_ID_EMPTY"}
    assert office.ok("GET", "holds")["holds"] == []
    assert office.due() is None


def test_a_refusal_of_the_mute_itself_leaves_nothing_held(office: Office) -> None:
    office.portal.faults.add(Fault.result(value=False), method="im.chat.mute")
    answer = office.mute(1, FOR="PT1H")
    assert (answer.status, answer.body["error"]) == (403, "ACCESS_ERROR")
    assert office.ok("GET", "holds")["holds"] == []
    office.go("2026-03-03 14:00")
    assert office.muted == {2}


def test_a_lost_answer_is_found_out_and_still_ends(office: Office) -> None:
    office.portal.faults.add(Fault.reset_after_effect(), method="im.chat.mute", times=None)
    answer = office.mute(1, FOR="PT1H")
    assert (answer.status, answer.body["error"]) == (502, "PORTAL_UNREACHABLE")
    assert 1 in office.muted
    office.portal.faults.clear()
    office.go("2026-03-03 12:05")
    assert [hold["state"] for hold in office.ok("GET", "holds")["holds"]] == ["held"]
    office.go("2026-03-03 14:00")
    assert office.muted == {2}
    assert office.ok("GET", "holds") == {"holds": [], "next": None}
