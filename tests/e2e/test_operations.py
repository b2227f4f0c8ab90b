"""The commands of whoever runs the service, against the whole stack; at the end of each test nothing of it is left."""

import contextlib
import importlib
import io
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from unittest import mock

import pytest
import requests

from local.emulator import REGION, ROOT_KEY
from local.overlay import STACK
from local.paths import ROOT
from local.portal import Limits, Portal
from local.stack import Stack, running
from local.world import ANN, BEN, DEAL, LUNCH, furnish
from tests.conftest import WEBHOOK_MARK
from tests.e2e.conftest import Service

ALWAYS = {
    "timezone": "UTC",
    "windows": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}],
    "chats": {"all": True},
}
LEAVER = 1999
RETAINED = {"state table"}
AWS = {
    "PATH": os.environ["PATH"],
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": ROOT_KEY,
    "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
}


class Done(NamedTuple):
    status: int
    said: str


def command(stack: Stack, name: str, *arguments: str, **environment: str) -> Done:
    """One of the commands that `make` starts, in an environment of its own."""
    work = importlib.import_module(f"ops.{name}")
    said = io.StringIO()
    with (
        mock.patch.dict(os.environ, {**AWS, "AWS_ENDPOINT_URL": stack.emulator.url, **environment}, clear=True),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        status = work.main(arguments)
    assert WEBHOOK_MARK not in said.getvalue()
    return Done(status, said.getvalue())


def on(stack: Stack, name: str, *arguments: str, minutes: float = 0.5) -> Done:
    """A command about the stack."""
    return command(stack, name, STACK, "--poll", "0.1", "--minutes", str(minutes), *arguments)


def furnished() -> Portal:
    portal = Portal(limits=Limits(enabled=False))
    furnish(portal)
    return portal


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running(furnished()) as stack:
        yield stack


@pytest.fixture
def standing(service: Service) -> Stack:
    """The one of all other tests, which no test here changes."""
    service.portal.faults.clear()
    return service.stack


def account(stack: Stack, name: str, user: int) -> None:
    code = f"{WEBHOOK_MARK}{name}{len(stack.portal.webhooks)}"
    stack.portal.add_webhook(user, code)
    stack.put_account(name, {"webhook_url": f"{stack.server.url}/rest/{user}/{code}/"})


def left(stack: Stack) -> set[str]:
    """Every kind of thing that is in the AWS account."""
    client = stack.emulator.client
    tables = client("dynamodb").list_tables()["TableNames"]
    assert all("StateTable" in table or "IdempotencyTable" in table for table in tables)
    found = {
        "stack": [one for one in client("cloudformation").describe_stacks()["Stacks"] if one["StackName"] == STACK],
        "state table": [table for table in tables if "StateTable" in table],
        "idempotency table": [table for table in tables if "IdempotencyTable" in table],
        "queue": client("sqs").list_queues().get("QueueUrls", []),
        "function": client("lambda").list_functions()["Functions"],
        "layer": client("lambda").list_layers()["Layers"],
        "mapping": client("lambda").list_event_source_mappings()["EventSourceMappings"],
        "api": client("apigateway").get_rest_apis()["items"],
        "key": client("apigateway").get_api_keys()["items"],
        "plan": client("apigateway").get_usage_plans()["items"],
        "log group": client("logs").describe_log_groups()["logGroups"],
        "role": client("iam").list_roles()["Roles"],
        "alarm": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboard": client("cloudwatch").list_dashboards()["DashboardEntries"],
        "schedule": client("scheduler").list_schedules()["Schedules"],
        "topic": client("sns").list_topics()["Topics"],
    }
    return {kind for kind, one in found.items() if one}


def test_release_all_lets_go_of_everything_and_names_who_is_stuck_then_the_stack_can_be_removed(stack: Stack) -> None:
    account(stack, "ann", ANN)
    account(stack, "ben", BEN)
    caller = stack.caller("tests")
    assert caller.call("PUT", "/ann/quiet-hours/always", ALWAYS).status_code == 201
    assert caller.call("POST", "/ben/im.chat.mute", {"CHAT_ID": LUNCH, "FOR": "PT8H"}).status_code == 200
    stack.invoke_tick(datetime.now(UTC) + timedelta(seconds=1))
    assert stack.wait_for_queue()
    assert DEAL in stack.portal.muted_chats(ANN)
    assert stack.portal.muted_chats(BEN) == {LUNCH}
    stack.portal.delete_webhook(BEN)

    done = on(stack, "release_all", minutes=0.03)
    assert done.status == 1
    assert "still held" in done.said
    assert re.search(r"^  ben: 1 chats, INVALID_CREDENTIALS", done.said, re.MULTILINE)
    assert "ann" not in done.said.partition("stuck")[2]
    assert (stack.portal.muted_chats(ANN), stack.portal.muted_chats(BEN)) == (set(), {LUNCH})
    refused = caller.call("POST", "/ann/im.chat.mute", {"CHAT_ID": DEAL})
    assert (refused.status_code, refused.json()["error"]) == (503, "RELEASE_ONLY")

    assert on(stack, "remove").status == 1, "not confirmed"
    done = on(stack, "remove", "--confirm", STACK, minutes=0.03)
    assert (done.status, "Not removed" in done.said) == (1, True)
    assert "stack" in left(stack)

    account(stack, "ben", BEN)
    done = on(stack, "release_all")
    assert (done.status, "Nothing is held" in done.said) == (0, True)
    assert stack.portal.muted_chats(BEN) == set()

    done = on(stack, "remove", "--confirm", STACK)
    assert done.status == 0, done.said
    assert left(stack) == RETAINED
    assert "quiet-hours/ann, quiet-hours/ben" in done.said
    (table,) = stack.emulator.client("dynamodb").list_tables()["TableNames"]
    assert f"delete-table --table-name {table}" in done.said


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


def test_with_keys_only_who_has_one_gets_in_and_the_stack_goes_with_its_table() -> None:
    with running(furnished(), parameters={"AuthMode": "API_KEY"}) as stack:
        account(stack, "ann", ANN)
        gateway = stack.emulator.client("apigateway")
        key = gateway.get_api_key(apiKey=stack.outputs["ApiKeyId"], includeValue=True)["value"]

        def mute(**headers: str) -> requests.Response:
            return requests.post(
                f"{stack.url}/ann/im.chat.mute",
                json={"CHAT_ID": DEAL},
                headers={name.replace("_", "-"): value for name, value in headers.items()},
                verify=str(stack.ca_bundle),
                timeout=30,
            )

        assert mute().status_code == 403
        assert mute(x_api_key="another").status_code == 403
        assert stack.caller("tests").call("POST", "/ann/im.chat.mute", {"CHAT_ID": DEAL}).status_code == 403
        assert stack.portal.calls_of("im.chat.mute") == []
        assert mute(x_api_key=key).status_code == 200
        assert stack.portal.is_muted(ANN, DEAL)
        health = requests.get(f"{stack.url}/health", verify=str(stack.ca_bundle), timeout=30)
        assert health.status_code == 200
        assert {"key", "plan"} <= left(stack)

        done = on(stack, "remove", "--confirm", STACK, "--table", "delete")
        assert done.status == 0, done.said
        assert left(stack) == set()


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
