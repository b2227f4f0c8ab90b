"""A look at an account: when the next one comes, and what is counted of it for alarms and the dashboard."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.inmemory import errors as aws
from local.portal import Fault
from local.virtual import STATE
from tests.unit.function.conftest import Lines
from tests.unit.function.office import ANN, BEN, HAND, HOST, LINES, PRIVATE, Office, at

NOON = at("2026-03-03 12:00")
MINUTE = timedelta(minutes=1)
NIGHT = {1, HAND, 3, 4, 5, PRIVATE}
Act = Callable[[Office], None]
Counts = Callable[[], dict[str, int]]


@pytest.fixture
def counted(office: Office, capsys: pytest.CaptureFixture[str]) -> Counts:
    """What looks have counted since it was last asked for, reasons left out."""

    def counted() -> dict[str, int]:
        found: Counter[str] = Counter()
        for line in capsys.readouterr().out.splitlines():
            said = json.loads(line)
            if said.get("trigger") == "queue" and "_aws" in said:
                for metric in said["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                    found[metric["Name"]] += int(sum(said[metric["Name"]]))
        return {name: times for name, times in found.items() if "." not in name}

    return counted


def window(office: Office) -> None:
    """A window of all chats, begun."""
    office.put("night", "11:00-14:00")
    office.stack.minute()


def down(office: Office) -> None:
    office.portal.faults.add(Fault.html(502), times=None)


def revoked(office: Office) -> None:
    office.portal.webhooks.clear()


def gone(office: Office) -> None:
    office.stack.secrets.delete_secret(SecretId="quiet-hours/default", ForceDeleteWithoutRecovery=True)
    office.stack.new_process()


def other_user(office: Office) -> None:
    office.portal.change_webhook_owner(ANN, BEN)


def faulty(office: Office) -> None:
    """A fault of our own, or of AWS, in the middle of each look."""

    def fails(**_: Any) -> Any:
        raise RuntimeError("not foreseen")

    query = office.stack.dynamodb.query
    office.stack.dynamodb.query = (  # type: ignore[method-assign]
        lambda **request: fails() if "policy#" in json.dumps(request) else query(**request)
    )


def blocked(code: str, method: str) -> Act:
    return lambda office: office.portal.faults.add(
        Fault.error(code, status=503), method=method, in_batch=method != "batch", times=None
    )


def of_one(chat_id: int, code: str = "ERROR_UNEXPECTED_ANSWER") -> Act:
    return lambda office: office.portal.faults.add(
        Fault.error(code, status=500), method="im.chat.mute", in_batch=True, params={"CHAT_ID": chat_id}, times=None
    )


def gaps(office: Office, looks: int) -> list[int]:
    """Minutes from each look's tick to the next one's."""
    found = []
    for _ in range(looks):
        began, due = office.stack.clock.now(), office.due()
        assert due is not None
        office.stack.minute(max(due, began) + timedelta(microseconds=1))
        found.append(round((office.stack.clock.now() - began) / MINUTE))
    return found


# ---- when the next look comes ---------------------------------------------------------------------------------------


BACK_OFF = [1, 2, 4, 8, 15, 15]


@pytest.mark.parametrize(
    ("trouble", "release_waits", "minutes"),
    [
        (down, False, BACK_OFF),
        (down, True, [1] * 6),
        (revoked, False, BACK_OFF),
        (revoked, True, BACK_OFF),
        (gone, True, BACK_OFF),
        (other_user, True, BACK_OFF),
        (faulty, False, BACK_OFF),
        (faulty, True, BACK_OFF),
        (of_one(3), False, BACK_OFF),
        (of_one(3, "QUERY_LIMIT_EXCEEDED"), False, [2, 2, 2]),  # at once, and the look took more than a minute
    ],
)
def test_trouble_is_tried_again_after_1_2_4_8_and_then_each_15_minutes_a_release_each_minute(
    office: Office, trouble: Act, release_waits: bool, minutes: list[int]
) -> None:
    office.put("night", "12:01-12:05" if release_waits else "12:01-22:00")
    office.go("2026-03-03 12:00")
    if release_waits:
        office.stack.minute(at("2026-03-03 12:01"))
        assert office.muted == NIGHT
    trouble(office)
    office.stack.minute(at("2026-03-03 12:05" if release_waits else "2026-03-03 12:01"))
    assert gaps(office, len(minutes)) == minutes
    assert office.account_item()["failures"] == {"N": str(len(minutes) + 1)}
    assert "active" in office.account_item(), "a call must look whether something is held"


@pytest.mark.parametrize(
    ("code", "method", "release_waits", "minutes"),
    [
        ("OVERLOAD_LIMIT", "batch", False, 15),
        ("OVERLOAD_LIMIT", "batch", True, 15),
        ("OPERATION_TIME_LIMIT", "im.recent.list", False, 5),
    ],
)
def test_a_pause_is_kept_to_its_end_also_where_something_was_to_be_released(
    office: Office, code: str, method: str, release_waits: bool, minutes: int
) -> None:
    office.put("night", "12:01-12:05" if release_waits else "12:05-22:00")
    office.go("2026-03-03 12:04")
    blocked(code, method)(office)
    office.stack.minute(at("2026-03-03 12:05"))
    assert gaps(office, 1) == [minutes]


def test_a_look_that_went_well_forgets_the_trouble_before(office: Office) -> None:
    office.put("night", "12:01-22:00")
    office.go("2026-03-03 12:00")
    down(office)
    office.go("2026-03-03 12:08")
    office.portal.faults.clear()
    office.go("2026-03-03 12:16")
    assert office.muted == NIGHT
    assert office.account_item()["failures"] == {"N": "0"}
    assert office.due() == at("2026-03-03 12:31"), "a running window is looked at each quarter of an hour"
    down(office)
    office.stack.minute(at("2026-03-03 12:31"))
    assert gaps(office, 2) == [1, 2]


def test_what_is_planned_by_the_minute_does_not_miss_the_next_tick(office: Office) -> None:
    office.put("night", "12:01-22:00")
    office.go("2026-03-03 12:00")
    down(office)
    office.stack.minute(at("2026-03-03 12:01") + timedelta(seconds=5))
    assert office.due() == at("2026-03-03 12:02")


def test_a_record_that_another_worker_has_changed_meanwhile_is_looked_at_again_at_once(office: Office) -> None:
    office.put("night", "12:01-22:00")
    office.go("2026-03-03 12:00")
    put, changed = office.stack.dynamodb.put_item, list[bool]()

    def overtaken(**request: Any) -> Any:
        if request["Item"]["sk"]["S"] == "hold#1" and not changed:
            changed.append(True)
            raise aws.failure(aws.ConditionalCheckFailedException, "The conditional request failed")
        return put(**request)

    office.stack.dynamodb.put_item = overtaken  # type: ignore[method-assign]
    office.stack.minute(at("2026-03-03 12:01"))
    assert (changed, len(office.muted)) == ([True], len(NIGHT) - 1)
    assert office.due() == at("2026-03-03 12:01"), "at once"
    office.go("2026-03-03 12:02")
    assert office.muted == NIGHT


def nothing(office: Office) -> None:
    office.mute(1, FOR="PT1M")
    office.stack.clock.set(NOON + MINUTE)


def later(office: Office) -> None:
    office.put("night", "13:10-22:00")


def ends_soon(office: Office) -> None:
    office.put("night", "11:00-12:05")


def caller(office: Office) -> None:
    office.mute(1, FOR="PT7M")
    office.put("off", enabled=False)


def in_years(office: Office) -> None:
    office.put("party", dates={"2029-06-01": [{"start": "19:00", "end": "23:00"}]}, windows=[])


def foreign(office: Office) -> None:
    office.mute(1, FOR="PT8H")
    office.add_account("default", BEN)
    office.put("off", enabled=False)
    office.stack.new_process()


def cut_off(office: Office) -> None:
    """A job with a chat that has to wait."""
    of_one(3)(office)
    office.ok("POST", "mutes", {"chats": ["chat1", "chat3"], "for": "PT8H"})


@pytest.mark.parametrize(
    ("act", "due", "active"),
    [
        (nothing, None, False),
        (later, "2026-03-03 13:10", False),
        (window, "2026-03-03 12:15", True),
        (ends_soon, "2026-03-03 12:05", True),
        (caller, "2026-03-03 12:07", True),
        (in_years, "2027-03-03 12:00", False),
        (foreign, "2026-03-03 12:15", True),
        (cut_off, "2026-03-03 12:01", True),
    ],
)
def test_the_next_look_comes_when_something_is_to_change(
    office: Office, act: Act, due: str | None, active: bool
) -> None:
    act(office)
    office.stack.minute()
    assert office.due() == (at(due) if due else None)
    assert ("active" in office.account_item()) is active
    assert office.account_item()["portal"] == {"S": HOST}


def test_a_message_that_comes_at_the_minute_is_a_look_and_once_more_is_none(office: Office, counted: Counts) -> None:
    office.put("night", "12:01-22:00")
    office.go("2026-03-03 12:00")
    counted()
    office.stack.clock.set(NOON + MINUTE)
    message = json.dumps({"account": "default", "at": (NOON + MINUTE).isoformat()})
    office.stack.handle(message)
    assert office.muted == NIGHT
    assert "NothingDue" not in counted()
    office.stack.handle(message)
    assert counted() == {"NothingDue": 1}


# ---- jobs nobody can do ---------------------------------------------------------------------------------------------


def test_jobs_are_given_up_after_a_day_each_at_its_own_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_mute.reconcile._FAILING", 2)
    old = office.ok("POST", "mutes", {"chats": ["chat1", "chat3", "chat4"]})["job"]
    office.stack.clock.set(NOON + 5 * MINUTE)
    young = office.ok("POST", "mutes", {"chats": ["chat5"]})["job"]
    gone(office)
    office.stack.clock.set(at("2026-03-04 12:00"))
    office.stack.minute()
    states = jobs(office)
    assert (states[old]["state"], states[young]["state"]) == ("queued", "queued"), "a day, not longer"
    office.stack.dynamodb.calls.clear()
    office.go("2026-03-04 12:02")
    states = jobs(office)
    assert (states[old]["state"], states[old]["failed"], states[young]["state"]) == ("done", 3, "queued")
    assert at(states[old]["finished_at"][:16]) > at("2026-03-04 12:00")
    assert office.stack.dynamodb.calls["transact_write_items"] == 2, "so many results at once"
    while jobs(office)[young]["state"] == "queued":
        gaps(office, 1)
    assert office.due() is None, "nothing is left to look after"
    assert "active" not in office.account_item()


def test_an_account_that_is_gone_and_has_nothing_left_is_not_looked_at_again(office: Office, counted: Counts) -> None:
    office.put("night")
    office.ok("DELETE", "quiet-hours/night")
    gone(office)
    counted()
    office.stack.minute()
    assert counted() == {"AccountBroken": 1}
    assert office.due() is None
    assert "active" not in office.account_item()


def jobs(office: Office) -> dict[str, Any]:
    """Jobs as they are stored, by id."""
    items = [item for item in office.stack.dynamodb.items(STATE) if item["sk"]["S"].startswith("job#")]
    return {item["sk"]["S"].removeprefix("job#"): json.loads(item["document"]["S"]) for item in items}


# ---- what is counted ------------------------------------------------------------------------------------------------


def unmuted(office: Office) -> None:
    office.mute(1, MUTE="N")


def reader_gone(office: Office) -> None:
    """The list and the chats fail in two ways, twice each."""
    blocked("ERROR_UNEXPECTED_ANSWER", "im.recent.list")(office)
    office.put("night", "11:00-14:00", chats={"only": ["chat1", "chat3", "chat4711"]})
    office.portal.faults.add(
        Fault.error("INTERNAL_SERVER_ERROR", status=500), method="im.dialog.get", in_batch=True, times=None
    )


def another(office: Office) -> None:
    office.add_account("default", BEN)
    office.stack.new_process()


def named(office: Office) -> None:
    office.put("night", "11:00-14:00", chats={"only": ["chat1", "chat4", "chat5", f"chat{LINES}", "chat4711"]})
    office.put("all", "11:00-14:00", chats={"all": True, "except": ["chat3"]})


def unreadable(office: Office) -> None:
    for name in ("one", "two"):
        office.put(name, "11:00-14:00")
        key = {"pk": {"S": "account#default"}, "sk": {"S": f"policy#{name}"}}
        item = office.stack.dynamodb.get_item(TableName=STATE, Key=key)["Item"]
        document = item["document"]["S"].replace('"UTC"', '"Europe/Atlantis"')
        office.stack.dynamodb.put_item(TableName=STATE, Item={**item, "document": {"S": document}})


def refuses(office: Office) -> None:
    for chat_id in (6, 7):
        office.portal.add_chat(chat_id, members=[ANN], title=f"Deal {chat_id}")
    office.portal.faults.add(Fault.error("ACCESS_ERROR"), method="im.chat.mute", in_batch=True, times=2)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda _: None, {"WindowsOpen": 1, "ChatsHeld": 6}),
        (unmuted, {"WindowsOpen": 1, "ChatsHeld": 5}),
        (down, {"AccountInTrouble": 1}),
        (revoked, {"AccountBroken": 1}),
        (gone, {"AccountBroken": 1}),
        (other_user, {"AccountBroken": 1}),
        (faulty, {"InternalError": 1}),
        (reader_gone, {"AccountInTrouble": 2, "WindowsOpen": 1, "ChatsHeld": 6}),
        (named, {"WindowsOpen": 1, "ChatsHeld": 5, "ChatUnsupported": 2, "ChatUnmuted": 1}),
        (another, {"WindowsOpen": 1}),
        (unreadable, {"WindowsOpen": 1, "ChatsHeld": 6, "PolicyUnreadable": 2}),
        (refuses, {"WindowsOpen": 1, "ChatsHeld": 6, "MuteRefused": 2}),
        (of_one(3), {"WindowsOpen": 1, "ChatsHeld": 6}),
    ],
)
def test_what_a_look_in_a_window_counts(office: Office, counted: Counts, act: Act, expected: dict[str, int]) -> None:
    window(office)
    act(office)
    counted()
    office.stack.minute(at("2026-03-03 12:15"))
    assert counted() == expected


@pytest.mark.parametrize(
    ("act", "at_once", "after_five_minutes"),
    [
        (down, {"AccountInTrouble": 1}, {"AccountInTrouble": 1, "ReleaseOverdue": 3}),
        (revoked, {"AccountBroken": 1}, {"AccountBroken": 1, "ReleaseOverdue": 3}),
        (faulty, {"InternalError": 1}, {"InternalError": 1, "ReleaseOverdue": 3}),
        (blocked("ERROR_UNEXPECTED_ANSWER", "im.chat.mute"), {"AccountInTrouble": 1},
         {"AccountInTrouble": 1, "ReleaseOverdue": 3}),
        (another, {}, {"ReleaseOverdue": 3}),
    ],
)  # fmt: skip
def test_releases_that_are_overdue_are_counted_by_their_chats(
    office: Office, counted: Counts, act: Act, at_once: dict[str, int], after_five_minutes: dict[str, int]
) -> None:
    """Not the chat that was muted before, nor one that somebody wants muted for good, nor one that is audible."""
    office.put("night", "11:00-12:01")
    office.stack.minute()
    office.mute(3)
    office.mute(4, MUTE="N")
    act(office)
    counted()
    office.stack.minute(at("2026-03-03 12:01"))
    assert counted() == at_once
    office.go("2026-03-03 12:06")
    counted()
    office.stack.clock.set(at("2026-03-03 12:20"))
    office.stack.minute()
    assert counted() == after_five_minutes


def test_a_release_is_overdue_after_five_minutes(office: Office, counted: Counts) -> None:
    office.put("night", "11:00-12:01")
    office.stack.minute()
    revoked(office)
    counted()
    office.stack.minute(at("2026-03-03 12:06"))
    assert counted() == {"AccountBroken": 1}
    office.stack.minute(at("2026-03-03 12:07"))
    assert counted() == {"AccountBroken": 1, "ReleaseOverdue": 5}


@pytest.mark.parametrize("left", [False, True])
def test_a_release_that_the_portal_refuses_is_over_only_where_the_chat_is_gone(office: Office, left: bool) -> None:
    office.put("night", "11:00-12:01", chats={"only": ["chat1"]})
    office.stack.minute()
    if left:
        office.portal.leave(ANN, 1)
    office.portal.faults.add(Fault.result(value=False), method="im.chat.mute", in_batch=True, times=2)
    office.stack.minute(at("2026-03-03 12:01"))
    assert office.due() == (at("2026-03-04 11:00") if left else at("2026-03-03 12:02"))
    assert len(office.ok("GET", "holds")["holds"]) == (0 if left else 1)


def test_what_holds_a_chat_that_its_user_has_left_lets_go_at_once(office: Office) -> None:
    window(office)
    office.portal.leave(ANN, 1)
    office.stack.minute(at("2026-03-03 12:15"))
    assert "hold#1" not in records(office)
    assert len(records(office)) == len(NIGHT) - 1


def test_a_record_keeps_its_chats_name_where_the_chat_is_not_seen(office: Office) -> None:
    window(office)
    for method in ("im.recent.list", "im.dialog.get"):
        blocked("ERROR_UNEXPECTED_ANSWER", method)(office)
    office.ok("DELETE", "holds")
    office.stack.minute(at("2026-03-03 12:01"))
    assert office.muted == set(), "people want them audible, as long as the window runs"
    assert {(one["state"], one["dialog_id"]) for one in records(office).values()} == {
        ("overridden", name) for name in ("chat1", "chat2", "chat3", "chat4", "chat5", str(BEN))
    }


def records(office: Office) -> dict[str, Any]:
    items = office.stack.dynamodb.items(STATE)
    return {one["sk"]["S"]: json.loads(one["document"]["S"]) for one in items if one["sk"]["S"].startswith("hold#")}


def test_no_more_records_are_written_ahead_than_are_told_at_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_mute.look.CHUNK", 2)
    ahead: list[int] = []
    post = office.stack.transport.post

    def told(url: str, body: bytes, *args: Any, **kwargs: Any) -> Any:
        if b"MUTE=Y" in body:
            ahead.append(sum(one["state"] == "muting" for one in records(office).values()))
        return post(url, body, *args, **kwargs)

    office.stack.transport.post = told  # type: ignore[method-assign]
    window(office)
    assert ahead == [2, 2, 1]


def test_what_a_person_has_to_act_on_ends_a_job_s_look_too(
    office: Office, counted: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat_mute.look.CHUNK", 1)
    office.ok("POST", "mutes", {"chats": ["chat1", "chat3"], "for": "PT1H"})
    office.portal.faults.add(
        Fault.error("insufficient_scope", status=403), method="im.chat.mute", in_batch=True, times=None
    )
    counted()
    office.stack.minute()
    assert counted() == {"AccountBroken": 1}
    assert len(records(office)) == 1, "the other chat is not begun"


def test_a_job_sees_what_another_of_the_same_look_has_done(office: Office) -> None:
    """Muted for good by the first, it is a chat that was muted before the second came."""
    for terms in ({}, {"for": "PT1H"}):
        office.ok("POST", "mutes", {"chats": ["chat1"], **terms})
        office.stack.clock.sleep(1)
    office.go("2026-03-03 12:01")
    assert office.chat(1)["prior_muted"] is True
    office.go("2026-03-03 13:05")
    assert office.muted == {1, HAND}


def test_each_change_leaves_a_line_that_says_why_and_for_whom(office: Office, lines: Lines) -> None:
    office.put("night", "11:00-12:01", chats={"only": ["chat1", "chat2"]})
    office.stack.minute()
    said = {"account": "default", "chat": "chat1", "by": "policy:night", "outcome": "ok"}
    hand = {**said, "message": "hold changed", "chat": "chat2", "because": "already_muted"}
    assert_said(lines(), hand, {**said, "message": "chat set", "because": "wanted", "mute": "Y"})
    of_one(1)(office)
    office.stack.minute(at("2026-03-03 12:01"))
    office.portal.faults.clear()
    office.portal.faults.add(Fault.result(value=False), method="im.chat.mute", in_batch=True, times=1)
    office.stack.minute(at("2026-03-03 12:02"))
    refused = {"message": "chat not set", "because": "unreleased", "mute": "N", "outcome": "ACCESS_ERROR"}
    assert_said(lines(), {**said, **refused, "by": ""})


def assert_said(lines: list[dict[str, Any]], *expected: dict[str, str]) -> None:
    for one in expected:
        assert any(one.items() <= line.items() for line in lines), (one, lines)


# ---- the portal's bucket --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("idle", "waits"), [(0, True), (30, False)])
def test_a_look_finds_the_bucket_as_the_one_before_has_left_it_on_whatever_machine(
    office: Office, idle: int, waits: bool
) -> None:
    office.put("night", "12:01-14:00")
    office.go("2026-03-03 12:00")
    key = {"pk": f"portal#{HOST}", "sk": "bucket"}
    seen = (NOON + MINUTE - timedelta(seconds=idle)).timestamp()
    item = {name: {"S": value} for name, value in key.items()} | {"level": {"N": "50"}, "seen": {"N": str(seen)}}
    office.stack.dynamodb.put_item(TableName=STATE, Item=item)
    office.stack.clock.set(NOON + MINUTE)
    office.stack.clock.slept.clear()
    office.stack.new_process()
    office.stack.minute()
    assert bool(office.stack.clock.slept) is waits
    left = next(item for item in office.stack.dynamodb.items(STATE) if item["sk"]["S"] == "bucket")
    assert float(left["seen"]["N"]) == pytest.approx(office.stack.clock.now().timestamp(), abs=0.01)
    assert (float(left["level"]["N"]) > 40) is waits, "how full it is when the look ends"
