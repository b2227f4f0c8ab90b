"""Direct payloads of schedules: asynchronous, at least once, through the real runtime."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from local.portal import Fault
from local.stack import wait_until
from local.world import ANN, DEAL, NOT_HERS
from tests.e2e.conftest import Service

_runs = count(1)


@pytest.fixture
def at() -> datetime:
    """A run of its own for each test."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=next(_runs))


def payload(account: str, **fields: Any) -> dict[str, Any]:
    schedule = {"schedule": "<aws.scheduler.schedule-arn>", "at": "<aws.scheduler.scheduled-time>"}
    return {"account": account, "DIALOG_ID": f"chat{DEAL}", **fields, **schedule}


def test_a_schedule_mutes_and_unmutes(service: Service, account: str, at: datetime) -> None:
    service.portal.mute_by_hand(ANN, DEAL, muted=False)
    service.stack.schedule(payload(account, MUTE="Y"), at)
    assert wait_until(lambda: service.portal.is_muted(ANN, DEAL))
    service.stack.schedule(payload(account, MUTE="N"), at + timedelta(minutes=1))
    assert wait_until(lambda: not service.portal.is_muted(ANN, DEAL))


def test_a_run_delivered_twice_is_done_once(service: Service, account: str, at: datetime) -> None:
    before = service.asked()
    results = [service.stack.invoke_schedule(payload(account, MUTE="Y"), at) for _ in range(3)]
    assert [result["result"] for result in results] == [True] * 3
    assert service.asked() == before + 1


def test_a_failure_that_may_pass_is_raised_and_done_at_the_retry(service: Service, account: str, at: datetime) -> None:
    service.portal.faults.add(Fault.error("OPERATION_TIME_LIMIT", status=429), method="im.chat.mute", times=1)
    failed = service.stack.invoke_schedule(payload(account, MUTE="Y"), at)
    assert (failed["errorType"], failed["errorMessage"].split(":")[0]) == ("Paused", "OPERATION_TIME_LIMIT")
    other = service.asked()
    service.stack.emulator.client("dynamodb").update_item(
        TableName=service.stack.outputs["StateTableName"],
        Key={"pk": {"S": f"account#{account}"}, "sk": {"S": "account"}},
        UpdateExpression="REMOVE #pause",
        ExpressionAttributeNames={"#pause": "pause im.chat.mute"},
    )  # as if the pause were over
    assert service.stack.invoke_schedule(payload(account, MUTE="Y"), at)["result"] is True
    assert service.asked() == other + 1
    assert service.stack.dead_letters() == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"DIALOG_ID": "1489abc"}, "DIALOG_ID_EMPTY"),
        ({"DIALOG_ID": None}, "CHAT_ID_EMPTY"),
        ({"MUTE": True}, "INVALID_PARAMETER"),
        ({"mute": "Y", "MUTE": "Y"}, "INVALID_PARAMETER"),
        ({"UNTIL": "2026-12-01T00:00:00"}, "INVALID_PARAMETER"),
        ({"FOR": "P1Y"}, "INVALID_PARAMETER"),
        ({"webhook_url": "https://portal.example/rest/1/c0de5ecret/"}, "INVALID_PARAMETER"),
        ({"account": "nobody"}, "ACCOUNT_NOT_FOUND"),
        ({"account": 1}, "INVALID_PARAMETER"),
        ({"DIALOG_ID": f"chat{NOT_HERS}"}, "ACCESS_ERROR"),
    ],
)
def test_a_payload_that_can_never_succeed_is_put_aside_at_once_with_the_reason(
    service: Service, account: str, at: datetime, fields: dict[str, Any], code: str
) -> None:
    event = {**payload(account), **fields}
    answer = service.stack.invoke_schedule(event, at)
    assert answer["error"] == code
    (letter,) = service.stack.dead_letters()
    assert (letter["error"], letter["error_description"]) == (code, answer["error_description"])
    assert letter["payload"]["schedule"].startswith("arn:aws:scheduler:")
    assert "c0de5ecret" not in json.dumps(letter)


def test_schedule_and_at_come_together_or_not_at_all(service: Service, account: str) -> None:
    for half in ({"schedule": "arn"}, {"at": "2026-11-23T09:00:00Z"}):
        answer = service.stack.invoke({"account": account, "CHAT_ID": DEAL, **half})
        assert answer["error"] == "INVALID_PARAMETER"
        assert "schedule" in answer["error_description"]
    assert len(service.stack.dead_letters()) == 2


def test_another_payload_under_the_same_schedule_and_time_is_put_aside_not_swallowed(
    service: Service, account: str, at: datetime
) -> None:
    assert service.stack.invoke_schedule(payload(account, MUTE="Y"), at)["result"] is True
    assert service.stack.invoke_schedule(payload(account, MUTE="N"), at)["error"] == "IDEMPOTENCY_KEY_REUSED"
    assert [letter["error"] for letter in service.stack.dead_letters()] == ["IDEMPOTENCY_KEY_REUSED"]
