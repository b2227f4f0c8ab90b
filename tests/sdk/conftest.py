"""A portal over TLS, and the SDKs in their own virtual environment and process, unmodified."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from local.portal import Portal, PortalServer

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ANN = 503
BOB = 547
TOKEN_HOST = "oauth.bitrix24.tech"
NEW_HOST = "renamed.bitrix24.test"

Drive = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """The interpreter of the SDKs' environment."""
    python = ROOT / ".venvs" / "sdk" / "bin" / "python"
    if not python.exists():
        pytest.fail("the virtual environment .venvs/sdk is missing: run `make setup`")
    return python


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1", TOKEN_HOST, NEW_HOST).configure_cert(context)
    return context


@pytest.fixture
def portal() -> Portal:
    portal = Portal()
    portal.add_user(ANN, "Ann Lee")
    portal.add_user(BOB, "Bob Ray")
    portal.add_webhook(ANN)
    portal.add_chat(1489, members=(ANN, BOB), title="Ops")
    portal.add_chat(1502, members=(ANN,), title="Sales")
    return portal


@pytest.fixture
def server(portal: Portal, server_context: ssl.SSLContext) -> Iterator[PortalServer]:
    with PortalServer(portal, server_context) as server:
        yield server


@pytest.fixture
def proxy(server: PortalServer) -> Iterator[str]:
    """A proxy to the portal for two hosts: the token server the SDK has in its code, and a renamed portal."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_tunnels, args=(listener, server.port), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.fixture
def drive(sdk_python: Path, ca_file: Path, server: PortalServer) -> Drive:
    """Run a scenario of a driver script; what it prints as JSON is returned."""

    def run(script: str, scenario: str, *, proxy: str | None = None, **inputs: Any) -> dict[str, Any]:
        webhook = server.portal.webhook_of(ANN)
        inputs = {
            "domain": f"127.0.0.1:{server.port}",
            "webhook": f"{webhook.url_user_id}/{webhook.code}",
            "webhook_url": server.webhook_url(ANN),
            "rest_url": f"{server.url}/rest/",
            **inputs,
        }
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        for name in ("CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            environment.pop(name, None)
        environment |= {"REQUESTS_CA_BUNDLE": str(ca_file), "SSL_CERT_FILE": str(ca_file), "NO_PROXY": "127.0.0.1"}
        if proxy:
            environment["HTTPS_PROXY"] = proxy
        done = subprocess.run(
            [sdk_python, HERE / script, scenario],
            input=json.dumps(inputs),
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    return run


def _tunnels(listener: socket.socket, port: int) -> None:
    """Serve CONNECT requests one after the other until the listener is closed."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(4096)
            if not request.startswith(tuple(f"CONNECT {host}:443 ".encode() for host in (TOKEN_HOST, NEW_HOST))):
                client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                continue
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                back = threading.Thread(target=_pump, args=(upstream, client), daemon=True)
                back.start()
                _pump(client, upstream)
                back.join(5)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until one side ends."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
