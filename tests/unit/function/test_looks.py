"""A look at an account: when the next one comes."""

import json
from datetime import timedelta
from typing import Any

import pytest

from local.inmemory import errors as aws
from local.portal import Fault
from tests.unit.function.conftest import Counts
from tests.unit.function.office import BEN, HAND, HOST, NOON, Office, at
from tests.unit.function.trouble import (
    MINUTE,
    NIGHT,
    Act,
    blocked,
    down,
    faulty,
    gaps,
    gone,
    jobs,
    of_one,
    other_user,
    revoked,
    window,
)

# ---- when the next look comes ---------------------------------------------------------------------------------------


BACK_OFF = [1, 2, 4, 8, 15, 15]


@pytest.mark.parametrize(
    ("trouble", "release_waits", "minutes"),
    [
        (down, False, BACK_OFF),
        (down, True, [1] * 6),
        (revoked, False, BACK_OFF),
        (revoked, True, [1] * 6),
        (gone, True, [1] * 6),
        (other_user, True, [1] * 6),
        (faulty, False, BACK_OFF),
        (faulty, True, BACK_OFF),
        (of_one(3), False, BACK_OFF),
        (blocked("ERROR_UNEXPECTED_ANSWER", "im.recent.list"), False, BACK_OFF),
        (blocked("ERROR_UNEXPECTED_ANSWER", "im.chat.mute"), True, [1] * 6),
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


@pytest.mark.parametrize("by", ["policy", "caller"])
def test_a_release_that_comes_while_trouble_is_waited_for_is_not_late(office: Office, by: str) -> None:
    before = office.muted
    if by == "policy":
        office.put("night", "12:01-12:25")
    else:
        office.mute(3, FOR="PT25M")
    office.go("2026-03-03 12:01")
    down(office)
    office.put("another", "20:00-21:00")
    office.go("2026-03-03 12:19")
    office.portal.faults.clear()
    office.go("2026-03-03 12:24")
    assert office.muted != before
    office.go("2026-03-03 12:26")
    assert office.muted == before


def test_nor_is_that_of_a_mute_whose_answer_is_still_unknown(office: Office) -> None:
    before = office.muted
    office.portal.faults.add(Fault.reset_after_effect(), method="im.chat.mute", times=4)
    assert office.mute(3, FOR="PT10M").status == 502
    down(office)
    office.go("2026-03-03 12:08")
    office.portal.faults.clear()
    office.go("2026-03-03 12:11")
    assert office.muted == before


@pytest.mark.parametrize("name", [f"chat{HAND}", "chat3"])
def test_what_stays_muted_does_not_hurry(office: Office, name: str) -> None:
    """Muted before, or for good meanwhile: nothing waits to be released."""
    office.put("night", "12:01-12:05", chats={"only": [name]})
    office.go("2026-03-03 12:01")
    office.mute(3)
    down(office)
    office.stack.minute(at("2026-03-03 12:05"))
    assert gaps(office, 3) == [1, 2, 4]


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
