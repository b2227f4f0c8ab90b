"""The client against the portal simulator, over TLS: what each fault of a network or a portal ends in."""

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from bitrix24 import Client, Transport, Webhook, errors, muting, users
from local.portal import Fault, Portal, PortalServer, Quirks
from tests.unit.layer.doubles import CODE, FakeClock, MemoryStore, assert_tells_nothing

ANN, BOB, CHAT = 503, 547, 1489


@pytest.fixture
def portal() -> Portal:
    portal = Portal()
    portal.add_user(ANN)
    portal.add_user(BOB)
    portal.add_webhook(ANN, CODE)
    portal.add_chat(CHAT, members=[ANN])
    return portal


@pytest.fixture(scope="module")
def running(context: ssl.SSLContext) -> Iterator[PortalServer]:
    with PortalServer(Portal(), context) as running:
        yield running


@pytest.fixture
def server(running: PortalServer, portal: Portal) -> PortalServer:
    """One server for all tests, because stopping one takes its time; each test has its own portal behind it."""
    running.portal, running.connections = portal, 0
    return running


@pytest.fixture
def client(server: PortalServer, transport: Transport) -> Client:
    return Client(Webhook.parse(server.webhook_url(ANN)), transport, MemoryStore(), FakeClock())


def mute(client: Client, seconds: float = 10.0) -> Any:
    return muting.mute(client, chat_id=CHAT, muted=True, time_left=lambda: seconds)


def failure(client: Client, seconds: float = 10.0) -> errors.Bitrix24Error:
    with pytest.raises(errors.Bitrix24Error) as caught:
        mute(client, seconds)
    assert_tells_nothing(caught.value)
    return caught.value


def test_muting_and_unmuting_over_one_connection(client: Client, portal: Portal, server: PortalServer) -> None:
    assert "start" in mute(client).time
    assert portal.is_muted(ANN, CHAT)
    mute(client)
    muting.mute(client, dialog_id=f"chat{CHAT}", muted=False, time_left=lambda: 10.0)
    assert not portal.is_muted(ANN, CHAT)
    assert users.profile_id(client, time_left=lambda: 10.0) == ANN
    assert "im" in users.scope(client, time_left=lambda: 10.0)
    assert server.connections == 1


PASSING = [
    Fault.reset_before_effect(),
    Fault.reset_after_effect(),
    Fault.truncated(),
    Fault.html(502),
    Fault.empty(503),
    Fault.empty(200),
    Fault.html(200),
    Fault.html(403),
    Fault.error("QUERY_LIMIT_EXCEEDED", "Too many requests", status=503),
    Fault.error("CONNECTION_ERROR", status=401),
    Fault.error_quoting_url(),
    Fault.bad_json(),
    Fault.bad_utf8(),
    Fault.bom(),
    Fault.php_warning(),
    Fault.deep_json(),
    Fault.oversized(),
    Fault.oversized(chunked=True),
    Fault.gzip_bomb(2**20),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_a_fault_that_passes_is_asked_away(client: Client, portal: Portal, fault: Fault) -> None:
    portal.faults.add(fault)
    assert mute(client).result is True
    assert portal.is_muted(ANN, CHAT)
    assert portal.faults.pending() == 0
    assert len(portal.calls_of("im.chat.mute")) == 2


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_a_fault_that_stays_ends_without_a_secret(client: Client, portal: Portal, fault: Fault) -> None:
    portal.faults.add(fault, times=None)
    failure(client)
    assert 2 <= len(portal.calls) <= 4


def test_a_connection_closed_behind_an_answer_is_not_missed(
    client: Client, portal: Portal, server: PortalServer
) -> None:
    portal.faults.add(Fault.stale_connection(), times=None)
    for _ in range(5):
        assert mute(client).result is True
    assert server.connections >= 5


def test_a_connection_closed_while_idle_is_replaced(client: Client, server: PortalServer) -> None:
    mute(client)
    server.close_idle_connections()
    assert mute(client).result is True
    assert server.connections == 2


def test_an_endless_answer_is_a_timeout(client: Client, portal: Portal) -> None:
    portal.faults.add(Fault.trickle(), times=None)
    assert isinstance(failure(client, 0.2), errors.PortalTimeout)
    assert portal.is_muted(ANN, CHAT), "whether a call took effect is unknown after a timeout"


def test_a_slow_portal_is_a_timeout(client: Client, portal: Portal) -> None:
    portal.faults.add(Fault.slow_before_effect(0.3), times=None)
    assert isinstance(failure(client, 0.1), errors.PortalTimeout)


def test_a_renamed_portal_is_not_followed(client: Client, portal: Portal, context: ssl.SSLContext) -> None:
    with PortalServer(Portal(), context) as elsewhere:
        portal.rename(elsewhere.url)
        assert failure(client).code == "PORTAL_MOVED"
        assert elsewhere.connections == 0


@pytest.mark.parametrize("auth_status", ["server", "docs"])
def test_a_portals_refusals_mean_the_same_whatever_their_status(
    client: Client, portal: Portal, auth_status: Any
) -> None:
    portal.quirks = Quirks(auth_status=auth_status)
    portal.limits.overloaded = True
    error = failure(client)
    assert isinstance(error, errors.Paused)
    assert error.code == "OVERLOAD_LIMIT"
    asked = len(portal.calls)
    failure(client)
    assert len(portal.calls) == asked, "not asked again"


def test_a_permanent_limit_is_not_retried(client: Client, portal: Portal) -> None:
    portal.limits.permanently_limited = True
    error = failure(client)
    assert isinstance(error, errors.AccountBlocked)
    assert error.code == "QUERY_LIMIT_EXCEEDED"
    assert len(portal.calls) == 1


@pytest.mark.parametrize("non_member", ["access_error", "false"])
def test_a_user_who_is_not_in_the_chat_is_refused_on_every_build(
    client: Client, portal: Portal, non_member: Any
) -> None:
    portal.quirks.non_member = non_member
    portal.leave(ANN, CHAT)
    error = failure(client)
    assert isinstance(error, errors.AccessRefused)
    assert error.code == "ACCESS_ERROR"


def test_a_deleted_webhook_is_a_credential_error(client: Client, portal: Portal) -> None:
    portal.delete_webhook(ANN)
    error = failure(client)
    assert isinstance(error, errors.CredentialError)
    assert error.code == "INVALID_CREDENTIALS"


def test_a_webhook_of_another_owner_acts_for_that_owner(client: Client, portal: Portal) -> None:
    portal.change_webhook_owner(ANN, BOB)
    assert users.profile_id(client, time_left=lambda: 10.0) == BOB


@pytest.mark.parametrize("time", ["full", "operating_zero", "no_operating", "missing"])
@pytest.mark.parametrize("integer_start", [True, False])
def test_every_shape_of_time_is_taken(client: Client, portal: Portal, time: Any, integer_start: bool) -> None:
    portal.quirks = Quirks(time=time, integer_start=integer_start)
    answer = mute(client)
    assert answer.result is True
    assert (answer.time is None) == (time == "missing")
    assert (answer.operating_reset_at is not None) == (time == "full")


def test_a_description_that_quotes_the_url_does_not_let_the_code_out(client: Client, portal: Portal) -> None:
    portal.faults.add(Fault.error_quoting_url("INVALID_REQUEST", status=400))
    error = failure(client)
    assert error.code == "INVALID_REQUEST"
    assert "/rest/503/***/im.chat.mute" in error.description
