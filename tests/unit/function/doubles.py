"""Stand-ins for AWS, for Lambda's context and for the use cases."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from bitrix24 import Client, Credentials, Rate, TimeLeft
from chat_mute.account_check import AccountCheck
from chat_mute.accounts import Accounts, Secrets
from chat_mute.muting import Muting
from chat_mute.request import MuteRequest
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


class FakeSecrets:
    """Secrets Manager: texts by name; an exception instead of a text is raised."""

    def __init__(self, **secrets: Any) -> None:
        self.secrets = {f"quiet-hours/{account}": value for account, value in secrets.items()}
        self.read: list[str] = []

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        self.read.append(SecretId)
        if SecretId not in self.secrets:
            raise client_error("ResourceNotFoundException", "GetSecretValue")
        value = self.secrets[SecretId]
        if isinstance(value, Exception):
            raise value
        return {"SecretBinary": value} if isinstance(value, bytes) else {"SecretString": value}

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> None:  # noqa: N803
        self.secrets[SecretId] = SecretString

    def put(self, account: str, value: Any) -> None:
        self.secrets[f"quiet-hours/{account}"] = value


class FakeDynamoDB:
    """Tables in memory, with as much of conditions and expressions as the code under test uses."""

    class exceptions:  # noqa: N801  as boto3 has it
        """The service's exceptions."""

        class ConditionalCheckFailedException(ClientError):
            """A condition was not met."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, Any]]] = {}
        self.calls: list[str] = []
        self.broken: dict[str, Exception] = {}

    def items(self, table: str) -> list[dict[str, Any]]:
        return list(self.tables.get(table, {}).values())

    def get_item(self, *, TableName: str, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        item = self._table("get_item", TableName).get(_name(Key))
        return {} if item is None else {"Item": copy.deepcopy(item)}

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> None:  # noqa: N803
        self._table("delete_item", TableName).pop(_name(Key), None)

    def put_item(self, *, TableName: str, Item: dict[str, Any], **condition: Any) -> None:  # noqa: N803
        table = self._table("put_item", TableName)
        name = _name({key: Item[key] for key in ("id",)})
        old = table.get(name)
        if old is not None and not _powertools_condition(old, condition):
            assert condition["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
            raise client_error("ConditionalCheckFailedException", "PutItem", Item=copy.deepcopy(old))
        table[name] = copy.deepcopy(Item)

    def update_item(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: dict[str, Any],  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ExpressionAttributeNames: dict[str, str],  # noqa: N803
        ExpressionAttributeValues: dict[str, Any],  # noqa: N803
        ConditionExpression: str | None = None,  # noqa: N803
    ) -> None:
        names, values = ExpressionAttributeNames, ExpressionAttributeValues
        table = self._table("update_item", TableName)
        item = table.get(_name(Key), dict(Key))
        if ConditionExpression is not None and not _refresh_condition(item, ConditionExpression, values):
            raise self.exceptions.ConditionalCheckFailedException({"Error": {"Code": "X"}}, "UpdateItem")
        table[_name(Key)] = item
        action, _, parts = UpdateExpression.partition(" ")
        for part in parts.split(","):
            name, _, value = part.partition("=")
            if action == "SET":
                item[names[name.strip()]] = values[value.strip()]
            else:
                assert action == "REMOVE"
                item.pop(names[name.strip()], None)

    def _table(self, operation: str, name: str) -> dict[str, dict[str, Any]]:
        self.calls.append(operation)
        if operation in self.broken:
            raise self.broken[operation]
        return self.tables.setdefault(name, {})


def _name(key: dict[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)


def _refresh_condition(item: dict[str, Any], condition: str, values: dict[str, Any]) -> bool:
    if condition == "#owner = :owner":
        return bool(item.get("owner") == values[":owner"])
    assert condition == "attribute_not_exists(#until) OR #until < :now"
    return "until" not in item or float(item["until"]["N"]) < float(values[":now"]["N"])


def _powertools_condition(old: dict[str, Any], condition: dict[str, Any]) -> bool:
    names, values = condition["ExpressionAttributeNames"], condition["ExpressionAttributeValues"]
    assert condition["ConditionExpression"] == (
        "attribute_not_exists(#id) OR #expiry < :now OR "
        "(#status = :inprogress AND attribute_exists(#in_progress_expiry) AND #in_progress_expiry < :now_in_millis)"
    )
    if int(old[names["#expiry"]]["N"]) < int(values[":now"]["N"]):
        return True
    given_up_at = old.get(names["#in_progress_expiry"])
    in_progress = old[names["#status"]] == values[":inprogress"]
    return in_progress and given_up_at is not None and int(given_up_at["N"]) < int(values[":now_in_millis"]["N"])


class FakeQueue:
    """SQS: the messages sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.connected = 0

    def connect(self) -> Any:
        self.connected += 1
        return self

    def send_message(self, **message: Any) -> None:
        self.sent.append(message)


class Portals:
    """Accounts whose portals answer what the test has written down."""

    def __init__(self, secrets: FakeSecrets, *steps: Step) -> None:
        self.clock = FakeClock()
        self.transport = ScriptedTransport(*steps)
        self.connected: list[tuple[str, str]] = []
        self.secrets = Secrets(as_client(secrets), "quiet-hours")
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
        self.budgets: list[float] = []

    def mute(self, account: str, request: MuteRequest, *, by: str, time_left: TimeLeft) -> dict[str, Any]:
        self.asked.append((account, request, by))
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


def as_client(double: Any) -> Any:
    """A stand-in, where a client of boto3 is wanted."""
    return double
