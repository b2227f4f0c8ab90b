"""The commands of whoever runs the service, against the whole stack; `tests/ops` has those that take it down."""

import subprocess
from typing import Any

import pytest

from local.overlay import STACK
from local.paths import ROOT
from local.stack import Stack
from local.world import DEAL
from tests.e2e.commands import ALWAYS, AWS, account, command, on
from tests.e2e.conftest import Service

LEAVER = 1999


@pytest.fixture
def standing(service: Service) -> Stack:
    """The one of all other tests, which no test here changes."""
    service.portal.faults.clear()
    return service.stack


def test_an_account_is_taken_out_and_only_then_may_its_secret_go(standing: Stack, service: Service) -> None:
    standing.portal.add_user(LEAVER, "Eve")
    standing.portal.join(LEAVER, DEAL)
    account(standing, "leaving", LEAVER)
    caller = service.caller
    caller.call("PUT", "/leaving/quiet-hours/always", ALWAYS)
    caller.call("POST", "/leaving/im.chat.mute", {"CHAT_ID": DEAL, "FOR": "PT8H"})
    done = on(standing, "offboard", "leaving")
    assert done.status == 0, done.said
    assert "delete-secret --secret-id quiet-hours/leaving" in done.said
    assert standing.portal.muted_chats(LEAVER) == set()
    items = standing.emulator.client("dynamodb").scan(TableName=standing.outputs["StateTableName"])["Items"]
    assert [item["pk"]["S"] for item in items if item["pk"]["S"].startswith("account#leaving")] == []

    caller.call("POST", "/leaving/im.chat.mute", {"CHAT_ID": DEAL, "FOR": "PT8H"})
    standing.portal.delete_webhook(LEAVER)
    done = on(standing, "offboard", "leaving", minutes=0.02)
    assert done.status == 1
    assert "its secret must stay" in done.said
    assert "leaving: 1 chats, INVALID_CREDENTIALS" in done.said
    standing.emulator.client("secretsmanager").delete_secret(
        SecretId="quiet-hours/leaving", ForceDeleteWithoutRecovery=True
    )
    done = on(standing, "offboard", "leaving", minutes=0.02)
    assert (done.status, "no secret quiet-hours/leaving" in done.said) == (1, True)

    portal = standing.server.url.removeprefix("https://")
    forgotten = standing.invoke({"forget": "leaving", "portal": portal, "user_id": LEAVER})
    assert forgotten == {"forgotten": 1, "removed": True}
    assert on(standing, "offboard", "leaving").status == 0

    done = on(standing, "remove", "--confirm", "another", minutes=0.02)
    assert (done.status, f"CONFIRM={STACK}" in done.said) == (1, True)


def test_what_was_lost_comes_back_from_a_restored_table_and_what_is_newer_stays(service: Service) -> None:
    stack, dynamodb = service.stack, service.stack.emulator.client("dynamodb")
    keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
    dynamodb.create_table(
        TableName="restored",
        KeySchema=keys,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    name = "test-of-restoring"  # no account of that name, and nothing due: nobody looks at it

    def item(sort: str, text: str) -> dict[str, Any]:
        return {"pk": {"S": f"account#{name}"}, "sk": {"S": sort}, "document": {"S": text}}

    def state() -> dict[str, str]:
        found = dynamodb.query(
            TableName=stack.outputs["StateTableName"],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"account#{name}"}},
        )
        return {one["sk"]["S"]: one["document"]["S"] for one in found["Items"]}

    for one in (item("policy#a", "old"), item("policy#b", "old")):
        dynamodb.put_item(TableName="restored", Item=one)
    dynamodb.put_item(TableName=stack.outputs["StateTableName"], Item=item("policy#a", "new"))
    done = on(stack, "restore", "restored")
    assert (done.status, "1 items copied from restored, 1 left" in done.said) == (0, True)
    assert state() == {"policy#a": "new", "policy#b": "old"}
    assert on(stack, "restore", "restored", "--replace").status == 0
    assert state() == {"policy#a": "old", "policy#b": "old"}
    for sort in state():
        key = {"pk": {"S": f"account#{name}"}, "sk": {"S": sort}}
        dynamodb.delete_item(TableName=stack.outputs["StateTableName"], Key=key)
    assert on(stack, "restore", "nowhere").status == 1


