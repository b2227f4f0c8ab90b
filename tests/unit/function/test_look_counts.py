"""What a look at an account counts, for alarms and the dashboard, and what it logs."""

from typing import Any

import pytest

from local.portal import Fault
from local.virtual import STATE
from tests.unit.function.conftest import Counts, Lines
from tests.unit.function.office import ANN, BEN, LINES, Office, at
from tests.unit.function.trouble import Act, blocked, down, faulty, gone, of_one, other_user, revoked, window


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


@pytest.mark.parametrize(("act", "counted_as"), [(revoked, "AccountBroken"), (faulty, "InternalError")])
def test_a_release_that_had_begun_is_overdue_at_the_next_look(
    office: Office, counted: Counts, act: Act, counted_as: str
) -> None:
    office.put("night", "11:00-12:01")
    office.stack.minute()
    blocked("ERROR_UNEXPECTED_ANSWER", "im.chat.mute")(office)
    office.stack.minute(at("2026-03-03 12:01"))
    act(office)
    counted()
    office.stack.minute(at("2026-03-03 12:02"))
    assert counted() == {counted_as: 1, "ReleaseOverdue": 5}


def test_each_change_leaves_a_line_that_says_why_and_for_whom(office: Office, lines: Lines) -> None:
    office.put("night", "11:00-12:01", chats={"only": ["chat1", "chat2"]})
    office.stack.minute()
    said = {"account": "default", "chat": "chat1", "by": "policy:night", "outcome": "ok"}
    hand = {**said, "message": "hold changed", "chat": "chat2", "because": "already_muted"}
    assert_said(lines(), hand, {**said, "message": "chat set", "because": "wanted", "mute": "Y"})
    of_one(1)(office)
    office.stack.minute(at("2026-03-03 12:01"))
    trouble = {"message": "account in trouble", "outcome": "ERROR_UNEXPECTED_ANSWER", "why": "no luck"}
    assert_said(lines(), {"account": "default", **trouble})
    office.portal.faults.clear()
    office.portal.faults.add(Fault.result(value=False), method="im.chat.mute", in_batch=True, times=1)
    office.stack.minute(at("2026-03-03 12:02"))
    refused = {"message": "chat not set", "because": "unreleased", "mute": "N", "outcome": "ACCESS_ERROR"}
    assert_said(lines(), {**said, **refused, "by": ""})


def assert_said(lines: list[dict[str, Any]], *expected: dict[str, str]) -> None:
    for one in expected:
        assert any(one.items() <= line.items() for line in lines), (one, lines)
