"""What policies want of a chat together, and when the next of them changes its mind."""

from dataclasses import replace
from typing import Any

import pytest

from chat_mute.quiet_hours.agenda import Agenda, Wish, wish
from chat_mute.quiet_hours.holds import State
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import Chat
from chat_mute.quiet_hours.windows import FOREVER, running_or_next
from tests.unit.quiet_hours_domain.builders import at, policy
from tests.unit.quiet_hours_domain.chats import hold

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


def test_a_wish_knows_when_its_united_window_began() -> None:
    both = [utc("evening", "18:00-22:00"), NIGHT]
    assert wish(both, at("2026-01-05 23:00")).since == at("2026-01-05 18:00")


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


@pytest.mark.parametrize("chats", [{"all": True}, {"only": ["chat42"]}])
def test_no_policy_wants_a_chat_that_cannot_be_muted(chats: dict[str, Any]) -> None:
    agenda = Agenda([utc("night", "22:00-07:00", chats=chats)], at("2026-01-05 23:00"))
    fixed, unknown, mutable = (replace(OPS, mutable=mutable) for mutable in (False, None, True))
    assert agenda.policies(fixed) == []
    assert agenda.wish(fixed) == Wish()
    assert [policy.name for policy in agenda.policies(unknown)] == ["night"]
    assert agenda.wish(mutable) == agenda.wish(unknown) != Wish()


@pytest.mark.parametrize(
    ("now", "running"),
    [
        ("2026-01-05 21:59:59", False),
        ("2026-01-05 22:00:00", True),
        ("2026-01-06 06:59:59", True),
        ("2026-01-06 07:00:00", False),
    ],
)
def test_running_is_whether_a_window_of_any_enabled_policy_runs(now: str, running: bool) -> None:
    others = [utc("noon", "12:00-13:00"), replace(utc("always", "00:00-24:00"), enabled=False)]
    assert Agenda([*others, NIGHT], at(now)).running is running
    assert Agenda([NIGHT, *others], at(now)).running is running
    assert not Agenda([replace(NIGHT, enabled=False)], at(now)).running
    assert not Agenda([replace(NIGHT, skipped=running_or_next([NIGHT], at(now)))], at(now)).running
    assert not Agenda([], at(now)).running


def test_running_reaches_over_a_short_pause_between_two_policies() -> None:
    both = [utc("evening", "18:00-22:00"), utc("late", "22:01-23:00")]
    assert Agenda(both, at("2026-01-05 22:00:30")).running
    assert not Agenda(both[:1], at("2026-01-05 22:00:30")).running


def test_of_a_chat_that_is_not_seen_the_policies_that_hold_it_want_what_they_wanted() -> None:
    agenda = Agenda([NIGHT, DEALS, utc("other", "00:00-24:00")], at("2026-01-05 06:30"))
    until = at("2026-01-05 07:00")
    assert agenda.wish_unseen(hold(owners={"policy:night": until})) == Wish({"night": until}, until)
    both = hold(owners={"policy:deals": until, "policy:night": until, "caller:night": at("2026-01-06 00:00")})
    assert agenda.wish_unseen(both).policies.keys() == {"night", "deals"}
    assert agenda.wish_unseen(both).until == at("2026-01-05 09:00")


@pytest.mark.parametrize(
    "owners", [{}, {"policy:gone": "07:00"}, {"caller:night": "07:00"}, {"schedule:night": "07:00"}]
)
def test_of_a_chat_that_is_not_seen_nobody_else_wants_anything(owners: dict[str, str]) -> None:
    agenda = Agenda([NIGHT, replace(DEALS, enabled=False)], at("2026-01-05 06:30"))
    until = {owner: at(f"2026-01-05 {end}") for owner, end in owners.items()}
    assert agenda.wish_unseen(hold(State.HELD, until)) == Wish()
    assert agenda.wish_unseen(hold(State.HELD, {"policy:deals": at("2026-01-05 09:00")})) == Wish()


@pytest.mark.parametrize(
    ("override", "now", "until"),
    [
        ("2026-01-05 07:00", "2026-01-05 06:30", "2026-01-05 07:00"),
        ("2026-01-05 07:00", "2026-01-05 07:00", None),
        (None, "2026-01-05 06:30", None),
    ],
)
def test_what_people_want_of_a_chat_that_is_not_seen_lasts_to_its_own_end(
    override: str | None, now: str, until: str | None
) -> None:
    recorded = hold(State.OVERRIDDEN, {}, override=at(override) if override else None)
    assert Agenda([NIGHT], at(now)).wish_unseen(recorded) == Wish(until=at(until) if until else None)


def test_of_a_chat_that_is_not_seen_the_window_that_holds_it_bounds_what_people_want() -> None:
    night = {"policy:night": at("2026-01-05 07:00")}
    recorded = hold(State.HELD, night, override=at("2026-01-05 23:00"))
    assert Agenda([NIGHT], at("2026-01-05 06:30")).wish_unseen(recorded) == Wish(
        {"night": night["policy:night"]}, night["policy:night"]
    )
