"""Every unit test runs without a network and without the machine's environment."""

import os
from collections.abc import Iterator
from unittest import mock

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

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


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """No sockets."""
    pytest_socket.disable_socket()
    yield
    pytest_socket.enable_socket()


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """Fake AWS credentials and a region, and nothing else: no proxies, no CA bundles, no POWERTOOLS_ variables."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    with mock.patch.dict(os.environ, {**kept, **ENVIRONMENT}, clear=True):
        yield
