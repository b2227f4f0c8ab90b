"""What the linters do not see in the translated stack."""

import json
from typing import Any

from chat_mute.settings import Settings

Resources = dict[str, Any]


def _of(resources: Resources, kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == kind}


def _statements(resources: Resources) -> list[dict[str, Any]]:
    return [
        statement
        for role in _of(resources, "AWS::IAM::Role").values()
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_there_is_one_lambda(resources: Resources) -> None:
    assert set(_of(resources, "AWS::Lambda::Function")) == {"ChatMuteFunction"}


def test_actions_are_named_one_by_one(resources: Resources) -> None:
    for statement in _statements(resources):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert all("*" not in action for action in actions), statement


def test_the_only_wildcard_resource_is_the_accounts_secrets(resources: Resources) -> None:
    wild = [statement for statement in _statements(resources) if "*" in json.dumps(statement["Resource"])]
    assert [statement["Sid"] for statement in wild] == ["UseAccounts"]
    assert wild[0]["Resource"]["Fn::Sub"].endswith(":secret:${SecretPrefix}/*")


def test_no_role_has_a_managed_policy(resources: Resources) -> None:
    assert all("ManagedPolicyArns" not in role for role in _of(resources, "AWS::IAM::Role").values())


def test_only_this_aws_accounts_scheduler_may_take_the_schedulers_role(resources: Resources) -> None:
    (trust,) = resources["SchedulerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_environment_is_what_the_settings_read_and_holds_no_secret(resources: Resources) -> None:
    variables = resources["ChatMuteFunction"]["Properties"]["Environment"]["Variables"]
    Settings.from_environment(dict.fromkeys(variables, "value"))
    assert set(variables) == {
        "SECRET_PREFIX", "STATE_TABLE", "IDEMPOTENCY_TABLE", "SCHEDULE_DEAD_LETTERS",
    }  # fmt: skip
    assert "resolve:secretsmanager" not in json.dumps(resources)


def test_the_function_runs_on_the_named_runtime_with_both_layers(resources: Resources) -> None:
    function = resources["ChatMuteFunction"]["Properties"]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
    assert len(function["Layers"]) == 2


def test_a_failed_asynchronous_invocation_has_somewhere_to_go(resources: Resources) -> None:
    (config,) = _of(resources, "AWS::Lambda::EventInvokeConfig").values()
    assert config["Qualifier"] == "live"
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["FunctionDeadLetters", "Arn"]}
    allowed = [one["Resource"] for one in _statements(resources) if one.get("Sid") == "KeepFailures"]
    assert {"Fn::GetAtt": ["FunctionDeadLetters", "Arn"]} in allowed[0]


def test_dead_letter_queues_are_standard_encrypted_and_keep_14_days(resources: Resources) -> None:
    queues = _of(resources, "AWS::SQS::Queue")
    assert set(queues) == {"ScheduleDeadLetters", "FunctionDeadLetters"}
    for queue in queues.values():
        assert queue == {"MessageRetentionPeriod": 1209600, "SqsManagedSseEnabled": True}


def test_log_groups_have_a_retention_and_the_function_writes_to_its_own(resources: Resources) -> None:
    assert all("RetentionInDays" in group for group in _of(resources, "AWS::Logs::LogGroup").values())
    assert resources["ChatMuteFunction"]["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": "ChatMuteLogs"}


def test_tables_can_be_restored_and_only_idempotency_records_expire(resources: Resources) -> None:
    tables = _of(resources, "AWS::DynamoDB::Table")
    for table in tables.values():
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert {name for name, table in tables.items() if "TimeToLiveSpecification" in table} == {"IdempotencyTable"}
    assert tables["IdempotencyTable"]["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}
    assert resources["StateTable"]["DeletionPolicy"] == "Retain"


def test_whatever_changes_in_the_function_publishes_a_version() -> None:
    from local.build import read_template  # noqa: PLC0415

    resources: Resources = read_template()["Resources"]  # type: ignore[assignment]
    assert resources["ChatMuteFunction"]["Properties"]["AutoPublishAliasAllProperties"] is True


def test_every_parameter_and_output_says_what_it_is(translated: dict[str, Any]) -> None:
    for one in [*translated["Parameters"].values(), *translated["Outputs"].values()]:
        assert len(one["Description"]) > 20
