"""What a look at an account does to its records, and how far it gets."""

from datetime import timedelta
from typing import Any

import pytest

from local.portal import Fault
from local.virtual import STATE
from tests.unit.function.conftest import Counts
from tests.unit.function.office import ANN, BEN, HAND, HOST, NOON, Office, at
from tests.unit.function.trouble import MINUTE, NIGHT, Act, blocked, records, revoked, window


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


@pytest.mark.parametrize("of_a_job", [False, True])
def test_when_the_time_is_over_the_rest_is_for_the_next_look_which_comes_at_once(
    office: Office, counted: Counts, monkeypatch: pytest.MonkeyPatch, of_a_job: bool
) -> None:
    monkeypatch.setattr("chat_mute.look.CHUNK", 2)
    post = office.stack.transport.post

    def slow(url: str, body: bytes, *args: Any, **kwargs: Any) -> Any:
        reply = post(url, body, *args, **kwargs)
        office.stack.clock.seconds += 60 if b"MUTE=Y" in body else 0
        return reply

    office.stack.transport.post = slow  # type: ignore[method-assign]
    if of_a_job:
        office.ok("POST", "mutes", {"chats": ["chat1", "chat3", "chat4", "chat5", "547"], "for": "PT1H"})
    else:
        office.put("night", "11:00-14:00")
    counted()
    office.stack.minute()
    assert office.muted == {1, HAND, 3, 4, 5}, "as far as there was time"
    assert counted() == {"ChatMuted": 4, "ChatsHeld": 4} | ({} if of_a_job else {"WindowsOpen": 1, "ChatsHeld": 5})
    office.stack.minute()
    assert office.muted == NIGHT


@pytest.mark.parametrize("act", [revoked, blocked("OVERLOAD_LIMIT", "batch")])
def test_an_account_that_is_refused_is_asked_once(office: Office, act: Act) -> None:
    window(office)
    act(office)
    office.stack.transport.sent.clear()
    office.stack.minute(at("2026-03-03 12:15"))
    assert len(office.stack.transport.sent) == 1


def test_a_jobs_outcomes_are_all_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat_mute.look.CHUNK", 1)
    job = office.ok("POST", "mutes", {"chats": ["chat1", "chat3", "chat4"], "for": "PT1H"})["job"]
    office.stack.minute()
    assert office.ok("GET", f"jobs/{job}")["counts"] == {"total": 3, "done": 3, "failed": 0}


def test_what_a_person_has_to_act_on_ends_the_look_of_a_job_too(
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
