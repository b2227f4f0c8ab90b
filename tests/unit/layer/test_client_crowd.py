"""A portal's full bucket: who has somebody waiting at the other end is told at once where many wait already."""

from datetime import datetime, timedelta

import pytest

from bitrix24 import CROWD, Command, Rate, errors
from bitrix24.limits import PortalLimits
from tests.unit.layer.doubles import START, Account, refusal, success

BUSY = refusal("QUERY_LIMIT_EXCEEDED", 503)
CALL, LOOK = 25.0, 110.0  # seconds
Counted = list[tuple[datetime, datetime, int]]


def counting(account: Account, *, hope: bool = True) -> Counted:
    counted: Counted = []

    def may_wait(now: datetime, until: datetime, most: int) -> bool:
        counted.append((now, until, most))
        return hope

    account.store.may_wait = may_wait  # type: ignore[method-assign]
    return counted


def test_each_call_that_is_refused_is_counted_once_and_goes_on_trying() -> None:
    account = Account(BUSY, BUSY, BUSY, success(), seconds=CALL)
    counted = counting(account)
    assert account.call() is True
    assert counted == [(START, START + timedelta(seconds=10), 20)]


def test_a_call_that_is_one_too_many_gives_up_at_once() -> None:
    account = Account(BUSY, success(), seconds=CALL)
    counting(account, hope=False)
    assert account.failure().code == "QUERY_LIMIT_EXCEEDED"
    assert (account.tries, account.clock.slept) == (1, [])


def test_of_a_larger_bucket_more_may_wait() -> None:
    account = Account(BUSY, success(), seconds=CALL)
    account.client.limits = PortalLimits(Rate(250, 5), account.clock)
    counted = counting(account)
    account.call()
    assert [most for _, _, most in counted] == [50]


def test_a_look_waits_in_any_case_and_is_not_counted() -> None:
    account = Account(BUSY, success(), seconds=LOOK)
    account.store.kept = {CROWD: START + timedelta(seconds=10)}
    counted = counting(account)
    assert account.call() is True
    assert counted == []


@pytest.mark.parametrize("batch", [False, True])
def test_where_a_crowd_waits_a_call_is_refused_before_anything_is_sent(batch: bool) -> None:
    account = Account(success(), seconds=CALL)
    account.store.kept = {CROWD: START + timedelta(seconds=10)}
    if batch:
        outcome = account.client.batch({"a": Command("profile")}, time_left=account.time_left)["a"]
    else:
        outcome = account.failure()
    assert isinstance(outcome, errors.NoRoom)
    assert not outcome.may_be_done
    assert (account.tries, account.clock.slept) == (0, [])


def test_when_the_crowds_time_is_over_a_call_is_made() -> None:
    account = Account(success(), seconds=CALL)
    account.store.kept = {CROWD: START}
    assert account.call() is True


def test_a_call_that_was_let_in_goes_on_whoever_comes_meanwhile() -> None:
    account = Account(success(), seconds=CALL)
    account.call()
    account.store.kept = {CROWD: START + timedelta(seconds=10)}
    assert account.call() is True
    account.time_left = account.clock.budget(CALL)
    assert isinstance(account.failure(), errors.NoRoom), "another call"
