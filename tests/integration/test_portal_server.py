"""The portal on a real TLS connection: transports, keep-alive, and every way an answer can go wrong."""

from __future__ import annotations

import gc
import gzip
import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme

from local.portal import Fault, Portal, PortalServer
from tests.unit.portal_calls import ANN, new_portal

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def server(server_context: ssl.SSLContext) -> Iterator[PortalServer]:
    with PortalServer(new_portal(), server_context) as running:
        yield running


@pytest.fixture
def portal(server: PortalServer) -> Portal:
    return server.portal


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def session(ca_file: str) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.verify = ca_file
        session.trust_env = False
        yield session


@pytest.fixture
def plain(server: PortalServer, authority: trustme.CA) -> Iterator[http.client.HTTPSConnection]:
    """A connection that does nothing on its own: no pool, no retry, no decoding."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=5, context=context)
    yield connection
    connection.close()


def mute(server: PortalServer, session: requests.Session, chat_id: int = 1489, **options: Any) -> requests.Response:
    url = server.webhook_url(ANN) + "im.chat.mute"
    return session.post(url, json={"CHAT_ID": chat_id}, timeout=options.pop("timeout", 5), **options)


def path(server: PortalServer, method: str = "im.chat.mute") -> str:
    return f"/rest/{ANN}/{server.portal.webhook_of(ANN).code}/{method}"


def ask(connection: http.client.HTTPConnection, target: str) -> http.client.HTTPResponse:
    connection.request("POST", target)
    return connection.getresponse()


# --- transports ------------------------------------------------------------------------------------------------------


def test_json_post_mutes(server: PortalServer, session: requests.Session) -> None:
    answer = mute(server, session)
    assert (answer.status_code, answer.json()["result"]) == (200, True)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "X-Bitrix-Rest-Time" in answer.headers
    assert server.portal.is_muted(ANN, 1489)


def test_form_and_query_and_chunked_bodies_are_read(server: PortalServer, session: requests.Session) -> None:
    url = server.webhook_url(ANN) + "im.chat.mute.json"
    assert session.post(url, data={"chat_id": "1489"}, timeout=5).json()["result"] is True
    assert session.get(url, params={"CHAT_ID": 1502}, timeout=5).json()["result"] is True
    assert server.portal.muted_chats(ANN) == {1489, 1502}
    chunks = iter([b'{"CHAT_ID":', b'1489,"MUTE":"N"}'])
    headers = {"Content-Type": "application/json"}
    assert session.post(url, data=chunks, headers=headers, timeout=5).json()["result"] is True
    assert server.portal.muted_chats(ANN) == {1502}


def test_a_body_without_a_content_type_is_no_parameters(
    server: PortalServer, plain: http.client.HTTPSConnection
) -> None:
    plain.request("POST", path(server), b'{"CHAT_ID": 1489}')
    answer = plain.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]) == (400, "CHAT_ID_EMPTY")
    assert answer.version == 11


def test_connections_are_kept_alive(server: PortalServer, session: requests.Session) -> None:
    for _ in range(5):
        mute(server, session)
    assert (server.connections, server.requests) == (1, 5)


def test_tls_is_at_least_1_2_and_certificates_count(server: PortalServer, ca_file: str) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(server.url, timeout=5, verify=True)
    context = ssl.create_default_context(cafile=ca_file)
    with (
        socket.create_connection(("127.0.0.1", server.port)) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as tls,
    ):
        assert tls.version() in ("TLSv1.2", "TLSv1.3")


def test_plain_http_is_refused_for_webhooks_only() -> None:
    portal = new_portal()
    app = portal.oauth.add_app()
    token = portal.oauth.issue(app, ANN)["access_token"]
    with PortalServer(portal, None) as server, requests.Session() as session:
        session.trust_env = False
        answer = session.post(server.webhook_url(ANN) + "profile", timeout=5)
        assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")
        assert (
            session.post(f"{server.url}/rest/profile", data={"auth": token}, timeout=5).json()["result"]["ID"] == "503"
        )


def test_twenty_connections_work_at_once(server_context: ssl.SSLContext, ca_file: str) -> None:
    portal = new_portal()
    portal.limits.enabled = False
    with PortalServer(portal, server_context, latency=0.1, command_latency=0.05) as server:
        taken: list[float] = []

        def worker() -> None:
            with requests.Session() as session:
                session.verify, session.trust_env = ca_file, False
                mute(server, session)
                started = time.monotonic()
                mute(server, session)
                taken.append(time.monotonic() - started)

        threads = [threading.Thread(target=worker) for _ in range(20)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == 20
        assert min(taken) >= 0.15
        assert time.monotonic() - started < 2.0
        assert server.connections == 20


# --- faults ----------------------------------------------------------------------------------------------------------


def test_reset_before_and_after_the_effect(
    server: PortalServer, portal: Portal, plain: http.client.HTTPSConnection
) -> None:
    for fault, done in ((Fault.reset_before_effect(), False), (Fault.reset_after_effect(), True)):
        portal.faults.add(fault, method="im.chat.mute")
        with pytest.raises(ConnectionError):
            ask(plain, path(server) + "?CHAT_ID=1489")
        plain.close()
        assert portal.is_muted(ANN, 1489) is done
    assert [entry.status for entry in portal.calls] == [0, 0]
    plain.request("POST", path(server) + "?CHAT_ID=1489")
    assert plain.getresponse().status == 200


def test_a_reset_is_a_reset_and_no_end() -> None:
    portal = new_portal()
    portal.faults.add(Fault.reset_before_effect())
    with PortalServer(portal, None) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        with pytest.raises(ConnectionError) as caught:
            ask(connection, path(server))
        connection.close()
    assert caught.type is ConnectionResetError


def test_truncated_body(server: PortalServer, portal: Portal, plain: http.client.HTTPSConnection) -> None:
    portal.faults.add(Fault.truncated())
    plain.request("POST", path(server) + "?CHAT_ID=1489")
    with pytest.raises(http.client.IncompleteRead):
        plain.getresponse().read()
    assert portal.is_muted(ANN, 1489)


def test_trickling_body_never_ends(server: PortalServer, portal: Portal, session: requests.Session) -> None:
    portal.faults.add(Fault.trickle())
    started, received = time.monotonic(), 0
    with mute(server, session, stream=True) as answer:
        for part in answer.iter_content(None):
            received += len(part)
            if time.monotonic() - started > 0.3:
                break
    assert received > 100
    assert time.monotonic() - started > 0.3, "the body ended"


@pytest.mark.parametrize("chunked", [False, True])
def test_oversized_body_has_exactly_the_size(
    server: PortalServer, portal: Portal, session: requests.Session, chunked: bool
) -> None:
    portal.faults.add(Fault.oversized(3 * 2**20, chunked=chunked))
    answer = mute(server, session)
    assert len(answer.content) == 3 * 2**20
    assert answer.json()["result"] is True
    assert ("Content-Length" in answer.headers) is not chunked


def test_a_huge_body_is_streamed(server: PortalServer, portal: Portal, session: requests.Session) -> None:
    portal.faults.add(Fault.oversized(100 * 2**20))
    with mute(server, session, stream=True) as answer:
        assert answer.headers["Content-Length"] == str(100 * 2**20)
        assert len(next(answer.iter_content(1000))) == 1000


def test_gzip_bomb(server: PortalServer, portal: Portal, plain: http.client.HTTPSConnection) -> None:
    portal.faults.add(Fault.gzip_bomb(20 * 2**20))
    plain.request("POST", path(server) + "?CHAT_ID=1489")
    answer = plain.getresponse()
    packed = answer.read()
    assert answer.getheader("Content-Encoding") == "gzip"
    assert len(packed) < 100_000
    assert len(gzip.decompress(packed)) == 20 * 2**20


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects(server: PortalServer, portal: Portal, session: requests.Session, status: int) -> None:
    portal.faults.add(Fault.redirect("https://elsewhere.invalid{path}", status=status))
    answer = mute(server, session, allow_redirects=False)
    assert answer.status_code == status
    assert answer.headers["Location"] == "https://elsewhere.invalid" + path(server)
    assert not portal.is_muted(ANN, 1489)


def test_slow_before_and_after_the_effect(server: PortalServer, portal: Portal, session: requests.Session) -> None:
    portal.faults.add(Fault.slow_after_effect(0.6))
    with pytest.raises(requests.ReadTimeout):
        mute(server, session, timeout=0.2)
    assert portal.is_muted(ANN, 1489)
    portal.faults.add(Fault.slow_before_effect(0.6))
    with pytest.raises(requests.ReadTimeout):
        mute(server, session, 1502, timeout=0.2)
    assert not portal.is_muted(ANN, 1502)
    deadline = time.monotonic() + 3
    while not portal.is_muted(ANN, 1502) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert portal.is_muted(ANN, 1502), "a client that gave up does not undo the call"


def test_stale_connection(server: PortalServer, portal: Portal, plain: http.client.HTTPSConnection) -> None:
    plain.auto_open = 0
    plain.connect()
    portal.faults.add(Fault.stale_connection())
    plain.request("POST", path(server) + "?CHAT_ID=1489")
    answer = plain.getresponse()
    assert answer.getheader("Connection") == "keep-alive"
    answer.read()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        ask(plain, path(server) + "?CHAT_ID=1502")


def test_idle_connections_can_be_closed(server: PortalServer, session: requests.Session) -> None:
    mute(server, session)
    server.close_idle_connections()
    time.sleep(0.05)
    assert mute(server, session).status_code == 200
    assert server.connections == 2


def test_renamed_portal_redirects_everything(server: PortalServer, portal: Portal, session: requests.Session) -> None:
    portal.rename("https://new.invalid/")
    answer = mute(server, session, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://new.invalid" + path(server))


def test_stopping_ends_open_connections(server_context: ssl.SSLContext, ca_file: str) -> None:
    with requests.Session() as session:
        session.verify, session.trust_env = ca_file, False
        with PortalServer(new_portal(), server_context) as server:
            mute(server, session)
        with pytest.raises(requests.ConnectionError):
            mute(server, session, timeout=2)
    gc.collect()


def test_command_line(authority: trustme.CA, ca_file: str, tmp_path: Path) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    arguments = ["--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem"), "--port", "0"]
    command = [sys.executable, "-m", "local.portal", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with requests.Session() as session:
            session.verify, session.trust_env = ca_file, False
            answer = session.post(f"{url}im.chat.mute", json={"DIALOG_ID": "sg7"}, timeout=5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert answer.json()["result"] is True
