"""The simulation of scale: what its numbers mean, on a crowd of six."""

from datetime import UTC, datetime

import pytest

from local.scale.report import curve, merged, peak, report
from local.scale.turns import Pool, Turns
from local.scale.world import Part, Plan, World

FEW = Plan(portals=2, accounts=3, chats=60, failing=0.0)
NEEDED = 3 * (1 + 2)  # a list and two batches for each account; 57 of 60 chats are audible


def play(plan: Plan) -> dict[str, Part]:
    return World(plan, range(plan.portals)).night()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")


def test_without_failures_each_portal_gets_the_calls_that_are_needed_and_no_more() -> None:
    night = play(FEW)
    for edge in (night["opening"], night["closing"]):
        assert [one.requests for one in edge.seen.values()] == [NEEDED, NEEDED]
        assert (edge.lost, edge.wrong, sum(one.throttled + one.failed for one in edge.seen.values())) == (0, 0, 0)
    assert [one.requests for one in night["look"].seen.values()] == [3, 3]  # a list each, and nothing to tell
    assert night["opening"].units["scheduler_invocations"] == 14
    assert night["opening"].units["dynamodb_write_units"] >= 2 * 3 * 57 * 2  # each chat's record, before and after


def test_failed_calls_are_made_again_and_nothing_is_lost() -> None:
    night = play(Plan(portals=2, accounts=3, chats=60, failing=0.3))
    told = report(FEW, [night], 0)
    assert (told["lost"], told["wrong"]) == (0, 0)
    assert told["edges"]["opening"]["failed"] > 0
    assert told["requests"] == 4 * NEEDED + told["retries"]


def test_the_same_seed_is_the_same_night() -> None:
    plan = Plan(portals=1, accounts=2, chats=60, failing=0.3)
    assert play(plan) == play(plan)


def test_chats_that_nobody_could_mute_are_counted_as_lost() -> None:
    opening = play(Plan(portals=1, accounts=1, chats=60, failing=1.0))["opening"]
    (seen,) = opening.seen.values()
    assert (seen.failed, seen.requests) == (seen.requests, seen.requests)
    assert opening.lost > 0


def test_a_tiny_bucket_bounds_the_night() -> None:
    tiny = Plan(portals=1, accounts=3, chats=60, failing=0.0, burst=4, per_second=0.5)
    assert tiny.bound(tiny.needed) == (NEEDED - 4) / 0.5
    assert FEW.bound(FEW.needed) < 1
    opening = play(tiny)["opening"]
    (seen,) = opening.seen.values()
    assert seen.quiet_after > tiny.bound(tiny.needed)
    assert seen.throttled > 0  # the accounts' secrets do not tell the smaller rate
    assert opening.lost == 0


def test_who_waits_at_the_same_time_does_not_wait_longer() -> None:
    clock = Turns(datetime(2026, 1, 1, tzinfo=UTC))

    def sleep(seconds: float) -> float:
        clock.sleep(seconds)
        return clock.seconds

    assert Pool(clock).each(sleep, [3.0, 1.0, 2.0, 2.0], threads=2) == [1.0, 3.0, 3.0, 5.0]


def test_what_a_thread_raises_is_raised_where_it_is_waited_for() -> None:
    clock = Turns(datetime(2026, 1, 1, tzinfo=UTC))

    def fail() -> None:
        raise LookupError

    clock.spawn(fail)
    with pytest.raises(LookupError):
        clock.sleep(1)
    future = Pool(clock).submit(fail)
    clock.wait([future])
    with pytest.raises(LookupError):
        future.result()


def test_curves_and_peaks() -> None:
    assert peak([(0, 2), (1, 3), (2, 4)]) == 2
    assert curve([(0.5, 10), (1.0, -4), (12.0, -6)]) == [(0, 0), (5, 6), (10, 6), (15, 0)]
    assert merged([Part(lost=1), Part(lost=2, wrong=1)]).lost == 3