def test_a_stack_that_is_not_there_is_named(standing: Stack) -> None:
    for name, more in (("release_all", []), ("offboard", ["ann"]), ("remove", [])):
        done = command(standing, name, "quiet-hour", *more)
        assert (done.status, "quiet-hour" in done.said) == (1, True)


def test_make_starts_them(standing: Stack) -> None:
    for order in (["remove", f"STACK={STACK}"], ["offboard", "STACK=quiet-hour", "ACCOUNT=ann"]):
        done = subprocess.run(
            ["make", "--silent", *order], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
            env={**AWS, "AWS_ENDPOINT_URL": standing.emulator.url},
        )  # fmt: skip
        assert done.returncode == 2
        assert f"CONFIRM={STACK}" in done.stdout or "quiet-hour" in done.stderr


# ---- before a deployment --------------------------------------------------------------------------------------------


def preflight(stack: Stack, *parameters: str, **environment: str) -> tuple[int, dict[str, list[str]]]:
    """Exit status, and what was said by level."""
    done = command(stack, "preflight", *parameters, **{"PYTHON313": "/usr/bin/python3.13", **environment})
    said: dict[str, list[str]] = {"ok": [], "note": [], "no": []}
    for line in done.said.splitlines():
        level, _, what = line.strip().partition("  ")
        said[level].append(what)
    return done.status, said


def test_the_preflight_check_says_what_is_missing_before_anything_is_deployed(standing: Stack) -> None:
    own = "SecretPrefix=other"
    status, said = preflight(standing, own)
    assert (status, said["no"]) == (0, [])
    assert any("no stack quiet-hours-dev yet" in one for one in said["ok"])
    assert any("no secret other/ACCOUNT yet" in one for one in said["note"])
    assert any("Nobody is told" in one for one in said["note"])

    cases: list[tuple[list[str], dict[str, str], str]] = [
        ([], {}, f"SecretPrefix=quiet-hours is that of {STACK} too"),
        ([own], {"PYTHON313": ""}, "no python3.13"),
        ([own, "AccessLog=true"], {}, "CreateApiGatewayLogRole=true makes it"),
        ([own, "PortalsAtOnce=1000"], {}, "PortalsAtOnce=563"),
        ([own, "AlarmTopicArn=arn:aws:sns:eu-west-1:000000000000:nobody"], {}, "There is no topic"),
        ([own, "KmsKeyArn=arn:aws:kms:eu-west-1:000000000000:key/0b1c"], {}, "is not there"),
        ([own, "NoSuchParameter=1"], {}, "no parameter NoSuchParameter"),
        (["--config", "staging"], {}, "no environment staging, but default, prod"),
    ]
    for parameters, environment, why in cases:
        status, said = preflight(standing, *parameters, **environment)
        assert (status, len(said["no"])) == (1, 1), (parameters, said)
        assert why in said["no"][0]


def test_without_a_region_or_credentials_nothing_else_is_asked(standing: Stack) -> None:
    status, said = preflight(standing, "SecretPrefix=other", AWS_DEFAULT_REGION="")
    assert (status, len(said["no"]), len(said["ok"])) == (1, 1, 1)
    assert "AWS_DEFAULT_REGION" in said["no"][0]
    nowhere = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}
    status, said = preflight(standing, "SecretPrefix=other", **nowhere)
    assert (status, len(said["no"])) == (1, 1)
    assert "credentials" in said["no"][0]


def test_the_role_for_access_logs_is_made_only_where_there_is_none(standing: Stack) -> None:
    logs = ["SecretPrefix=other", "AccessLog=true"]
    assert preflight(standing, *logs, "CreateApiGatewayLogRole=true")[0] == 0
    role = "arn:aws:iam::000000000000:role/somebody"
    gateway = standing.emulator.client("apigateway")
    gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])
    assert preflight(standing, *logs)[0] == 0
    status, said = preflight(standing, *logs, "CreateApiGatewayLogRole=true")
    gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}])
    assert (status, f"would replace {role}" in said["no"][0]) == (1, True)


def test_topic_and_key_that_are_there_are_fine(standing: Stack) -> None:
    topic = standing.emulator.client("sns").create_topic(Name="on-call")["TopicArn"]
    key: dict[str, Any] = standing.emulator.client("kms").create_key()["KeyMetadata"]
    status, said = preflight(standing, "SecretPrefix=other", f"AlarmTopicArn={topic}", f"KmsKeyArn={key['Arn']}")
    assert (status, said["no"]) == (0, [])
    assert any("KMS key is enabled" in one for one in said["ok"])
