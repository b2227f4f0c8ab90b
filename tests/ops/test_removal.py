"""The whole stack is taken down, in both ways to know callers; nothing is left but what is meant to be."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from local.overlay import STACK
from local.paths import ROOT
from local.portal import Limits, Portal
from local.stack import Stack, running
from local.world import ANN, BEN, DEAL, LUNCH, furnish
from tests.documents import blocks
from tests.e2e.commands import ALWAYS, account, on

RETAINED = {"state table"}


def furnished() -> Portal:
    portal = Portal(limits=Limits(enabled=False))
    furnish(portal)
    return portal


@pytest.fixture
def stack() -> Iterator[Stack]:
    with running(furnished()) as stack:
        yield stack


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

    for _ in range(20):  # how long it takes to release Ann's is the machine's affair
        done = on(stack, "release_all", minutes=0.03)
        assert done.status == 1
        assert "still held" in done.said
        if "ann: " not in done.said:
            break
    assert "ann: " not in done.said
    assert re.search(r"^  ben: 1 chats, INVALID_CREDENTIALS", done.said, re.MULTILINE)
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


def _environment(stack: Stack, key: str) -> dict[str, str]:
    bundle = str(stack.ca_bundle)
    return {
        "PATH": os.environ["PATH"], "API_URL": stack.url, "API_KEY": key,
        "CURL_CA_BUNDLE": bundle, "REQUESTS_CA_BUNDLE": bundle, "NODE_EXTRA_CA_CERTS": bundle,
    }  # fmt: skip


def _as_the_readme_says(stack: Stack, key: str) -> Iterator[list[str]]:
    """The calls with a key: shell, Python, and JavaScript where there is Node.js."""

    def block(language: str) -> str:
        return next(text for text in blocks(ROOT / "README.md", language) if "x-api-key" in text)

    yield ["bash", "-ec", block("bash")]
    variables = f"import requests\nAPI_URL, API_KEY = {stack.url!r}, {key!r}\n"
    yield [sys.executable, "-c", variables + block("python")]
    if shutil.which("node"):
        yield ["node", "--input-type=module", "--eval", block("javascript")]


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
        account(stack, "default", ANN)
        for start in _as_the_readme_says(stack, key):
            stack.portal.mute_by_hand(ANN, DEAL)
            shown = subprocess.run(start, capture_output=True, text=True, check=True, env=_environment(stack, key))
            assert re.search("""["']?result["']?: ?true""", shown.stdout, re.IGNORECASE), shown.stdout
            assert not stack.portal.is_muted(ANN, DEAL)
        assert mute(x_api_key=key).status_code == 200
        assert stack.portal.is_muted(ANN, DEAL)
        health = requests.get(f"{stack.url}/health", verify=str(stack.ca_bundle), timeout=30)
        assert health.status_code == 200
        assert {"key", "plan"} <= left(stack)

        done = on(stack, "remove", "--confirm", STACK, "--table", "delete")
        assert done.status == 0, done.said
        assert left(stack) == set()
