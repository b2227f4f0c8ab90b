"""Several faults at once: the first in the contract's order is told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_mute.errors import AccountNotFound
from chat_mute.gateway import BODY_BYTES
from chat_mute.observability import Telemetry
from tests.unit.function.doubles import Context, FakeAccountCheck, FakeClock, FakeMuting, api, tables
from tests.unit.function.events import post

# From first to last; each is (what the answer says, what makes it say so).
FAULTS = [
    "413",
    "query",
    "JSON",
    "unknown field",
    "both ids",
    "DIALOG_ID",
    "CHAT_ID",
    "MUTE",
    "UNTIL",
    "REASON",
    "key",
    "account",
]
EXPECTED = {
    "413": (413, "TOO_LARGE", ""),
    "query": (400, "INVALID_PARAMETER", "debug: unknown query parameter"),
    "JSON": (400, "INVALID_PARAMETER", "body: not JSON"),
    "unknown field": (400, "INVALID_PARAMETER", "ACTION: unknown field"),
    "both ids": (400, "INVALID_PARAMETER", "CHAT_ID, DIALOG_ID: "),
    "DIALOG_ID": (400, "DIALOG_ID_EMPTY", "DIALOG_ID: "),
    "CHAT_ID": (400, "CHAT_ID_EMPTY", "CHAT_ID: "),
    "MUTE": (400, "INVALID_PARAMETER", "MUTE: "),
    "UNTIL": (400, "INVALID_PARAMETER", "UNTIL: "),
    "REASON": (400, "INVALID_PARAMETER", "REASON: "),
    "key": (400, "INVALID_PARAMETER", "Idempotency-Key: "),
    "account": (404, "ACCOUNT_NOT_FOUND", ""),
}


def answer(faults: set[str]) -> tuple[int, str, str]:
    """Status, code and description of a request with all ``faults``."""
    fields: dict[str, Any] = {}
    if "unknown field" in faults:
        fields["ACTION"] = "N"
    if "both ids" in faults or "DIALOG_ID" in faults:
        fields["DIALOG_ID"] = "chat0" if "DIALOG_ID" in faults else "chat1"
    if "both ids" in faults or "DIALOG_ID" not in faults:
        fields["CHAT_ID"] = "x" if "CHAT_ID" in faults else 1
    if "MUTE" in faults:
        fields["MUTE"] = True
    if "UNTIL" in faults:
        fields["UNTIL"] = "yesterday"
    if "REASON" in faults:
        fields["REASON"] = ""
    body = json.dumps(fields)
    if "JSON" in faults:
        body = body[:-1]
    if "413" in faults:
        body += " " * BODY_BYTES
    muting = FakeMuting(AccountNotFound() if "account" in faults else None)
    response = api(muting, FakeAccountCheck(), tables(), Telemetry(), FakeClock()).handle(
        post(
            body,
            headers={"Idempotency-Key": ["two words" if "key" in faults else "one"]},
            query={"debug": "1"} if "query" in faults else None,
        ),
        Context(),
    )
    content = json.loads(response["body"])
    return response["statusCode"], content.get("error", ""), content.get("error_description", "")


def check(faults: set[str]) -> None:
    first = next(fault for fault in FAULTS if fault in faults)
    status, code, description = answer(faults)
    expected_status, expected_code, expected_start = EXPECTED[first]
    assert (status, code) == (expected_status, expected_code)
    assert description.startswith(expected_start)


@pytest.mark.usefixtures("telemetry")
def test_without_faults_it_succeeds() -> None:
    assert answer(set()) == (200, "", "")


@pytest.mark.usefixtures("telemetry")
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_is_told(fault: str) -> None:
    check({fault})


@pytest.mark.usefixtures("telemetry")
@pytest.mark.parametrize("later", range(1, len(FAULTS)))
def test_of_two_faults_the_first_is_told(later: int) -> None:
    for earlier in range(later):
        check({FAULTS[earlier], FAULTS[later]})


@pytest.mark.usefixtures("telemetry")
@given(st.sets(st.sampled_from(FAULTS), min_size=3))
def test_of_many_faults_the_first_is_told(faults: set[str]) -> None:
    check(faults)


@pytest.mark.usefixtures("telemetry")
def test_a_method_the_route_does_not_have_comes_before_everything() -> None:
    event = post("x" * (BODY_BYTES + 1), query={"debug": "1"})
    event["httpMethod"] = "PUT"
    service = api(FakeMuting(), FakeAccountCheck(), tables(), Telemetry(), FakeClock())
    assert service.handle(event, Context())["statusCode"] == 405
