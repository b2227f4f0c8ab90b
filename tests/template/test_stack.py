"""What the linters do not see in the translated stack."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from chat_mute.settings import Settings
from local.paths import ROOT
from tests.template.conditions import applied

Resources = dict[str, Any]

KEY = "arn:aws:kms:eu-west-1:123456789012:key/0b1c"
WRONG = {
    "Stage": ["", "v 1", "v/1"],
    "SecretPrefix": ["", "quiet/hours", "*"],
    "AlarmEmail": ["ops", "a@b@c", "o ps@example.com"],
    "AlarmTopicArn": ["on-call", "arn:aws:sqs:eu-west-1:123456789012:on-call"],
    "KmsKeyArn": ["alias/mine", "arn:aws:kms:eu-west-1:123456789012:alias/mine"],
}
SETTINGS_OF_THE_OVERLAY = {"TOKEN_HOSTS"}
OF_LIBRARIES = {"AWS_CA_BUNDLE", "PYTHONTZPATH"}


def _of(resources: Resources, kind: str) -> dict[str, Any]:
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == kind}


def _statements(resources: Resources) -> list[dict[str, Any]]:
    return [
        statement
        for role in _of(resources, "AWS::IAM::Role").values()
        for policy in role.get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _list(one: Any) -> list[Any]:
    return one if isinstance(one, list) else [one]


class _Environment(Mapping[str, str]):
    """Remembers which variables were asked for."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self._variables = variables
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        if name not in self._variables:
            raise KeyError(name)
        return "false"

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def test_there_is_one_lambda(resources: Resources) -> None:
    assert set(_of(resources, "AWS::Lambda::Function")) == {"ChatMuteFunction"}


