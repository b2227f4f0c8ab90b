"""What a second reader of the layer found, each kept as a test."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from bitrix24 import Command, OAuth, Transport, Webhook, chats, muting
from bitrix24.errors import Bitrix24Error, CredentialError, NoRoom, PortalFailed, PortalTimeout
from local.portal import Fault, Limits, Quirks
from tests.unit.layer_portal.world import ANN, CODE, HOST, World

TOKEN = "oauth.token"
METHOD = "im.chat.mute"


def mute(world: World) -> None:
    muting.mute(world.client, chat_id=1, muted=True, time_left=world.time_left)


# ---- refreshing ----


def test_a_refresh_does_not_overwrite_a_secret_that_is_a_webhook_now() -> None:
    world = World(oauth=True)
    world.portal.oauth.expire()
    world.store._credentials = Webhook.parse(f"https://{HOST}/rest/{ANN}/{CODE}/")
    with pytest.raises(CredentialError, match="replaced"):
        mute(world)
    assert isinstance(world.store.load(), Webhook)
    assert world.calls(TOKEN) == 0


def test_tokens_of_another_user_are_not_taken_over_by_a_running_client() -> None:
    world = World(oauth=True)
    world.portal.oauth.expire()
    world.store.save({**world.document(), "user_id": ANN + 1})
    with pytest.raises(CredentialError, match="replaced"):
        mute(world)


def test_an_answer_with_a_strange_field_does_not_cost_the_tokens_in_it() -> None:
    world = World(oauth=True)
    world.portal.oauth.expire()
    pair = world.portal.oauth.issue(world.app, ANN, f"https://{HOST}")
    answer = Fault.answer(200, json.dumps({**pair, "user_id": None, "server_endpoint": 7}).encode(), "application/json")
    world.portal.faults.add(answer, method=TOKEN, times=1)
    mute(world)
    stored = world.store.load()
    assert isinstance(stored, OAuth)
    assert stored.document["refresh_token"] == pair["refresh_token"]


def test_a_one_time_token_is_not_spent_without_time_to_read_the_answer() -> None:
    world = World(oauth=True, seconds=5)
    world.portal.oauth.expire()
    with pytest.raises(PortalTimeout):
        mute(world)
    assert world.calls(TOKEN) == 0


def test_a_store_that_still_shows_the_old_pair_does_not_make_it_be_sent_twice() -> None:
    world = World(oauth=True)
    world.portal.oauth.expire()
    assert isinstance(world.credentials, OAuth)
    load, lag = world.store.load, [3]

    def lagging() -> Any:
        lag[0] -= 1
        return world.credentials if lag[0] >= 0 else load()

    mute(world)
    world.store.load = lagging  # type: ignore[method-assign]
    other = world.another_client()
    world.portal.oauth.expire(world.credentials.document["access_token"])
    world.portal.faults.add(Fault.error("expired_token", status=401), method=METHOD, times=1)
    muting.mute(other, chat_id=2, muted=True, time_left=world.time_left)
    assert world.calls(TOKEN) == 1
    assert world.muted() == {1, 2}


@pytest.mark.parametrize(("code", "status"), [("INTERNAL_SERVER_ERROR", 500), ("invalid_request", 400)])
def test_trouble_of_the_token_server_is_not_an_account_that_must_be_installed_again(code: str, status: int) -> None:
    world = World(oauth=True)
    world.portal.oauth.expire()
    world.portal.faults.add(Fault.error(code, status=status), method=TOKEN, times=1)
    with pytest.raises(PortalFailed, match=f"(?i){code}"):
        mute(world)
    mute(world)
    assert world.muted() == {1}


@pytest.mark.parametrize(
    "fault",
    [Fault.error("QUERY_LIMIT_EXCEEDED", status=503), Fault.error("too_many_requests", status=429), Fault.html(429)],
)
def test_a_token_server_that_throttles_is_left_alone_and_asked_by_the_next_call(fault: Fault) -> None:
    world = World(chats=100, oauth=True)
    world.portal.oauth.expire()
    world.portal.faults.add(fault, method=TOKEN, times=None)
    with pytest.raises(NoRoom, match="token server") as failure:
        mute(world)
    assert (failure.value.code, failure.value.may_be_done) == ("QUERY_LIMIT_EXCEEDED", False)
    outcomes = dict(muting.mute_many(world.client, range(1, 101), muted=True, time_left=world.time_left, in_flight=1))
    assert {type(outcome) for outcome in outcomes.values()} == {NoRoom}
    assert world.calls(TOKEN) == 3, "once for the call, once for each batch"
    world.portal.faults.clear()
    mute(world)
    assert world.muted() == {1}


@pytest.mark.parametrize("fault", [Fault.html(502), Fault.error("invalid_grant", status=400)])
@pytest.mark.parametrize("before", [True, False])
def test_of_a_call_whose_refresh_fails_only_the_earlier_tries_may_be_done(before: bool, fault: Fault) -> None:
    world = World(oauth=True)
    if before:
        world.portal.faults.add(Fault.reset_after_effect(), method=METHOD, times=1)
    world.portal.faults.add(Fault.error("expired_token", status=401), method=METHOD, times=1)
    world.portal.faults.add(fault, method=TOKEN, times=None)
    with pytest.raises(Bitrix24Error) as failure:
        mute(world)
    assert failure.value.may_be_done is before
    assert world.muted() == ({1} if before else set())


# ---- batches and many chats ----


@pytest.mark.parametrize("code", ["OVERLOAD_LIMIT", "OPERATION_TIME_LIMIT", "INVALID_CREDENTIALS"])
def test_single_calls_in_place_of_a_batch_stop_at_an_error_of_the_account(code: str) -> None:
    world = World(chats=50, quirks=Quirks(batch_refuses=frozenset({METHOD})))
    world.portal.faults.add(Fault.error(code, status=401), method=METHOD, times=None)
    commands = {f"c{one}": Command(METHOD, {"CHAT_ID": one, "MUTE": "Y"}) for one in range(1, 51)}
    outcomes = world.client.batch(commands, time_left=world.time_left)
    assert {getattr(outcome, "code", None) for outcome in outcomes.values()} == {code}
    assert len([call for call in world.portal.calls if call.method == METHOD]) == 1


def test_fifty_commands_that_tell_of_one_pause_are_remembered_once() -> None:
    world = World(chats=50)
    world.portal.faults.add(Fault.error("OPERATION_TIME_LIMIT"), method=METHOD, in_batch=True, times=None)
    writes: list[str] = []
    world.store.pause = lambda method, until: writes.append(method)  # type: ignore[method-assign]
    commands = {f"c{one}": Command(METHOD, {"CHAT_ID": one, "MUTE": "Y"}) for one in range(1, 51)}
    world.client.batch(commands, time_left=world.time_left)
    assert writes == [METHOD]


def test_a_store_that_fails_loses_no_outcome_that_is_known() -> None:
    world = World(chats=200)
    pauses, reads = world.store.pauses, [0]

    def failing() -> Mapping[str, datetime]:
        reads[0] += 1
        if reads[0] == 3:
            raise OSError("the store is away")
        return pauses()

    world.store.pauses = failing  # type: ignore[method-assign]
    told: set[int] = set()
    with pytest.raises(OSError, match="away"):
        told.update(
            chat_id
            for chat_id, _ in muting.mute_many(
                world.client, range(1, 201), muted=True, time_left=world.time_left, in_flight=2
            )
        )
    assert told
    assert told == world.muted()


def test_what_is_throttled_is_not_asked_again_after_an_error_of_the_account() -> None:
    world = World(chats=100, limits=Limits(enabled=False))
    world.portal.faults.add(Fault.error("QUERY_LIMIT_EXCEEDED", status=503), method="batch", times=4)
    world.portal.faults.add(Fault.error("INVALID_CREDENTIALS", status=401), method="batch", times=None)
    outcomes = dict(muting.mute_many(world.client, range(1, 101), muted=True, time_left=world.time_left, in_flight=1))
    assert len(outcomes) == 100
    assert {getattr(outcome, "code", None) for outcome in outcomes.values()} == {"INVALID_CREDENTIALS"}
    assert world.calls("batch") <= 6


def test_when_the_time_is_over_nobody_is_asked_and_the_store_is_left_alone() -> None:
    world = World(chats=1000, seconds=-1)
    world.store.pauses = lambda: pytest.fail("read")  # type: ignore[method-assign]
    outcomes = dict(muting.mute_many(world.client, range(1, 1001), muted=True, time_left=world.time_left))
    assert len(outcomes) == 1000
    assert {type(outcome) for outcome in outcomes.values()} == {NoRoom}
    assert not world.portal.calls


# ---- odd answers ----


def test_an_absurd_reset_time_is_no_reason_to_fail() -> None:
    world = World()
    times = {"c1": {"operating_reset_at": 10**400}}
    answer = {"result": {"c1": True}, "result_error": [], "result_time": times}
    world.portal.faults.add(Fault.result_after_effect(answer), method="batch", times=1)
    world.client.batch({"c1": Command(METHOD, {"CHAT_ID": 1})}, time_left=world.time_left)
    world.portal.faults.add(Fault.error("OPERATION_TIME_LIMIT", status=429), method=METHOD, times=1)
    with pytest.raises(Exception, match="OPERATION_TIME_LIMIT"):
        mute(world)
    assert world.store.pauses()[METHOD] - world.clock.now() == timedelta(seconds=300)


def test_an_empty_page_does_not_end_the_list() -> None:
    world = World(chats=250, limits=Limits(enabled=False))
    empty = {"items": [], "hasMore": True}
    world.portal.faults.add(Fault.result(empty), method="im.recent.list", times=1, params={"OFFSET": "200"})
    with_more = chats.recent_chats(world.client, time_left=world.time_left)
    assert len(list(with_more)) >= 200
    offsets = [call.params["OFFSET"] for call in world.portal.calls_of("im.recent.list")]
    assert 400 in [int(offset) for offset in offsets]


def test_only_empty_pages_do_end_it() -> None:
    world = World(limits=Limits(enabled=False))
    world.portal.faults.add(Fault.result({"items": [], "hasMore": True}), method="im.recent.list", times=None)
    assert list(chats.recent_chats(world.client, time_left=world.time_left)) == []
    assert world.calls("im.recent.list") == chats.EMPTY_PAGES + 1


def test_a_url_that_is_none_leaves_no_trace_of_itself_in_the_chain() -> None:
    for url in ("https://portal.example:s3cret/rest/1/x/", "https://[s3cret/rest/1/x/"):
        with pytest.raises(CredentialError) as failure:
            Webhook.parse(url)
        assert failure.value.__context__ is None
        assert failure.value.__cause__ is None


def test_connections_idle_for_long_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Transport()
    closed: list[bool] = []
    monkeypatch.setattr(transport._adapter, "close", lambda: closed.append(True))
    for idle, expected in ((0, 0), (59, 0), (3600, 1), (-3600, 2)):
        transport._used -= idle
        transport._drop_idle()
        assert len(closed) == expected
