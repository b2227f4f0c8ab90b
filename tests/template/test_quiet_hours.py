"""What quiet hours stand on: the tick, the queue of accounts, its workers, and the index of what is due."""

import json
from typing import Any

from local.paths import EVENTS

Resources = dict[str, Any]

ALIAS = {"Ref": "ChatMuteFunctionAliaslive"}


def _arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def _properties(resources: Resources, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources[name]["Properties"]
    return properties


def test_the_tick_comes_every_minute_and_is_never_repeated(resources: Resources) -> None:
    assert resources["ChatMuteFunctionTick"]["Type"] == "AWS::Scheduler::Schedule"
    tick = _properties(resources, "ChatMuteFunctionTick")
    target = tick.pop("Target")
    assert len(tick.pop("Description")) > 20
    assert tick == {
        "State": {"Ref": "TickState"},
        "ScheduleExpression": {"Ref": "TickExpression"},
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
    }, "and no Name, so that two stacks go beside each other"
    assert target.pop("Input") == json.dumps(json.loads((EVENTS / "tick.json").read_text()))
    assert target == {
        "Arn": ALIAS,
        "RoleArn": _arn("SchedulerRole"),
        "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": _arn("ScheduleDeadLetters")},
    }


def test_the_ticks_own_role_may_invoke_it_and_keep_what_could_not_be_delivered(resources: Resources) -> None:
    (policy,) = _properties(resources, "SchedulerRole")["Policies"]
    assert [(one["Action"], one["Resource"]) for one in policy["PolicyDocument"]["Statement"]] == [
        ("lambda:InvokeFunction", ALIAS),
        ("sqs:SendMessage", _arn("ScheduleDeadLetters")),
    ]
    assert {name for name, one in resources.items() if one["Type"] == "AWS::IAM::Role"} == {
        "SchedulerRole", "ChatMuteRole",
    }, "SAM adds none of its own"  # fmt: skip


def test_ticks_are_on_unless_turned_off_and_never_ahead_of_the_clock_unless_allowed(translated: dict[str, Any]) -> None:
    parameters = translated["Parameters"]
    assert (parameters["TickState"]["Default"], parameters["TickState"]["AllowedValues"]) == (
        "ENABLED", ["ENABLED", "DISABLED"],
    )  # fmt: skip
    assert (parameters["AllowTimeTravel"]["Default"], parameters["AllowTimeTravel"]["AllowedValues"]) == (
        "false", ["true", "false"],
    )  # fmt: skip


def test_accounts_queue_by_portal_until_their_worker_has_crashed_five_times(resources: Resources) -> None:
    queue = _properties(resources, "AccountQueue")
    assert queue.pop("VisibilityTimeout") >= _properties(resources, "ChatMuteFunction")["Timeout"] + 30
    assert queue == {
        "QueueName": {"Fn::Sub": "${AWS::StackName}-accounts.fifo"},
        "FifoQueue": True,
        "ContentBasedDeduplication": False,
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "MessageRetentionPeriod": 3600,
        "SqsManagedSseEnabled": True,
        "RedrivePolicy": {"deadLetterTargetArn": _arn("AccountDeadLetters"), "maxReceiveCount": 5},
    }


def test_a_crashing_account_reaches_its_dead_letters_before_it_expires(resources: Resources) -> None:
    queue = _properties(resources, "AccountQueue")
    assert queue["MessageRetentionPeriod"] > 2 * queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]


def test_only_the_account_queue_may_use_its_dead_letter_queue(resources: Resources) -> None:
    name = _properties(resources, "AccountQueue")["QueueName"]["Fn::Sub"]
    assert _properties(resources, "AccountDeadLetters")["RedriveAllowPolicy"] == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [{"Fn::Sub": f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{name}"}],
    }


def test_a_worker_takes_one_account_at_a_time(resources: Resources) -> None:
    assert resources["ChatMuteFunctionReconcile"]["Type"] == "AWS::Lambda::EventSourceMapping"
    assert _properties(resources, "ChatMuteFunctionReconcile") == {
        "FunctionName": ALIAS,
        "EventSourceArn": _arn("AccountQueue"),
        "Enabled": True,
        "BatchSize": 1,
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "PortalsAtOnce"}},
    }


def test_as_many_portals_are_worked_on_at_once_as_lambda_can_be_told(translated: dict[str, Any]) -> None:
    parameter = translated["Parameters"]["PortalsAtOnce"]
    assert (parameter["Type"], parameter["Default"]) == ("Number", 50)
    assert (parameter["MinValue"], parameter["MaxValue"]) == (2, 1000)


def test_what_is_due_is_found_by_a_sparse_index_of_keys(resources: Resources) -> None:
    table = _properties(resources, "StateTable")
    (index,) = table["GlobalSecondaryIndexes"]
    assert index == {
        "IndexName": "due",
        "KeySchema": [
            {"AttributeName": "queue", "KeyType": "HASH"},
            {"AttributeName": "due", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert types == {"pk": "S", "sk": "S", "queue": "S", "due": "N"}
    assert not {"queue", "due"} & {key["AttributeName"] for key in table["KeySchema"]}, "or every item would be in it"


def test_the_queued_accounts_event_is_what_the_mapping_sends(resources: Resources) -> None:
    (record,) = json.loads((EVENTS / "queue-account.json").read_text())["Records"]
    assert record["eventSource"] == "aws:sqs"
    suffix = _properties(resources, "AccountQueue")["QueueName"]["Fn::Sub"].removeprefix("${AWS::StackName}")
    assert record["eventSourceARN"].endswith(suffix)
    assert {"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"} < set(record["attributes"])
    assert json.loads(record["body"]) == {"account": "default", "at": "2026-11-24T20:00:00Z"}
