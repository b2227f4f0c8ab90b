"""Every unit test runs without a network and without the machine's environment."""

import os
from collections.abc import Iterator
from unittest import mock

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

LOOPBACK = "127.0.0.1"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAFAKEFAKEFAKEFAKE",
    "AWS_SECRET_ACCESS_KEY": "fake",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
KEPT = frozenset({"HOME", "PATH", "TMPDIR", "PYTEST_CURRENT_TEST"})

# The machine decides how long an example takes; what is generated is the same on each run.
settings.register_profile("unit", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "loopback: drives a server of its own on the loopback address")


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """No sockets; a test marked ``loopback``, or a module that serves the portal simulator, may reach 127.0.0.1."""
    if request.node.get_closest_marker("loopback") or hasattr(request.module, "PortalServer"):
        pytest_socket.socket_allow_hosts([LOOPBACK])
    else:
        pytest_socket.disable_socket()
    yield
    pytest_socket.enable_socket()
    pytest_socket._remove_restrictions()


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """Fake AWS credentials and a region, and nothing else: no proxies, no CA bundles, no POWERTOOLS_ variables."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    with mock.patch.dict(os.environ, {**kept, **ENVIRONMENT}, clear=True):
        yield
