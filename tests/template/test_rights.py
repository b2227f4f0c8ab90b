"""Least privilege: each right of the template beside the call that needs it, none too many and none too few.

The function's own calls are recorded while it does everything it can do, in virtual time. The end-to-end tests add that
the emulator, which enforces the role, refuses none of them.
"""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from botocore import xform_name

from layers.runtime.trim import OPERATIONS
from local.paths import ROOT
from local.portal import Fault
from local.virtual import ENVIRONMENT, VirtualStack
from tests.template.conditions import applied
from tests.template.rights import Recorder, Right, Statement, granted
from tests.unit.function.office import ANN, HOST, WEEK

Resources = dict[str, Any]

EVERYTHING = {
    "Deployment": "Canary10Percent5Minutes",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:000000000000:key/0b1c",
    "SecretPrefix": ENVIRONMENT["SECRET_PREFIX"],
}


class Use(NamedTuple):
    """What AWS itself uses a statement's rights for.

    Attributes:
        who: the service.
        what_for: in words.
        actions: which it needs, as its documentation says.
        because: the kind of resource in the template that makes it do so.
    """

    who: str
    what_for: str
    actions: set[str]
    because: str


AWS_ITSELF = {
    "TakeQueuedAccounts": Use(
        "Lambda",
        "polls the account queue by the function's role",
        {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"},
        "AWS::Lambda::EventSourceMapping",
    ),
    "KeepFailures": Use(
        "Lambda",
        "puts an asynchronous invocation aside that failed after its retries, by the function's role",
        {"sqs:SendMessage"},
        "AWS::Lambda::EventInvokeConfig",
    ),
    "WriteLogs": Use(
        "Lambda",
        "writes what the function prints, by its role",
        {"logs:CreateLogStream", "logs:PutLogEvents"},
        "AWS::Logs::LogGroup",
    ),
    "InvokeTheFunction": Use(
        "EventBridge Scheduler",
        "sends the tick, and people's own schedules",
        {"lambda:InvokeFunction"},
        "AWS::Scheduler::Schedule",
    ),
    "KeepWhatCouldNotBeDelivered": Use(
        "EventBridge Scheduler",
        "puts aside what it could not deliver",
        {"sqs:SendMessage"},
        "AWS::Scheduler::Schedule",
    ),
    "ShiftInvocations": Use(
        "CodeDeploy",
        "moves the alias from version to version",
        {"lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"},
        "AWS::CodeDeploy::DeploymentGroup",
    ),
    "ReadAlarms": Use(
        "CodeDeploy",
        "goes back when an alarm rings",
        {"cloudwatch:DescribeAlarms"},
        "AWS::CodeDeploy::DeploymentGroup",
    ),
    "UseTheKey": Use(
        "DynamoDB and SQS",
        "encrypt and decrypt for whoever calls them",
        {"kms:Decrypt", "kms:GenerateDataKey"},
        "AWS::SQS::Queue",
    ),
}
"""By statement: what our code never does itself."""


# ---- everything the function does -----------------------------------------------------------------------------------


class World:
    """Ann's account with a webhook, the same user's with an app, and everything that calls AWS noted."""

    def __init__(self, recorder: Recorder) -> None:
        self.stack = VirtualStack(wrap=recorder.wrap)
        self.portal = self.stack.add_portal(HOST)
        self.portal.add_user(ANN, "Ann")
        for chat in (1, 2, 3):
            self.portal.add_chat(chat, members=[ANN], title=f"Deal {chat}")
        code = self.portal.add_webhook(ANN).code
        self.stack.put_account("default", {"webhook_url": f"https://{HOST}/rest/{ANN}/{code}/"})

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.stack.call(method, f"/default/{path}".rstrip("/"), body, named)
        assert answer.status == status, answer
        return answer.body


def plain_calls(world: World) -> None:
    world.call("GET", "")
    world.call("POST", "im.chat.mute", {"CHAT_ID": 1})
    world.call("POST", "im.chat.mute", {"CHAT_ID": 2, "FOR": "PT1H"})
    world.call("GET", "chats/chat2")
    world.call("GET", "holds")
    world.call("POST", "im.chat.mute", {"CHAT_ID": 2, "MUTE": "N"})


def idempotent_calls(world: World) -> None:
    for _ in range(2):
        world.call("POST", "im.chat.mute", {"CHAT_ID": 1}, Idempotency_Key="once")
    world.call("POST", "im.chat.mute", {"CHAT_ID": 2}, 422, Idempotency_Key="once")
    world.call("POST", "im.chat.mute", {"CHAT_ID": 99}, 403, Idempotency_Key="refused")


def a_night(world: World) -> None:
    night = {"timezone": "UTC", "windows": [{"days": WEEK, "start": "22:00", "end": "06:00"}], "chats": {"all": True}}
    world.call("PUT", "quiet-hours/night", night, 201)
    world.call("GET", "quiet-hours")
    world.stack.minute()
    world.stack.minute(world.stack.clock.now().replace(hour=22))
    assert world.portal.muted_chats(ANN) == {1, 2, 3}
    world.call("POST", "quiet-hours/night/skip", {})
    world.stack.minute()
    world.call("DELETE", "quiet-hours/night/skip", status=204)
    world.call("DELETE", "holds", status=202)
    world.call("DELETE", "quiet-hours/night", status=204)
    world.stack.minute()
    assert world.portal.muted_chats(ANN) == set()


def jobs(world: World) -> None:
    job = world.call("POST", "mutes", {"chats": ["chat1", "chat2"]}, 202)["job"]
    world.stack.minute()
    assert world.call("GET", f"jobs/{job}")["state"] == "done"
    job = world.call("POST", "mutes", {"chats": {"all": True}}, 202)["job"]
    world.call("DELETE", f"jobs/{job}", status=204)


def schedules(world: World) -> None:
    run = {"schedule": "arn:aws:scheduler:eu-west-1:000000000000:schedule/default/evening"}
    for minute in (0, 0, 1):
        world.stack.invoke({"DIALOG_ID": "chat1", **run, "at": f"2026-03-03T12:0{minute}:00Z"})
    world.stack.invoke({"DIALOG_ID": "42x"})  # can never succeed


def an_app_whose_token_expires(world: World) -> None:
    app = world.portal.oauth.add_app()
    pair = world.portal.oauth.issue(app, ANN, f"https://{HOST}")
    world.stack.put_account("app", {"client_id": app.client_id, "client_secret": app.client_secret, **pair})
    world.portal.oauth.expire(pair["access_token"])
    assert world.stack.call("POST", "/app/im.chat.mute", {"CHAT_ID": 1}).status == 200


def a_portal_that_is_overloaded(world: World) -> None:
    world.portal.faults.add(Fault.error("OVERLOAD_LIMIT", status=503), times=1)
    world.call("POST", "im.chat.mute", {"CHAT_ID": 1}, 503)


def operators(world: World) -> None:
    world.call("POST", "im.chat.mute", {"CHAT_ID": 1, "FOR": "PT8H"})
    assert world.stack.invoke({"forget": "default", "portal": HOST, "user_id": ANN}) == {"forgotten": 1}
    world.stack.invoke({"moved": "default", "portal": "old.example"})
    world.stack.invoke({"check": "default"})
    world.stack.environment["MODE"] = "RELEASE_ONLY"
    world.stack.new_process()
    world.call("DELETE", "holds", status=202)
    world.stack.invoke({"release_all": True})
    assert world.stack.invoke({"offboard": "default"})["done"] is True


SCENARIOS: list[Callable[[World], None]] = [
    plain_calls,
    idempotent_calls,
    a_night,
    jobs,
    schedules,
    an_app_whose_token_expires,
    a_portal_that_is_overloaded,
    operators,
]


# ---- the lists, beside each other -----------------------------------------------------------------------------------


@pytest.fixture
def resources(translate: Callable[..., dict[str, Any]]) -> Resources:
    """With every condition that brings a right."""
    return applied(translate(EVERYTHING), EVERYTHING)


@pytest.fixture
def statements(resources: Resources) -> list[Statement]:
    return granted(resources, EVERYTHING)


@pytest.fixture
def needed(resources: Resources) -> dict[Right, set[str]]:
    recorder = Recorder(resources, EVERYTHING)
    for scenario in SCENARIOS:
        scenario(World(recorder))
    return recorder.needed


def _ours(statements: list[Statement]) -> list[Statement]:
    return [one for one in statements if one.sid not in AWS_ITSELF]


def test_nothing_is_granted_that_is_never_called(statements: list[Statement], needed: dict[Right, set[str]]) -> None:
    idle = [
        (statement.sid, right)
        for statement in _ours(statements)
        for right in statement.rights
        if not any(right.allows(one) for one in needed)
    ]
    assert idle == []


def test_nothing_is_called_that_is_not_granted(statements: list[Statement], needed: dict[Right, set[str]]) -> None:
    rights = [right for statement in _ours(statements) for right in statement.rights]
    assert [(one, by) for one, by in needed.items() if not any(right.allows(one) for right in rights)] == []


def test_the_layer_keeps_what_is_called_of_boto3_and_no_more(needed: dict[Right, set[str]]) -> None:
    called = {
        (right.action.partition(":")[0], operation.partition(" ")[0])
        for right, operations in needed.items()
        for operation in operations
    }
    kept = {(service, xform_name(one)) for service, operations in OPERATIONS.items() for one in operations}
    assert called == kept


def test_our_own_rights_are_the_functions_and_nobody_elses(statements: list[Statement]) -> None:
    assert {one.roles for one in _ours(statements)} == {("ChatMuteRole",)}
    assert len({one.sid for one in statements}) == len(statements)


@pytest.mark.parametrize("sid", AWS_ITSELF)
def test_what_aws_itself_uses_is_exactly_what_it_needs(
    resources: Resources, statements: list[Statement], sid: str
) -> None:
    (statement,) = [one for one in statements if one.sid == sid]
    use = AWS_ITSELF[sid]
    assert {right.action for right in statement.rights} == use.actions
    assert use.because in {one["Type"] for one in resources.values()}


def test_a_call_to_another_resource_is_not_taken_for_granted(statements: list[Statement]) -> None:
    """The lists are compared by resource: the index is not the table, and another prefix's secret is not ours."""
    rights = [right for statement in _ours(statements) for right in statement.rights]

    def allowed(action: str, arn: str) -> bool:
        return any(right.allows(Right(action, arn)) for right in rights)

    table, here = "arn:aws:dynamodb:eu-west-1:000000000000:table/", "eu-west-1:000000000000"
    assert allowed("dynamodb:Query", f"{table}StateTable/index/due")
    assert not allowed("dynamodb:PutItem", f"{table}StateTable/index/due")
    assert not allowed("dynamodb:Query", f"{table}IdempotencyTable")
    assert not allowed("sqs:SendMessage", f"arn:aws:sqs:{here}:FunctionDeadLetters")
    assert not allowed("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{here}:secret:other/default-4xKq0Z")


def test_the_list_for_people_is_this_one(statements: list[Statement], needed: dict[Right, set[str]]) -> None:
    """docs/rights.md; `WRITE_RIGHTS=1 pytest tests/template/test_rights.py` writes it anew."""
    page = ROOT / "docs" / "rights.md"
    listed = _listed(statements, needed)
    if "WRITE_RIGHTS" in os.environ:
        page.write_text(listed)
    assert page.read_text() == listed


_HEAD = """# Rights

Every statement of the template's roles beside what needs it. `tests/template/test_rights.py` writes this list from the
translated template and from the calls it records while the code does all it can do, and fails where they differ.

| role | statement | action | on | needed by |
|---|---|---|---|---|"""


def _listed(statements: list[Statement], needed: dict[Right, set[str]]) -> str:
    lines = [_HEAD]
    for statement in statements:
        for right in sorted(statement.rights):
            if (use := AWS_ITSELF.get(statement.sid)) is not None:
                by = f"{use.who}: {use.what_for}"
            else:
                calls = {call for one, made in needed.items() if right.allows(one) for call in made}
                by = ", ".join(f"`{call}`" for call in sorted(calls))
            place = right.arn.split(":", 5)[5]
            lines.append(f"| {', '.join(statement.roles)} | {statement.sid} | `{right.action}` | `{place}` | {by} |")
    return "\n".join(lines) + "\n"
