"""What policies want of a chat together, and when the next of them changes its mind."""

from dataclasses import replace
from typing import Any

import pytest

from chat_mute.quiet_hours.agenda import Agenda, Wish, wish
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import Chat
from chat_mute.quiet_hours.windows import FOREVER, running_or_next
from tests.unit.quiet_hours_domain.builders import at, policy

OPS, DEAL = Chat(42, "chat42", title="Ops"), Chat(43, "chat43", title="Deal 7")


def utc(name: str, *windows: str, **more: Any) -> Policy:
    return policy(*windows, name=name, zone="UTC", **more)


NIGHT = utc("night", "22:00-07:00")
DEALS = utc("deals", "06:00-09:00", chats={"all": True, "title": "Deal *"})


def test_each_owner_has_its_own_end_and_the_union_has_another() -> None:
    agenda = Agenda([NIGHT, DEALS], at("2026-01-05 06:30"))
    morning, later = at("2026-01-05 07:00"), at("2026-01-05 09:00")
    assert agenda.wish(OPS) == Wish({"night": morning}, morning)
    assert agenda.wish(DEAL) == Wish({"night": morning, "deals": later}, later)
    assert agenda.policies(DEAL) == [NIGHT, DEALS]


def test_the_union_reaches_into_windows_that_are_yet_to_begin() -> None:
    agenda = Agenda([NIGHT, DEALS], at("2026-01-05 05:00"))
    assert agenda.wish(DEAL) == Wish({"night": at("2026-01-05 07:00")}, at("2026-01-05 09:00"))


def test_outside_windows_nothing_is_wanted() -> None:
    assert wish([NIGHT], at("2026-01-05 21:59:30")) == Wish()
    assert Agenda([NIGHT, DEALS], at("2026-01-05 12:00")).wish(DEAL) == Wish()
    assert Agenda([], at("2026-01-05 12:00")).wish(DEAL) == Wish()


def test_a_disabled_policy_wants_nothing() -> None:
    agenda = Agenda([replace(NIGHT, enabled=False)], at("2026-01-05 23:00"))
    assert agenda.wish(OPS) == Wish()
    assert agenda.policies(OPS) == []
    assert agenda.next_change() is None


def test_a_policy_does_not_own_the_chat_before_its_window_while_another_runs() -> None:
    both = [utc("evening", "18:00-22:00"), NIGHT]
    assert set(wish(both, at("2026-01-05 21:59:30")).policies) == {"evening"}


@pytest.mark.parametrize("now", ["2026-01-05 22:00:00", "2026-01-05 22:00:59"])
def test_in_a_pause_of_a_minute_the_next_policy_already_owns_the_chat(now: str) -> None:
    both = [utc("evening", "18:00-22:00"), utc("late", "22:01-23:00"), utc("night", "23:00-07:00")]
    both.append(utc("past", dates={"2020-01-01": [{"start": "00:00", "end": "24:00"}]}))
    assert wish(both, at(now)) == Wish({"late": at("2026-01-05 23:00")}, at("2026-01-06 07:00"))


def test_a_skipped_window_is_not_wanted() -> None:
    now = at("2026-01-05 23:00")
    skipped = replace(NIGHT, skipped=running_or_next([NIGHT], now))
    assert wish([skipped], now) == Wish()
    assert set(wish([skipped, utc("other", "20:00-08:00")], now).policies) == {"other"}


def test_quiet_without_end() -> None:
    halves = [utc("am", "00:00-12:00"), utc("pm", "12:00-24:00")]
    assert wish(halves, at("2026-01-05 23:00")) == Wish({"pm": at("2026-01-06 00:00")}, FOREVER)


def test_the_next_change_of_any_policy() -> None:
    assert Agenda([NIGHT, DEALS], at("2026-01-05 05:00")).next_change() == at("2026-01-05 06:00")
    assert Agenda([NIGHT, DEALS], at("2026-01-05 06:00")).next_change() == at("2026-01-05 07:00")
    assert Agenda([utc("always", "00:00-24:00")], at("2026-01-05 06:00")).next_change() is None


def test_chats_with_the_same_policies_share_the_arithmetic() -> None:
    agenda = Agenda([NIGHT], at("2026-01-05 23:00"))
    assert agenda.wish(OPS) is agenda.wish(DEAL)
