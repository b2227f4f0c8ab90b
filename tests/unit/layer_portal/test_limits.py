"""The portal's request limit: kept ahead of time, and what happens when somebody else fills the bucket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix24 import PortalLimits, Rate, muting
from bitrix24.errors import QueryLimitExceeded
from local.portal import Fault, Limits, Quirks
from tests.unit.layer_portal.world import BEN, VirtualClock, World


def taken(limits: PortalLimits, clock: VirtualClock, seconds: float) -> int:
    """How many requests fit into ``seconds``."""
    left, count = clock.budget(seconds), 0
    while True:
        try:
            limits.take(left)
        except QueryLimitExceeded:
            return count
        count += 1


def test_a_burst_with_a_margin_then_the_pace() -> None:
    clock = VirtualClock()
    limits = PortalLimits(Rate(50, 2), clock)
    assert taken(limits, clock, 0.1) == 48
    assert 197 <= taken(limits, clock, 100) <= 198


def test_enterprise_portals_are_faster() -> None:
    clock = VirtualClock()
    assert taken(PortalLimits(Rate(250, 5), clock), clock, 0.05) == 240


def test_what_does_not_fit_the_time_is_not_counted() -> None:
    clock = VirtualClock()
    limits = PortalLimits(clock=clock)
    taken(limits, clock, 0.1)
    for _ in range(10):
        assert taken(limits, clock, 0.1) == 0
    clock.seconds += 1
    assert taken(limits, clock, 0.0001) == 1


def test_after_a_refusal_everybody_pauses_and_the_bucket_counts_as_full() -> None:
    clock = VirtualClock()
    limits = PortalLimits(clock=clock)
    limits.refused()
    for number in range(1, 5):
        limits.take(clock.budget(10))
        assert clock.seconds == pytest.approx(2.0 + number / (2 * 0.99)), "the pause has drained nothing"


@given(burst=st.integers(1, 300), pace=st.floats(0.1, 20), waits=st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_the_portal_never_sees_more_than_its_bucket_holds(burst: int, pace: float, waits: list[float]) -> None:
    clock = VirtualClock()
    limits = PortalLimits(Rate(burst, pace), clock)
    level, seen = 0.0, 0.0
    for wait in waits:
        clock.seconds += wait
        limits.take(clock.budget(1e9))
        level = max(0.0, level - (clock.seconds - seen) * pace) + 1
        seen = clock.seconds
        assert level <= burst + 1e-6


def test_ten_thousand_chats_meet_no_refusal_and_keep_the_bound() -> None:
    world = World(chats=10_000, seconds=1000)
    outcomes = dict(
        muting.mute_many(world.client, range(1, 10_001), muted=True, time_left=world.time_left, in_flight=1)
    )
    assert len(outcomes) == 10_000
    assert world.muted() == set(range(1, 10_001))
    assert not [call for call in world.portal.calls if call.status == 503]
    assert world.clock.seconds <= 75 * 1.08


@pytest.mark.parametrize("rejected_calls_count", [False, True])
def test_beside_a_neighbour_who_fills_the_bucket_it_finishes(rejected_calls_count: bool) -> None:
    world = World(chats=500, seconds=3600, quirks=Quirks(rejected_calls_count=rejected_calls_count))
    world.portal.add_webhook(BEN, "c0de5ecretneighbour")
    world.portal.limits.fill(world.clock.unix())
    outcomes = dict(muting.mute_many(world.client, range(1, 501), muted=True, time_left=world.time_left, in_flight=1))
    assert len(outcomes) == 500
    assert len(world.muted()) == 500


def test_a_single_call_waits_for_the_pause_and_gives_up_with_its_budget() -> None:
    world = World(seconds=25)
    world.portal.faults.add(Fault.error("QUERY_LIMIT_EXCEEDED", status=503), method="im.chat.mute", times=None)
    with pytest.raises(QueryLimitExceeded):
        muting.mute(world.client, chat_id=1, muted=True, time_left=world.time_left)
    assert 2 <= len(world.portal.calls) <= 4
    assert world.clock.seconds <= 25


def test_a_portal_without_a_limiter_is_no_different() -> None:
    world = World(limits=Limits.self_hosted())
    muting.mute(world.client, chat_id=1, muted=True, time_left=world.time_left)
    assert world.muted() == {1}


# ---- handed on between processes ------------------------------------------------------------------------------------


def test_a_new_process_goes_on_where_another_left_the_bucket() -> None:
    clock = VirtualClock()
    first, second = PortalLimits(clock=clock), PortalLimits(clock=clock)
    for _ in range(40):
        first.take(lambda: 1000)
    clock.sleep(4)
    second.resume(first.level, 0)
    assert second.level == pytest.approx(first.level)
    for _ in range(15):
        second.take(lambda: 1000)
    assert len(clock.slept) == 1, "there was room for what the other's forty had left"
    before = clock.seconds
    for _ in range(10):
        second.take(lambda: 1000)
    assert clock.seconds - before == pytest.approx((40 - 4 * 1.98 + 15 + 10 - 48) / 1.98)


def test_what_is_remembered_drains_with_its_age_and_never_makes_room() -> None:
    clock = VirtualClock()
    limits = PortalLimits(clock=clock)
    limits.resume(40, 10)
    assert limits.level == pytest.approx(40 - 10 * 1.98)
    limits.resume(1, 0)
    assert limits.level == pytest.approx(40 - 10 * 1.98)
    limits.resume(30, -5)
    assert limits.level == pytest.approx(30), "a clock that is behind is no reason to think it fuller"
    limits.resume(48, 1000)
    assert limits.level == pytest.approx(30)
