"""What mutation testing found no test to notice (`make mutants`, docs/reliability.md)."""

import threading
from datetime import timedelta

import pytest

from bitrix24 import CROWD, OAuth, PortalLimits, Rate, errors
from bitrix24.batch import Command
from bitrix24.transport import Reply
from tests.unit.layer.doubles import START, Account, FakeClock, refusal, reply, success

MUTES = {f"c{number}": Command("im.chat.mute", {"CHAT_ID": number, "MUTE": "Y"}) for number in (1, 2)}


def test_what_was_refused_at_once_has_not_been_done() -> None:
    assert Account(refusal("ACCESS_ERROR")).failure().may_be_done is False


def test_what_an_earlier_try_may_have_done_is_not_forgotten_by_a_refusal() -> None:
    account = Account(errors.PortalUnreachable("reset"), refusal("OPERATION_TIME_LIMIT", 429))
    assert account.failure().may_be_done is True


def test_nor_by_a_bucket_without_room_for_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Account(errors.PortalUnreachable("reset"))
    take, calls = account.client.limits.take, iter(range(9))

    def once(time_left: object) -> None:
        if next(calls):
            raise errors.NoRoom
        take(account.time_left)

    monkeypatch.setattr(account.client.limits, "take", once)
    error = account.failure()
    assert isinstance(error, errors.NoRoom)
    assert error.may_be_done is True


def test_one_chats_error_does_not_stop_the_single_calls_after_it() -> None:
    account = Account(refusal("ACCESS_ERROR"), success())
    account.client.limits.refused_in_batch.add("im.chat.mute")
    outcomes = account.client.batch(MUTES, time_left=account.time_left)
    assert isinstance(outcomes["c1"], errors.AccessRefused)
    assert not isinstance(outcomes["c2"], errors.Bitrix24Error)


def test_each_command_is_told_of_the_same_pause_in_full() -> None:
    said = {"error": "OPERATION_TIME_LIMIT", "error_description": "blocked"}
    account = Account(reply(200, {"result": {"result": [], "result_error": dict.fromkeys(MUTES, said)}}))
    outcomes = account.client.batch(MUTES, time_left=account.time_left)
    until = START + timedelta(seconds=300)
    assert [(one.until, one.description) for one in outcomes.values() if isinstance(one, errors.Paused)] == [
        (until, "blocked")
    ] * 2


def test_a_paused_batch_is_not_asked_for() -> None:
    account = Account(success())
    account.store.kept["batch"] = START + timedelta(seconds=60)
    outcomes = account.client.batch(MUTES, time_left=account.time_left)
    assert all(isinstance(one, errors.Paused) for one in outcomes.values())
    assert account.tries == 0


def test_a_portal_that_allows_one_request_at_once_gets_one() -> None:
    clock = FakeClock()
    limits = PortalLimits(Rate(1, 1), clock)
    limits.take(clock.budget(10))
    assert clock.slept == []
    limits.take(clock.budget(10))
    assert clock.slept != []


def test_every_refusal_is_noticed_by_who_waits_not_only_the_first() -> None:
    clock = FakeClock()
    limits = PortalLimits(Rate(50, 2), clock)
    limits.refused()
    slept, sleep = list[float](), clock.sleep

    def refused_meanwhile(seconds: float) -> None:
        slept.append(seconds)
        sleep(seconds)
        if len(slept) == 1:
            threading.Thread(target=limits.refused).run()

    clock.sleep = refused_meanwhile  # type: ignore[method-assign]
    limits.take(clock.budget(100))
    assert len(slept) == 2, "what was reserved before a refusal is void"


def test_tokens_that_another_thread_has_renewed_are_used() -> None:
    pair = {
        "client_id": "local.app", "client_secret": "s" * 20, "access_token": "old", "refresh_token": "r1",
        "client_endpoint": "https://portal.example/rest/", "server_endpoint": "https://oauth.bitrix.info/rest/",
        "user_id": 503, "expires": 0,
    }  # fmt: skip

    def meanwhile() -> Reply:
        account.client.credentials = OAuth.parse({**pair, "access_token": "new", "refresh_token": "r2"})
        return refusal("expired_token", 401)

    account = Account(meanwhile, success())
    account.client.credentials = OAuth.parse(pair)
    assert account.call() is True
    assert b'"auth": "new"' in account.transport.asked[1][1]


@pytest.mark.parametrize(("told", "pause"), [(0, 300), (1, 1), (3600, 3600), (3601, 300)])
def test_a_pause_ends_when_the_portal_said_up_to_an_hour_ahead(told: int, pause: int) -> None:
    time = {"operating": 480, "operating_reset_at": START.timestamp() + told}
    account = Account(success(time=time), refusal("OPERATION_TIME_LIMIT", 429))
    account.call()
    error = account.failure()
    assert isinstance(error, errors.Paused)
    assert error.until == START + timedelta(seconds=pause)


def test_who_has_thirty_seconds_waits_as_long_as_it_takes() -> None:
    account = Account(refusal("QUERY_LIMIT_EXCEEDED", 503), success(), seconds=30)
    account.store.kept = {CROWD: START + timedelta(seconds=10)}
    account.store.may_wait = lambda *_: False  # type: ignore[method-assign]
    assert account.call() is True
