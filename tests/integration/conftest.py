"""Parts that meet over real sockets, on loopback only: certificates, transports."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytest_socket
import trustme

from bitrix24 import Transport
from tests.unit.conftest import clean_environment

__all__ = ["clean_environment"]


@pytest.fixture(autouse=True)
def loopback_only() -> Iterator[None]:
    pytest_socket.socket_allow_hosts(["127.0.0.1"])
    yield
    pytest_socket._remove_restrictions()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def context_for(authority: trustme.CA) -> Callable[[str], ssl.SSLContext]:
    """Makes a server's TLS context with a certificate for one name."""

    def make(name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        return context

    return make


@pytest.fixture(scope="session")
def context(context_for: Callable[[str], ssl.SSLContext]) -> ssl.SSLContext:
    return context_for("127.0.0.1")


@pytest.fixture
def transport(ca_file: Path) -> Iterator[Transport]:
    transport = Transport(str(ca_file))
    yield transport
    transport.close()
