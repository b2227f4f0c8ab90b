"""OPERATION_TIME_LIMIT and OVERLOAD_LIMIT: asked once, then left alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bitrix24 import EVERY_METHOD, Client
from bitrix24.errors import Bitrix24Error, Paused
from tests.unit.layer.doubles import START, URL, WEBHOOK, Account, ScriptedTransport, refusal, success

MUTE = "im.chat.mute"
OPERATION = refusal("OPERATION_TIME_LIMIT", 429, "Method is blocked due to operation time limit.")
OVERLOAD = refusal("OVERLOAD_LIMIT", 503)


def paused(error: Bitrix24Error) -> Paused:
    assert isinstance(error, Paused)
    return error


def reset_at(moment: datetime) -> dict[str, Any]:
    return {"operating": 480, "operating_reset_at": moment.timestamp()}


def test_operation_time_limit_pauses_its_method_for_300_s() -> None:
    account = Account(OPERATION)
    error = paused(account.failure())
    assert error.until == START + timedelta(seconds=300)
    assert error.description == "Method is blocked due to operation time limit."
    assert account.store.kept == {MUTE: error.until}


def test_operation_time_limit_lasts_until_what_the_last_success_told_if_that_is_ahead() -> None:
    told = START + timedelta(seconds=600)
    account = Account(success(time=reset_at(START + timedelta(seconds=60))), success(time=reset_at(told)), OPERATION)
    account.call()
    account.call()
    assert paused(account.failure()).until == told
    assert account.store.kept == {MUTE: told}


@pytest.mark.parametrize(
    "time",
    [
        reset_at(START),
        reset_at(START - timedelta(seconds=1)),
        {"operating": 0},
        {"operating_reset_at": 0},
        {"operating_reset_at": -1},
        {"operating_reset_at": "soon"},
        {"operating_reset_at": START.timestamp() * 1000},
        {"operating_reset_at": 10**14},
        {"operating_reset_at": 10**30},
        {"operating_reset_at": 10**400},
        {"operating_reset_at": (START + timedelta(days=365)).timestamp()},
        [],
        None,
    ],
)
def test_operation_time_limit_lasts_300_s_where_nothing_sensible_was_told(time: Any) -> None:
    account = Account(success(time=time), OPERATION)
    account.call()
    assert paused(account.failure()).until == START + timedelta(seconds=300)


def test_what_another_method_was_told_does_not_count() -> None:
    account = Account(success(time=reset_at(START + timedelta(seconds=600))), OPERATION)
    account.call("profile")
    assert paused(account.failure(MUTE)).until == START + timedelta(seconds=300)


def test_what_was_told_is_no_longer_ahead_when_its_time_has_come() -> None:
    account = Account(success(time=reset_at(START + timedelta(seconds=60))), OPERATION)
    account.call()
    account.clock.forward(60)
    assert paused(account.failure()).until == START + timedelta(seconds=360)


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_overload_limit_pauses_every_method_for_900_s(status: int) -> None:
    account = Account(refusal("OVERLOAD_LIMIT", status), success())
    assert paused(account.failure()).until == START + timedelta(seconds=900)
    assert account.store.kept == {EVERY_METHOD: START + timedelta(seconds=900)}
    for method in (MUTE, "profile", "batch"):
        assert paused(account.failure(method)).code == "OVERLOAD_LIMIT"
    assert account.tries == 1


def test_overload_limit_does_not_use_what_a_success_told() -> None:
    account = Account(success(time=reset_at(START + timedelta(seconds=60))), OVERLOAD)
    account.call()
    assert paused(account.failure()).until == START + timedelta(seconds=900)


def test_a_paused_method_is_not_asked_and_others_are() -> None:
    account = Account(OPERATION, success())
    until = paused(account.failure()).until
    account.clock.forward(299)
    again = paused(account.failure())
    assert (again.code, again.until, account.tries) == ("OPERATION_TIME_LIMIT", until, 1)
    assert account.call("profile") is True
    assert account.tries == 2


@pytest.mark.parametrize(("limit", "seconds"), [(OPERATION, 300), (OVERLOAD, 900)])
def test_it_is_asked_again_at_the_pauses_end(limit: Any, seconds: int) -> None:
    account = Account(limit, success(), seconds=10_000)
    account.failure()
    account.clock.forward(seconds - 0.001)
    account.failure()
    assert account.tries == 1
    account.clock.forward(0.001)
    assert account.call() is True
    assert account.tries == 2


def test_a_pause_is_respected_by_another_client_of_the_account() -> None:
    account = Account(OVERLOAD)
    account.failure()
    transport = ScriptedTransport(success())
    other = Client(WEBHOOK, transport, account.store, account.clock)
    with pytest.raises(Paused):
        other.call(MUTE, time_left=account.time_left)
    assert transport.asked == []


def test_overload_is_told_first_where_both_are_paused() -> None:
    account = Account(success())
    account.store.kept = {MUTE: START + timedelta(seconds=5), EVERY_METHOD: START + timedelta(seconds=9)}
    assert paused(account.failure()).code == "OVERLOAD_LIMIT"
    account.clock.forward(9)
    assert account.call() is True


def test_a_pause_tells_why_also_when_the_portal_was_not_asked() -> None:
    account = Account(success())
    account.store.kept = {MUTE: START + timedelta(seconds=5)}
    assert "operating time" in account.failure().description
    assert account.transport.asked == []


def test_a_limit_met_after_a_retry_pauses_too() -> None:
    account = Account(refusal("QUERY_LIMIT_EXCEEDED", 503), OPERATION)
    error = paused(account.failure())
    assert error.until == account.clock.now() + timedelta(seconds=300)
    assert error.until.tzinfo is UTC
    assert [url for url, _ in account.transport.asked] == [URL + MUTE] * 2
