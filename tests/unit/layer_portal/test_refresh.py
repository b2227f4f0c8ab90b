"""OAuth: refreshing only when told to, one at a time, stored before it is used; and errors that last."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from bitrix24 import OAuth, muting, users
from bitrix24.errors import CredentialError, PortalFailed, PortalTimeout, PortalUnreachable
from local.portal import Fault
from tests.unit.layer.doubles import chain
from tests.unit.layer_portal.world import ANN, World

TOKEN = "oauth.token"


@pytest.fixture
def world() -> World:
    return World(oauth=True)


def mute(world: World, chat_id: int = 1) -> None:
    muting.mute(world.client, chat_id=chat_id, muted=True, time_left=world.time_left)


def test_the_token_goes_in_the_body_and_never_in_the_url(world: World) -> None:
    mute(world)
    assert world.transport.sent == ["portal.example/rest/im.chat.mute"]
    assert world.muted() == {1}


def test_nothing_is_refreshed_before_the_portal_says_expired(world: World) -> None:
    mute(world)
    assert world.calls(TOKEN) == 0


def test_an_expired_token_is_refreshed_once_and_the_call_repeated(world: World) -> None:
    world.portal.oauth.expire()
    mute(world)
    mute(world, 2)
    assert world.calls(TOKEN) == 1
    assert world.muted() == {1, 2}
    assert world.client.credentials.params != world.credentials.params


def test_the_new_pair_is_stored_before_it_is_used(world: World) -> None:
    order: list[str] = []
    save, post = world.store.save, world.transport.post

    def saving(document: Mapping[str, Any]) -> None:
        order.append("save")
        save(document)

    def posting(url: str, *rest: Any) -> Any:
        order.append(url.rpartition("/rest/")[2] if "/rest/" in url else "token server")
        return post(url, *rest)

    world.store.save, world.transport.post = saving, posting  # type: ignore[method-assign, assignment]
    world.portal.oauth.expire()
    mute(world)
    assert order == ["im.chat.mute", "token server", "save", "im.chat.mute"]


def test_what_is_stored_is_the_servers_answer_beside_what_was_there(world: World) -> None:
    assert isinstance(world.credentials, OAuth)
    before = dict(world.credentials.document) | {"rate": {"burst": 250, "per_second": 5}}
    world.store.save(before)
    world.client = world.another_client()
    world.portal.oauth.expire()
    mute(world)
    stored = world.store.load()
    assert isinstance(stored, OAuth)
    assert stored.document["rate"] == before["rate"]
    assert stored.document["client_secret"] == before["client_secret"]
    assert stored.document["refresh_token"] != before["refresh_token"]


def test_another_process_finds_the_new_pair_in_the_store_and_asks_nobody(world: World) -> None:
    other = world.another_client()
    world.portal.oauth.expire()
    mute(world)
    muting.mute(other, chat_id=2, muted=True, time_left=world.time_left)  # its token has been ended by the refresh
    assert world.calls(TOKEN) == 1
    assert world.muted() == {1, 2}


def test_a_call_whose_token_has_ended_before_the_new_one_is_stored_waits_for_that(world: World) -> None:
    other, save, sleep = world.another_client(), world.store.save, world.clock.sleep
    waited: list[float] = []
    world.portal.oauth.expire()

    def saving(document: Mapping[str, Any]) -> None:
        def sleeping(seconds: float) -> None:
            sleep(seconds)
            waited.append(seconds)
            save(document)

        world.store.save = save  # type: ignore[method-assign]
        world.clock.sleep = sleeping  # type: ignore[method-assign]
        muting.mute(other, chat_id=2, muted=True, time_left=world.time_left)

    world.store.save = saving  # type: ignore[method-assign]
    mute(world)
    assert world.muted() == {1, 2}
    assert len(waited) == 1
    assert world.calls(TOKEN) == 1


def test_while_somebody_else_refreshes_one_waits_and_reads_again(world: World) -> None:
    assert isinstance(world.credentials, OAuth)
    newer = world.document()
    world.portal.oauth.expire(world.credentials.document["access_token"])
    attempts: list[datetime] = []

    def taken(now: datetime, until: datetime) -> bool:
        attempts.append(now)
        if len(attempts) == 3:
            world.store.save(newer)
        return False

    world.store.lock_refresh = taken  # type: ignore[method-assign]
    mute(world)
    assert len(attempts) == 3
    assert world.calls(TOKEN) == 0
    assert attempts == sorted(set(attempts)), "it waited in between"


def test_a_lock_that_stays_taken_ends_in_a_timeout(world: World) -> None:
    world.portal.oauth.expire()
    world.store.lock_refresh = lambda now, until: False  # type: ignore[method-assign]
    world.time_left = world.clock.budget(30)
    with pytest.raises(PortalTimeout):
        mute(world)
    assert world.calls(TOKEN) == 0


def test_the_lock_is_given_back_whatever_happens(world: World) -> None:
    world.portal.oauth.expire()
    world.portal.faults.add(Fault.html(502), method=TOKEN, times=1)
    with pytest.raises(PortalFailed, match="CONNECTION_ERROR"):
        mute(world)
    mute(world)
    assert world.muted() == {1}


@pytest.mark.parametrize("code", ["invalid_grant", "WRONG_CLIENT", "invalid_client", "NOT_INSTALLED"])
def test_a_refusal_for_good_is_explained_and_not_asked_for_again(world: World, code: str) -> None:
    world.portal.oauth.expire()
    world.portal.faults.add(Fault.error(code, status=400), method=TOKEN, times=None)
    for _ in range(3):
        with pytest.raises(CredentialError) as failure:
            mute(world)
        assert failure.value.code == code
        assert "install the app again" in failure.value.description
    assert world.calls(TOKEN) == 1
    world.portal.faults.clear()
    world.store.save(world.document())
    mute(world)
    assert world.muted() == {1}, "a new secret ends it"


def test_a_refusal_that_a_payment_ends_is_asked_for_again(world: World) -> None:
    world.portal.oauth.expire()
    world.app.paid = False
    with pytest.raises(CredentialError, match="PAYMENT_REQUIRED"):
        mute(world)
    world.app.paid = True
    mute(world)


def test_a_lost_answer_of_the_token_server_ends_in_an_explained_error(world: World) -> None:
    world.portal.oauth.expire()
    world.portal.faults.add(Fault.reset_after_effect(), method=TOKEN, times=1)
    with pytest.raises(PortalUnreachable):
        mute(world)
    with pytest.raises(CredentialError, match="Install the app again"):
        mute(world)
    assert world.calls(TOKEN) == 1


def test_an_app_secret_goes_to_known_hosts_only(world: World) -> None:
    document = world.document() | {"server_endpoint": "https://evil.example/rest/"}
    world.store.save(document)
    world.credentials = world.store.load()
    world.client = world.another_client()
    world.portal.oauth.expire()
    with pytest.raises(CredentialError, match="server_endpoint"):
        mute(world)
    assert not [url for url in world.transport.sent if "evil" in url]


def test_no_error_tells_a_token(world: World) -> None:
    assert isinstance(world.credentials, OAuth)
    world.portal.oauth.expire()
    echo = " ".join(world.credentials.secrets)
    world.portal.faults.add(Fault.error("invalid_grant", echo, status=400), method=TOKEN, times=1)
    with pytest.raises(CredentialError) as failure:
        mute(world)
    for link in chain(failure.value):
        assert not [secret for secret in world.credentials.secrets if secret in f"{link!s} {link!r} {vars(link)}"]
    assert not [secret for secret in world.credentials.secrets if secret in repr(world.credentials)]
    assert not [secret for secret in world.credentials.secrets if secret in json.dumps(list(world.store.pauses()))]


@pytest.mark.parametrize("name", ["client_id", "client_secret", "access_token", "refresh_token", "user_id",
                                  "client_endpoint", "server_endpoint"])  # fmt: skip
@pytest.mark.parametrize("value", [None, "", 0, True, ["x"], "http://portal.example/rest/"])
def test_a_document_that_is_not_what_it_should_be_names_the_field(world: World, name: str, value: Any) -> None:
    document = {**world.document(), name: value}
    if value is None:
        del document[name]
    if name.endswith(("_id", "_secret", "_token")) and isinstance(value, str) and value and name != "user_id":
        assert OAuth.parse(document)
        return
    with pytest.raises(CredentialError, match=name):
        OAuth.parse(document)


@pytest.mark.parametrize("document", [{"user_id": None}, {}])
def test_an_apps_first_tokens_without_a_user_say_where_to_find_one(world: World, document: dict[str, Any]) -> None:
    without = {name: value for name, value in world.document().items() if name != "user_id"}
    with pytest.raises(CredentialError, match="missing; the method profile"):
        OAuth.parse({**without, **document})


def test_the_user_is_whom_the_tokens_act_for(world: World) -> None:
    assert world.credentials.user_id == ANN
    assert users.profile_id(world.client, time_left=world.time_left) == ANN
