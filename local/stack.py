"""The whole stack on loopback, for the demo, for `make serve` and for the tests."""

import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from local.build import read_template
from local.caller import Caller
from local.certificates import Authority
from local.emulator import ACCOUNT_ID, REGION, Emulator
from local.front import Front
from local.overlay import deploy
from local.portal import Portal, PortalServer

SECRET_PREFIX = "quiet-hours"  # noqa: S105  a name, not a secret
SCHEDULE_ARN = f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/evening"


class Stack:
    """A running stack; made by `running`.

    Attributes:
        portal: the simulated portal's state.
        url: the API's stage.
        outputs: of the CloudFormation stack.
        emulator: AWS.
        authority: who vouches for the portal and the API; for more portals.
    """

    def __init__(
        self, *, portal: Portal, server: PortalServer, emulator: Emulator, front: Front, authority: Authority,
        outputs: dict[str, str],
    ) -> None:  # fmt: skip
        self.portal = portal
        self.server = server
        self.emulator = emulator
        self.outputs = outputs
        self.authority = authority
        self.ca_bundle = authority.bundle
        self.url = f"https://127.0.0.1:{front.port}/_aws/execute-api/{outputs['ApiId']}/live"
        self._root = emulator.client
        self._logged: list[str] = []
        self._log_tokens: dict[str, str] = {}

    def put_account(self, account: str, secret: dict[str, Any] | str) -> None:
        """Creates or replaces an account's secret."""
        secrets = self._root("secretsmanager")
        name, text = f"{SECRET_PREFIX}/{account}", secret if isinstance(secret, str) else json.dumps(secret)
        try:
            secrets.create_secret(Name=name, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=name, SecretString=text)

    def credentials(self, name: str, paths: str = "*") -> Credentials:
        """A new IAM user who may call ``METHOD/path`` under the stage, e.g. ``POST/default/*``."""
        iam = self._root("iam")
        iam.create_user(UserName=name)
        resource = f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{self.outputs['ApiId']}/live/{paths}"
        statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}
        iam.put_user_policy(
            UserName=name,
            PolicyName="call",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    def caller(self, name: str, paths: str = "*") -> Caller:
        """Somebody who signs as the new IAM user ``name``."""
        return self.caller_with(self.credentials(name, paths))

    def caller_with(self, credentials: Credentials | None) -> Caller:
        """Somebody who signs with ``credentials``, or does not sign."""
        return Caller(self.url, self.ca_bundle, credentials)

    def invoke(self, event: Any, *, wait: bool = True) -> Any:
        """Invokes the function's alias as AWS would; ``wait=False`` as EventBridge Scheduler does, asynchronously.

        Returns:
            ``None``, or the function's result, or Lambda's ``{"errorType", "errorMessage", ...}``.
        """
        answer = self._root("lambda").invoke(
            FunctionName=self.outputs["FunctionArn"],
            InvocationType="RequestResponse" if wait else "Event",
            Payload=json.dumps(event).encode(),
        )
        return json.loads(answer["Payload"].read()) if wait else None

    def schedule(self, payload: dict[str, Any], at: datetime | None = None) -> None:
        """Does what EventBridge Scheduler does: fills in its attributes and invokes asynchronously."""
        self.invoke(fill(payload, at), wait=False)

    def invoke_schedule(self, payload: dict[str, Any], at: datetime | None = None) -> Any:
        """The same, waiting for the function's result."""
        return self.invoke(fill(payload, at))

    def tick(self, at: datetime | None = None) -> None:
        """Sends the template's own tick, as of ``at``, as EventBridge Scheduler does: asynchronously."""
        self.schedule(_tick_input(), at)

    def invoke_tick(self, at: datetime | None = None) -> Any:
        """The same, waiting for the function's result: what is due is queued then, and `wait_for_queue` sees it."""
        return self.invoke_schedule(_tick_input(), at)

    def wait_for_queue(self, seconds: float = 15) -> bool:
        """Whether every queued account was worked on in time; one whose worker crashed stays in flight."""
        sqs = self._root("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def is_empty() -> bool:
            answer = sqs.get_queue_attributes(QueueUrl=self.outputs["AccountQueueUrl"], AttributeNames=names)
            return all(answer["Attributes"][name] == "0" for name in names)

        return wait_until(is_empty, seconds)

    def dead_letters(self, output: str = "ScheduleDeadLettersUrl") -> list[dict[str, Any]]:
        """Takes what is in a dead-letter queue."""
        sqs = self._root("sqs")
        answer = sqs.receive_message(QueueUrl=self.outputs[output], MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=self.outputs[output], ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def log_lines(self) -> list[str]:
        """What the function wrote to its log group so far; what is new comes last. Each of its processes has a stream.

        The emulator's filter_log_events ends at 10,000 lines.
        """
        logs, group = self._root("logs"), self.outputs["LogGroupName"]
        new = [
            event
            for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
            for stream in page["logStreams"]
            for event in self._new_lines(logs, group, stream["logStreamName"])
        ]
        self._logged += [event["message"] for event in sorted(new, key=lambda event: int(event["timestamp"]))]
        return list(self._logged)

    def _new_lines(self, logs: Any, group: str, stream: str) -> Iterator[dict[str, Any]]:
        events = True
        while events:
            token = self._log_tokens.get(stream)
            start = {"nextToken": token} if token else {"startFromHead": True}
            answer = logs.get_log_events(logGroupName=group, logStreamName=stream, **start)
            yield from answer["events"]
            events = bool(answer["events"])
            self._log_tokens[stream] = answer["nextForwardToken"]


@contextlib.contextmanager
def running(
    portal: Portal, *, front_port: int = 0, log_level: str = "INFO", parameters: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Everything started, built and deployed; everything ended and removed at the end, whatever the end.

    Args:
        portal: who answers.
        front_port: where the API is; 0 for any.
        log_level: the template's parameter.
        parameters: others of the template.
    """
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="quiet-hours-"))
    try:
        authority = Authority(folder)
        with (
            Emulator(folder) as emulator,  # first, because it forks
            PortalServer(portal, authority.server_context()) as server,
        ):
            given = {
                "LogLevel": log_level,
                "SecretPrefix": SECRET_PREFIX,
                "TickState": "DISABLED",  # the emulator's scheduler fills in nothing: ticks are `Stack.tick`'s
                "AllowTimeTravel": "true",
                **(parameters or {}),
            }
            outputs = deploy(emulator, authority.bundle, server.url.removeprefix("https://"), given)
            with Front(authority.server_context(), emulator.port, front_port) as front:
                yield Stack(
                    portal=portal, server=server, emulator=emulator, front=front, authority=authority, outputs=outputs
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


def _tick_input() -> dict[str, Any]:
    template: dict[str, Any] = read_template()
    tick = template["Resources"]["ChatMuteFunction"]["Properties"]["Events"]["Tick"]
    payload: dict[str, Any] = json.loads(tick["Properties"]["Input"])
    return payload


def fill(payload: Any, at: datetime | None = None) -> Any:
    """``payload`` with EventBridge Scheduler's attributes filled in, which the emulator's scheduler does not do."""
    due = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = json.dumps(payload).replace("<aws.scheduler.schedule-arn>", SCHEDULE_ARN)
    return json.loads(text.replace("<aws.scheduler.scheduled-time>", due))


def wait_until(condition: Any, seconds: float = 15) -> bool:
    """Whether ``condition()`` became true in time."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())
