"""Each retry class, for single calls and batches, webhooks and OAuth: how often it is asked, and what comes out."""

from dataclasses import dataclass

import pytest

from bitrix24 import Answer, Command, errors
from local.portal import Fault
from tests.unit.layer_portal.world import World

METHOD = "im.chat.mute"
PARAMS = {"CHAT_ID": 1, "MUTE": "Y"}


@dataclass(frozen=True)
class Row:
    """One kind of trouble, for ever: how often it is met, and as what."""

    fault: Fault
    asked: int
    meaning: type[errors.Bitrix24Error]
    code: str

    def __str__(self) -> str:
        return f"{self.fault.name}"


IN_PROCESS = [
    Row(Fault.error("QUERY_LIMIT_EXCEEDED", status=503), 4, errors.QueryLimitExceeded, "QUERY_LIMIT_EXCEEDED"),
    Row(Fault.html(502), 4, errors.PortalFailed, "INTERNAL_SERVER_ERROR"),
    Row(Fault.empty(500), 4, errors.PortalFailed, "INTERNAL_SERVER_ERROR"),
    Row(Fault.error("INTERNAL_SERVER_ERROR", status=500), 4, errors.PortalFailed, "INTERNAL_SERVER_ERROR"),
    Row(Fault.error("ERROR_UNEXPECTED_ANSWER", status=500), 4, errors.PortalFailed, "ERROR_UNEXPECTED_ANSWER"),
    Row(Fault.error("CONNECTION_ERROR", status=401), 4, errors.PortalFailed, "CONNECTION_ERROR"),
    Row(Fault.reset_before_effect(), 4, errors.PortalUnreachable, "PORTAL_UNREACHABLE"),
    Row(Fault.reset_after_effect(), 4, errors.PortalUnreachable, "PORTAL_UNREACHABLE"),
    Row(Fault.truncated(), 2, errors.UnreadableAnswer, "ERROR_UNEXPECTED_ANSWER"),
    Row(Fault.bad_json(), 2, errors.UnreadableAnswer, "ERROR_UNEXPECTED_ANSWER"),
]
ONCE = [
    Row(Fault.error("OPERATION_TIME_LIMIT", status=429), 1, errors.Paused, "OPERATION_TIME_LIMIT"),
    Row(Fault.error("OVERLOAD_LIMIT", status=503), 1, errors.Paused, "OVERLOAD_LIMIT"),
    *(
        Row(Fault.error(code, status=401), 1, errors.CredentialError, code)
        for code in ("INVALID_CREDENTIALS", "NO_AUTH_FOUND", "insufficient_scope", "user_access_error",
                     "authorization_error", "APPLICATION_NOT_FOUND")
    ),
    Row(Fault.error("ACCESS_DENIED", status=401), 1, errors.AccountBlocked, "ACCESS_DENIED"),
    Row(Fault.error("PORTAL_DELETED", status=403), 1, errors.AccountBlocked, "PORTAL_DELETED"),
    Row(Fault.error("QUERY_LIMIT_EXCEEDED", status=401), 1, errors.AccountBlocked, "QUERY_LIMIT_EXCEEDED"),
    Row(Fault.error("SOMETHING_NEW", status=400), 1, errors.Bitrix24Error, "SOMETHING_NEW"),
    Row(Fault.error(""), 1, errors.UnexpectedAnswer, "ERROR_UNEXPECTED_ANSWER"),
    Row(Fault.redirect("https://elsewhere.example/"), 1, errors.PortalMoved, "PORTAL_MOVED"),
]  # fmt: skip
PER_ITEM = [
    Row(Fault.error("CHAT_ID_EMPTY"), 1, errors.InvalidChatId, "CHAT_ID_EMPTY"),
    Row(Fault.error("DIALOG_ID_EMPTY"), 1, errors.InvalidChatId, "DIALOG_ID_EMPTY"),
    Row(Fault.error("ACCESS_ERROR", status=403), 1, errors.AccessRefused, "ACCESS_ERROR"),
]


@pytest.mark.parametrize("oauth", [False, True], ids=["webhook", "oauth"])
@pytest.mark.parametrize("row", [*IN_PROCESS, *ONCE, *PER_ITEM], ids=str)
def test_a_single_call(row: Row, oauth: bool) -> None:
    world = World(oauth=oauth)
    world.portal.faults.add(row.fault, method=METHOD, times=None)
    with pytest.raises(errors.Bitrix24Error) as failure:
        world.client.call(METHOD, PARAMS, time_left=world.time_left)
    assert (type(failure.value), failure.value.code) == (row.meaning, row.code)
    assert len(world.portal.calls_of(METHOD)) == row.asked


@pytest.mark.parametrize("oauth", [False, True], ids=["webhook", "oauth"])
@pytest.mark.parametrize("row", [*IN_PROCESS, *ONCE], ids=str)
def test_a_batch_as_a_whole(row: Row, oauth: bool) -> None:
    world = World(oauth=oauth)
    world.portal.faults.add(row.fault, method="batch", times=None)
    commands = {"c1": Command(METHOD, PARAMS), "c2": Command(METHOD, {"CHAT_ID": 2, "MUTE": "Y"})}
    outcomes = world.client.batch(commands, time_left=world.time_left)
    for outcome in outcomes.values():
        assert isinstance(outcome, errors.Bitrix24Error)
        assert (type(outcome), outcome.code) == (row.meaning, row.code)
    assert len(world.portal.calls_of("batch")) == row.asked


@pytest.mark.parametrize("oauth", [False, True], ids=["webhook", "oauth"])
@pytest.mark.parametrize("row", [row for row in [*IN_PROCESS, *ONCE, *PER_ITEM] if row.fault.command], ids=str)
def test_one_command_of_a_batch(row: Row, oauth: bool) -> None:
    world = World(oauth=oauth)
    world.portal.faults.add(row.fault, method=METHOD, in_batch=True, params={"CHAT_ID": "1"}, times=None)
    commands = {"c1": Command(METHOD, PARAMS), "c2": Command(METHOD, {"CHAT_ID": 2, "MUTE": "Y"})}
    outcomes = world.client.batch(commands, time_left=world.time_left)
    assert isinstance(outcomes["c2"], Answer), "its neighbour has succeeded"
    failed = outcomes["c1"]
    assert isinstance(failed, errors.Bitrix24Error)
    assert failed.code == row.code
    assert row.fault.command is not None
    if row.fault.command.get("error", {}).get("error") != "QUERY_LIMIT_EXCEEDED":
        assert type(failed) is row.meaning
        assert len(world.portal.calls_of("batch")) == row.asked


@pytest.mark.parametrize("oauth", [False, True], ids=["webhook", "oauth"])
@pytest.mark.parametrize("row", IN_PROCESS, ids=str)
def test_trouble_that_passes_is_not_seen(row: Row, oauth: bool) -> None:
    world = World(oauth=oauth)
    world.portal.faults.add(row.fault, method=METHOD, times=1)
    assert world.client.call(METHOD, PARAMS, time_left=world.time_left).result is True


def test_an_expired_token_is_refreshed_once_for_oauth_and_final_for_a_webhook() -> None:
    for oauth, asked, refreshed in ((False, 1, 0), (True, 2, 1)):
        world = World(oauth=oauth)
        world.portal.faults.add(Fault.error("expired_token", status=401), method=METHOD, times=None)
        with pytest.raises(errors.CredentialError, match="expired_token"):
            world.client.call(METHOD, PARAMS, time_left=world.time_left)
        assert len(world.portal.calls_of(METHOD)) == asked
        assert len(world.portal.calls_of("oauth.token")) == refreshed