def test_actions_are_named_one_by_one(resources: Resources) -> None:
    for statement in _statements(resources):
        assert all("*" not in action for action in _list(statement["Action"])), statement


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
    environment = _Environment(variables)
    Settings.from_environment(environment)
    assert set(variables) - OF_LIBRARIES == environment.asked - SETTINGS_OF_THE_OVERLAY
    assert set(variables) == {
        "SECRET_PREFIX", "STATE_TABLE", "IDEMPOTENCY_TABLE", "ACCOUNT_QUEUE", "SCHEDULE_DEAD_LETTERS",
        "ALLOW_TIME_TRAVEL", "MODE", "STACK", "REQUESTS_CA_BUNDLE", *OF_LIBRARIES,
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
    assert allowed == [{"Fn::GetAtt": ["FunctionDeadLetters", "Arn"]}]


def test_every_way_in_that_nobody_waits_for_has_somewhere_to_fail_to(resources: Resources) -> None:
    """Asynchronous invocations, schedules and queues; API Gateway waits, so its callers are told."""
    queues = {name for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"}

    def letters(arn: Any) -> bool:
        return arn["Fn::GetAtt"][0] in queues and arn["Fn::GetAtt"][1] == "Arn"

    for config in _of(resources, "AWS::Lambda::EventInvokeConfig").values():
        assert letters(config["DestinationConfig"]["OnFailure"]["Destination"])
        assert 0 < config["MaximumEventAgeInSeconds"] <= 3600, "a call that is hours late is wrong"
    for schedule in _of(resources, "AWS::Scheduler::Schedule").values():
        assert letters(schedule["Target"]["DeadLetterConfig"]["Arn"])
        assert {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"} == set(schedule["Target"]["RetryPolicy"])
        assert schedule["ScheduleExpressionTimezone"]
        assert "Name" not in schedule, "a second stack would fail"
    for mapping in _of(resources, "AWS::Lambda::EventSourceMapping").values():
        queue = resources[mapping["EventSourceArn"]["Fn::GetAtt"][0]]["Properties"]
        assert letters(queue["RedrivePolicy"]["deadLetterTargetArn"])
    kinds = {one["Type"] for one in resources.values()}
    assert {"AWS::Lambda::EventInvokeConfig", "AWS::Scheduler::Schedule", "AWS::Lambda::EventSourceMapping"} <= kinds
    assert not kinds & {"AWS::Events::Rule", "AWS::Lambda::Url", "AWS::SNS::Subscription"}, "no other way in"


def test_dead_letter_queues_are_encrypted_and_keep_14_days(resources: Resources) -> None:
    queues = _of(resources, "AWS::SQS::Queue")
    kept = {"MessageRetentionPeriod": 1209600, "SqsManagedSseEnabled": True}
    assert set(queues) == {"AccountQueue", "AccountDeadLetters", "ScheduleDeadLetters", "FunctionDeadLetters"}
    for standard in ("ScheduleDeadLetters", "FunctionDeadLetters"):
        assert queues[standard] == kept
    assert queues["AccountDeadLetters"].items() >= {**kept, "FifoQueue": True}.items()


def test_log_groups_have_a_retention_and_the_function_writes_to_its_own(resources: Resources) -> None:
    assert all("RetentionInDays" in group for group in _of(resources, "AWS::Logs::LogGroup").values())
    assert resources["ChatMuteFunction"]["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": "ChatMuteLogs"}


def test_tables_can_be_restored_and_only_jobs_and_idempotency_records_expire(resources: Resources) -> None:
    tables = _of(resources, "AWS::DynamoDB::Table")
    for table in tables.values():
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert {name: table["TimeToLiveSpecification"] for name, table in tables.items()} == {
        "StateTable": {"AttributeName": "expires", "Enabled": True},
        "IdempotencyTable": {"AttributeName": "expiration", "Enabled": True},
    }
    assert resources["StateTable"]["DeletionPolicy"] == "Retain"


def test_the_state_table_is_not_deleted_unless_somebody_says_so(
    resources: Resources, translated: dict[str, Any]
) -> None:
    assert resources["StateTable"]["Properties"]["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert translated["Parameters"]["DeletionProtection"]["Default"] == "true"


def test_a_key_of_ones_own_encrypts_all_that_is_kept(translated: dict[str, Any]) -> None:
    key = {"Ref": "KmsKeyArn"}
    resources = applied(translated, {"KmsKeyArn": KEY, "AccessLog": "true"})
    for table in _of(resources, "AWS::DynamoDB::Table").values():
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    for queue in _of(resources, "AWS::SQS::Queue").values():
        assert queue["KmsMasterKeyId"] == key
        assert "SqsManagedSseEnabled" not in queue, "a queue takes one of the two"
    for group in _of(resources, "AWS::Logs::LogGroup").values():
        assert group["KmsKeyId"] == key
    policy = resources["KeyPolicy"]["Properties"]
    assert policy["Roles"] == [{"Ref": "ChatMuteRole"}, {"Ref": "SchedulerRole"}]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], key)


def test_without_one_awss_own_keys_do(resources: Resources) -> None:
    assert "KeyPolicy" not in resources
    assert "KmsKeyArn" not in json.dumps(resources)
    assert all(queue["SqsManagedSseEnabled"] is True for queue in _of(resources, "AWS::SQS::Queue").values())


def test_the_role_of_the_whole_aws_account_is_made_only_if_asked_for(translated: dict[str, Any]) -> None:
    assert not {"ApiGatewayAccount", "ApiGatewayLogRole"} & set(applied(translated, {}))
    resources = applied(translated, {"CreateApiGatewayLogRole": "true", "AccessLog": "true"})
    assert resources["ApiGatewayAccount"]["Properties"]["CloudWatchRoleArn"] == {
        "Fn::GetAtt": ["ApiGatewayLogRole", "Arn"]
    }
    (tag,) = resources["ApiLogs"]["Properties"]["Tags"]
    assert tag["Value"] == {"Ref": "ApiGatewayAccount"}, "so it is there before the stage is"
    for name in ("ApiGatewayAccount", "ApiGatewayLogRole"):
        assert resources[name]["DeletionPolicy"] == "Retain", "others may have come to need it"


def test_every_parameter_and_output_says_what_it_is(translated: dict[str, Any]) -> None:
    for one in [*translated["Parameters"].values(), *translated["Outputs"].values()]:
        assert len(one["Description"]) > 20


def test_every_parameter_is_checked_and_has_a_default(translated: dict[str, Any]) -> None:
    for name, one in translated["Parameters"].items():
        assert {"AllowedValues", "AllowedPattern", "MinValue"} & set(one), name
        if "AllowedPattern" in one:
            assert re.fullmatch(one["AllowedPattern"], one["Default"]), name
        else:
            assert one["Default"] in one.get("AllowedValues", [one["Default"]]), name


def test_what_nobody_may_set_by_mistake_is_refused(translated: dict[str, Any]) -> None:
    for name, wrong in WRONG.items():
        pattern = translated["Parameters"][name]["AllowedPattern"]
        assert not any(re.fullmatch(pattern, value) for value in wrong), name


def test_each_check_that_is_skipped_says_why() -> None:
    template, checkov = ((ROOT / name).read_text() for name in ("template.yaml", ".checkov.yaml"))
    skips = re.findall(r"^ +- ([EW]S\d+|CKV_\w+)(.*)$", f"{template}\n{checkov}", re.MULTILINE)
    assert len(skips) > 10
    assert [name for name, why in skips if not re.fullmatch(r" +# .{20,}", why)] == []
