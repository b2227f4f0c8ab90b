"""What `make bench` compares us with is frozen: a ratio is not to be won by a fatter peer.

Who changes a peer for a reason changes the hash here, and measures docs/performance.md anew.
"""

import hashlib
import re

import pytest

from local.bench.__main__ import Target
from local.paths import ROOT

HANDLERS = {
    "bare": "ed09ec1cb6f35f04c6152ec72cf957014af7707f4a41a5ed1b8ea225f3ddfaac",
    "floor": "9d7552f110b21ff5a273342a2a6b96d0b3a8fbbc3ba26dc556f6a28100cc88dd",
    "minimal": "f1d1c0463bd608346d43b4741b1271f21dcf101f42578a1151f3d6cc44321082",
    "tutorial": "6886593558e85f8769a6d868b92e5100e683ed4d4d9d381d5f3077ec0a33df5d",
}
PACKAGES = {
    "runtime": "aws-lambda-powertools boto3 botocore jmespath python-dateutil s3transfer six typing-extensions tzdata"
    " urllib3",
    "bitrix24": "certifi charset-normalizer idna requests urllib3",
    "tutorial": "annotated-types aws-lambda-powertools aws-xray-sdk boto3 botocore certifi charset-normalizer idna"
    " jmespath pydantic pydantic-core python-dateutil requests s3transfer six typing-extensions typing-inspection"
    " urllib3 wrapt",
}
"""``minimal`` runs on the first two, which are our layers."""


@pytest.mark.parametrize("name", HANDLERS)
def test_a_peers_code_is_what_was_measured(name: str) -> None:
    code = (ROOT / "local" / "bench" / "handlers" / f"{name}.py").read_bytes()
    assert hashlib.sha256(code).hexdigest() == HANDLERS[name]


def test_there_are_no_other_peers() -> None:
    assert {file.stem for file in (ROOT / "local" / "bench" / "handlers").glob("*.py")} == set(HANDLERS)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_peers_packages_are_what_was_measured(name: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE) == PACKAGES[name].split()


def test_the_peers_are_listed_for_people() -> None:
    page = (ROOT / "docs" / "performance.md").read_text()
    for name in HANDLERS:
        assert f"`handlers/{name}.py`" in page
    for package in ("aws-lambda-powertools", "boto3", "requests", "pydantic", "aws-xray-sdk"):
        assert package in page


def test_a_target_that_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert [Target("x", one, 1.2).verdict for one in (1.2, 1.21, None)] == ["reached", "missed", "skipped"]
