"""Transport over real TLS: failing connections, certificates, time budgets, what the environment may not change."""

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
import requests
import trustme

from bitrix24 import TimeLeft, Transport
from bitrix24.errors import Bitrix24Error, PortalTimeout, PortalUnreachable, UnreadableAnswer
from bitrix24.transport import CONNECT_SECONDS, Reply
from tests.integration.rawserver import OK, RawServer, head_only, http
from tests.unit.layer.doubles import CODE, assert_tells_nothing

PATH = f"/rest/503/{CODE}/im.chat.mute"
BUDGET = 0.15


def budget(seconds: float) -> TimeLeft:
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def failure(transport: Transport, url: str, time_left: TimeLeft | None = None) -> Bitrix24Error:
    """The error that a request ends with; it says nothing secret and hides no other."""
    with pytest.raises(Bitrix24Error) as caught:
        transport.post(url + PATH, b"{}", time_left or budget(10))
    assert_tells_nothing(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def unreachable(transport: Transport, url: str) -> str:
    error = failure(transport, url)
    assert isinstance(error, PortalUnreachable)
    return error.description


# ---- time -----------------------------------------------------------------------------------------------------------


def hold(connection: socket.socket) -> None:
    """Says nothing until the client has gone."""
    with contextlib.suppress(OSError):
        connection.recv(1)


def trickle(*head: bytes) -> Callable[[socket.socket], None]:
    """Answers with a head and then a byte at a time for ever."""

    def script(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(b"".join(head))
            while True:
                time.sleep(0.01)
                connection.sendall(b"1\r\n \r\n" if b"chunked" in head[0] else b" ")

    return script


def stop_in_the_midst(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(head_only("Content-Length: 100") + OK)
        connection.recv(1)


@pytest.mark.parametrize(
    "script",
    [
        hold,
        stop_in_the_midst,
        trickle(head_only("Transfer-Encoding: chunked")),
        trickle(head_only("Content-Length: 1000000")),
        trickle(head_only("Connection: close")),
    ],
    ids=["no answer", "stops in the midst", "endless chunks", "endless bytes", "endless bytes of unknown length"],
)
def test_an_answer_that_does_not_end_is_ended_as_a_timeout(
    transport: Transport, context: ssl.SSLContext, script: Callable[[socket.socket], None]
) -> None:
    with RawServer(context, script, http()) as server:
        assert isinstance(failure(transport, server.url, budget(BUDGET)), PortalTimeout)
        assert transport.post(server.url + PATH, b"{}", budget(10)) == Reply(200, OK), "and the next call works"


def test_it_is_a_timeout_whatever_the_budget_says_afterwards(transport: Transport, context: ssl.SSLContext) -> None:
    with RawServer(context, trickle(head_only("Transfer-Encoding: chunked"))) as server:
        assert isinstance(failure(transport, server.url, lambda: BUDGET), PortalTimeout)


def test_a_handshake_that_does_not_come_is_a_timeout(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        assert isinstance(failure(transport, url, budget(BUDGET)), PortalTimeout)


@pytest.mark.parametrize("left", [60.0, 2.0])
def test_connecting_and_answering_share_one_budget(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, left: float
) -> None:
    seen = {}

    def send(_self: object, request: requests.PreparedRequest, **options: object) -> requests.Response:
        seen.update(options)
        raise requests.ConnectionError(request=request)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    failure(transport, "https://portal.invalid", lambda: left)
    timeout = seen["timeout"]
    assert timeout.total == left  # type: ignore[attr-defined]
    assert timeout.connect_timeout == min(CONNECT_SECONDS, left)  # type: ignore[attr-defined]


def test_a_watchdog_that_comes_late_is_not_heard(transport: Transport, context: ssl.SSLContext) -> None:
    """The answer ends in the moment the time does: no thread may die of it (pytest would report that)."""
    before = threading.active_count()
    with RawServer(context, http(b"")) as server:
        for seconds in (0.001, 0.002, 0.005, 0.01):
            for _ in range(5):
                with contextlib.suppress(Bitrix24Error):
                    transport.post(server.url + PATH, b"{}", budget(seconds))
    time_left = budget(5)
    while threading.active_count() > before and time_left() > 0:
        time.sleep(0.005)
    assert threading.active_count() <= before


# ---- connections ----------------------------------------------------------------------------------------------------


def test_a_refused_connection_is_unreachable(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused" in unreachable(transport, f"https://127.0.0.1:{port}")


def test_a_name_that_does_not_resolve_is_unreachable(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def resolve(name: str, *_args: object, **_options: object) -> list[object]:
        asked.append(name)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert "does not resolve" in unreachable(transport, "https://portal.invalid")
    assert asked == ["portal.invalid"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example", ".example", "*.example", "-", "a_b..", "[::]:0"])
def test_a_host_that_can_not_be_is_unreachable(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    def resolve(*_args: object, **_options: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert isinstance(failure(transport, f"https://{host}"), PortalUnreachable)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    os.close(connection.detach())


def reset_in_the_midst(connection: socket.socket) -> None:
    connection.sendall(head_only("Content-Length: 100") + OK)
    reset(connection)


def test_a_reset_before_the_answer_is_unreachable(transport: Transport, context: ssl.SSLContext) -> None:
    with RawServer(context, reset) as server:
        unreachable(transport, server.url)
        assert len(server.requests) == 1, "the transport itself does not repeat a request"


def test_a_reset_in_the_midst_of_the_answer_is_told_as_what_was_seen_of_it(
    transport: Transport, context: ssl.SSLContext
) -> None:
    with RawServer(context, reset_in_the_midst) as server:
        error = failure(transport, server.url)
    assert isinstance(error, PortalUnreachable | UnreadableAnswer), "a reset may overtake the bytes before it"


# ---- TLS ------------------------------------------------------------------------------------------------------------


def test_plain_http_is_unreachable_and_the_secret_is_not_sent(transport: Transport) -> None:
    with RawServer(None, http()) as server:
        assert "TLS" in unreachable(transport, server.url)
    assert all(CODE.encode() not in request and b"POST" not in request for request in server.requests)


def test_an_untrusted_certificate_is_unreachable(transport: Transport) -> None:
    other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(other)
    with RawServer(other, http()) as server:
        assert "certificate" in unreachable(transport, server.url)
        assert server.requests == []


def test_a_certificate_for_another_name_is_unreachable(
    transport: Transport, context_for: Callable[[str], ssl.SSLContext]
) -> None:
    with RawServer(context_for("other.example"), http()) as server:
        assert "certificate" in unreachable(transport, server.url)
        assert server.requests == []


def test_an_expired_certificate_is_unreachable(transport: Transport, authority: trustme.CA) -> None:
    expired = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)).configure_cert(expired)
    with RawServer(expired, http()) as server:
        assert "certificate" in unreachable(transport, server.url)


def test_without_a_bundle_the_standard_one_counts(context: ssl.SSLContext) -> None:
    transport = Transport()
    with RawServer(context, http()) as server:
        assert "certificate" in unreachable(transport, server.url)
    transport.close()


def test_a_bundle_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Transport(str(tmp_path / "none.pem"))


# ---- the environment ------------------------------------------------------------------------------------------------


def test_proxies_and_bundles_of_the_environment_are_ignored(
    ca_file: Path, context: ssl.SSLContext, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    with RawServer(None, http()) as proxy:
        environment = {
            **dict.fromkeys(
                ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
                f"http://127.0.0.1:{proxy.port}",
            ),
            **dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), "/does/not/exist.pem"),
            "NETRC": str(netrc),
        }
        with mock.patch.dict(os.environ, environment), RawServer(context, http()) as server:
            transport = Transport(str(ca_file))
            assert transport.post(server.url + PATH, b"{}", budget(10)) == Reply(200, OK)
            transport.close()
        assert proxy.connections == 0
    assert b"authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_no_bundle_of_the_environment_is_trusted(ca_file: Path, context: ssl.SSLContext, name: str) -> None:
    with mock.patch.dict(os.environ, {name: str(ca_file)}), RawServer(context, http()) as server:
        transport = Transport()
        assert "certificate" in unreachable(transport, server.url)
        transport.close()
