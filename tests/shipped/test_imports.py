"""A budget for imports, by modules loaded and not by time: what a mute through the API must not pay for."""

import json
import subprocess
import sys

import pytest

from local.paths import ROOT

FORBIDDEN = [  # with millions of instructions at each cold start, of some 1,260 in all (callgrind, on top of the rest)
    "aws_lambda_powertools.event_handler",  # 92 with the data classes it brings; Powertools' resolver
    "aws_lambda_powertools.event_handler.openapi",  # 348 with pydantic; the resolver's validation
    "aws_lambda_powertools.utilities.batch",  # 62 with the data classes
    "aws_lambda_powertools.utilities.data_classes",  # 56
    "aws_lambda_powertools.utilities.parser",  # 12 beyond pydantic
    "aws_xray_sdk",  # 588: it patches every library it knows
    "pydantic",  # 137, and more for each model
    "asyncio",  # 37
    "unittest.mock",  # 32 beyond asyncio
    "sqlite3",  # 5; the X-Ray SDK's patches bring it
]
FORBIDDEN_BEGINNINGS = [
    "_sysconfigdata",  # 3; zoneinfo asks where zones lie unless PYTHONTZPATH says so
]

MUTE = """
import json, sys
from chat_mute import wiring
from local.portal import Portal
from local.virtual import VirtualStack

aws = wiring.connect()
aws.secretsmanager()
aws.sqs()
stack = VirtualStack()
portal = stack.add_portal()
portal.add_user(1)
portal.add_chat(1489, members=[1])
stack.put_account("default", {"webhook_url": f"https://portal.example/rest/1/{portal.add_webhook(1).code}/"})
answer = stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1489}, {"Idempotency-Key": "once"})
assert answer.status == 200, answer
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """All modules of a process that has carried out a mute, with real clients made."""
    environment = {
        "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT / 'layers/bitrix24'}:{ROOT}",
        "PYTHONTZPATH": "/opt/python/tzdata/zoneinfo",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    said = subprocess.run([sys.executable, "-c", MUTE], env=environment, capture_output=True, text=True, check=True)
    return set(json.loads(said.stderr))


@pytest.mark.parametrize("module", FORBIDDEN)
def test_a_mute_does_not_import(loaded: set[str], module: str) -> None:
    assert not {name for name in loaded if name == module or name.startswith(f"{module}.")}


@pytest.mark.parametrize("beginning", FORBIDDEN_BEGINNINGS)
def test_a_mute_does_not_import_what_begins_with(loaded: set[str], beginning: str) -> None:
    assert not {name for name in loaded if name.startswith(beginning)}


def test_it_was_a_mute(loaded: set[str]) -> None:
    needed = {"chat_mute.muting", "bitrix24.transport", "requests.adapters", "boto3.session", "botocore.httpsession"}
    assert loaded >= needed | {"aws_lambda_powertools.utilities.idempotency", "zoneinfo"}
