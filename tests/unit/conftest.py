"""Every unit test runs without a network and without the machine's environment."""

import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

from local import virtual
from local.build import read_template
from tests.template.rights import Recorder, granted

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


@pytest.fixture(scope="session", autouse=True)
def least_privilege() -> Iterator[None]:
    """Whatever any test makes the service call in virtual time, the function's role in the template allows."""
    resources: Any = read_template()["Resources"]
    parameters = {"SecretPrefix": virtual.ENVIRONMENT["SECRET_PREFIX"]}
    without_conditions = {name: one for name, one in resources.items() if "Condition" not in one}
    recorder = Recorder(without_conditions, parameters)
    with mock.patch.object(virtual.VirtualStack, "watch", staticmethod(recorder.wrap)):
        yield
    rights = [
        right
        for statement in granted(without_conditions, parameters, role="ChatMuteRole")
        for right in statement.rights
    ]
    refused = [(needed, by) for needed, by in recorder.needed.items() if not any(one.allows(needed) for one in rights)]
    assert refused == [], "called by a test of this session, and not granted by template.yaml"


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """Fake AWS credentials and a region, and nothing else: no proxies, no CA bundles, no POWERTOOLS_ variables."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    with mock.patch.dict(os.environ, {**kept, **ENVIRONMENT}, clear=True):
        yield
