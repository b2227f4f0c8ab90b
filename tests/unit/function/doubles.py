"""Stand-ins for AWS, for Lambda's context and for the use cases."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from bitrix24 import Client, Credentials, Rate, TimeLeft
from chat_mute.account_check import AccountCheck
from chat_mute.accounts import Accounts, Secrets
from chat_mute.api import Api, UseCases
from chat_mute.idempotency import Idempotency
from chat_mute.muting import Muting
from chat_mute.observability import Telemetry
from chat_mute.request import MuteRequest
from chat_mute.store import Store
from chat_mute.table import Table as StateTable
from local.inmemory import DynamoDB, Index, Queue, Queues, SecretsManager, Table
from tests.unit.layer.doubles import CODE, URL, FakeClock, MemoryStore, ScriptedTransport, Step, success

__all__ = ["CODE", "URL", "FakeClock", "Step", "success"]

OTHER_CODE = "c0de5ecret4242"
OTHER_URL = f"https://portal.example/rest/503/{OTHER_CODE}/"
SECRETS = (CODE, OTHER_CODE)


def secret(url: str = URL, **more: Any) -> str:
    return json.dumps({"webhook_url": url, **more})


@dataclass
class Context:
    """Lambda's context object."""

    milliseconds: int = 120_000
    aws_request_id: str = "6f1f2b7e-0000-4000-8000-000000000001"
    function_name: str = "chat-mute"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:chat-mute"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def client_error(code: str, operation: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "as AWS says it"}, **more}
    return ClientError(response, operation)


class FakeSecrets(SecretsManager):
    """Secrets Manager: texts by account; an exception instead of a text is raised."""

    def __init__(self, **secrets: Any) -> None:
        super().__init__()
        self.read: list[str] = []
        self.faults: dict[str, Exception] = {}
        for account, value in secrets.items():
            self.put(account, value)

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        self.read.append(SecretId)
        if SecretId in self.faults:
            raise self.faults[SecretId]
        return super().get_secret_value(SecretId=SecretId)

    def put(self, account: str, value: Any) -> None:
        name = f"quiet-hours/{account}"
        if isinstance(value, Exception):
            self.faults[name] = value
            return
        content = {"SecretBinary" if isinstance(value, bytes) else "SecretString": value}
        try:
            self.create_secret(Name=name, **content)
        except self.exceptions.ResourceExistsException:
            self.put_secret_value(SecretId=name, **content)

    def remove(self, account: str) -> None:
        self.delete_secret(SecretId=f"quiet-hours/{account}", ForceDeleteWithoutRecovery=True)


def tables() -> DynamoDB:
    """Both tables, empty."""
    return DynamoDB({
        "state": Table({"pk": "S", "sk": "S"}, {"due": Index({"queue": "S", "due": "N"}, "KEYS_ONLY")}),
        "idempotency": Table({"id": "S"}),
    })  # fmt: skip


class LetterBox(Queues):
    """SQS with one queue, of dead letters."""

    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/dead"

    def __init__(self) -> None:
        super().__init__({self.url: Queue()}, lambda: 0.0)
        self.connected = 0

    def connect(self) -> Any:
        self.connected += 1
        return self

    @property
    def bodies(self) -> list[str]:
        """What has been sent."""
        found = self.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in found.get("Messages", [])]

    @property
    def letters(self) -> list[Any]:
        return [json.loads(body) for body in self.bodies]


class Portals:
    """Accounts whose portals answer what the test has written down."""

    def __init__(self, secrets: FakeSecrets, *steps: Step) -> None:
        self.clock = FakeClock()
        self.transport = ScriptedTransport(*steps)
        self.connected: list[tuple[str, str]] = []
        self.secrets = Secrets(lambda: as_client(secrets), "quiet-hours")
        self.accounts = Accounts(self.secrets, self._connect)

    def _connect(self, account: str, webhook: Credentials, _rate: Rate) -> Client:
        self.connected.append((account, webhook.secrets[0]))
        return Client(webhook, self.transport, MemoryStore(), self.clock)

    @property
    def codes(self) -> list[str]:
        """Which secret each request to a portal was made with."""
        return [url.split("/")[5] for url, _ in self.transport.asked]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(body) for _, body in self.transport.asked]


class FakeMuting(Muting):
    """Remembers what it was asked; answers or raises what the test has set."""

    def __init__(self, outcome: dict[str, Any] | Exception | Callable[[], dict[str, Any]] | None = None) -> None:
        self.outcome = {"result": True} if outcome is None else outcome
        self.asked: list[tuple[str, MuteRequest, str]] = []
        self.times: list[datetime] = []
        self.budgets: list[float] = []

    def mute(
        self, account: str, request: MuteRequest, *, by: str, now: datetime, time_left: TimeLeft
    ) -> dict[str, Any]:
        self.asked.append((account, request, by))
        self.times.append(now)
        self.budgets.append(time_left())
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome() if callable(self.outcome) else self.outcome


class FakeAccountCheck(AccountCheck):
    """Answers or raises what the test has set."""

    def __init__(self, outcome: dict[str, Any] | Exception | None = None) -> None:
        self.outcome = {"usable": True} if outcome is None else outcome
        self.asked: list[tuple[str, datetime]] = []

    def check(self, account: str, *, now: datetime, time_left: TimeLeft) -> dict[str, Any]:
        self.asked.append((account, now))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def api(muting: FakeMuting, check: FakeAccountCheck, dynamodb: DynamoDB, telemetry: Telemetry, clock: FakeClock) -> Api:
    """The API before stand-ins; whoever leads it to a use case that has none gets an `AttributeError`."""
    use_cases: Any = {name: SimpleNamespace() for name in UseCases._fields}
    idempotency = Idempotency(as_client(dynamodb), "idempotency", "api:v1", 60)
    return Api(UseCases(**{**use_cases, "muting": muting, "account_check": check}), idempotency, telemetry, clock)


def state(dynamodb: Any) -> Store:
    """The store on a client, or on what stands for one."""
    return Store(StateTable(as_client(dynamodb), "state", FakeClock()))


def as_client(double: Any) -> Any:
    """A stand-in, where a client of boto3 is wanted."""
    return double
