"""A stack that is deployed: its parameters and outputs, its function, and what it holds."""

import json
import math
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

_INVOKE = Config(read_timeout=150, retries={"total_max_attempts": 1})  # the function has 120 s, and is called once
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_ATTEMPTS = 360


class Refused(Exception):
    """What was asked for cannot be done; the message says why, to a person."""


class Held(NamedTuple):
    """What one account keeps muted.

    Attributes:
        chats: how many.
        owners: for which portals and users.
    """

    chats: int
    owners: frozenset[tuple[str, int]]


class Deployed:
    """One stack.

    Args:
        name: of the stack.
        poll: seconds between two questions while waiting.

    Raises:
        Refused: there is none of that name.
    """

    def __init__(self, name: str, poll: float = 5.0) -> None:
        self.name = name
        self.poll = poll
        self._session = boto3.Session()
        self._cloudformation: Any = self._session.client("cloudformation")
        self._read()

    def _read(self) -> None:
        try:
            (stack,) = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            raise Refused(f"{self.name}: {error.response['Error']['Message']}") from None
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}

    def age(self) -> float:
        """Seconds since anything of the stack was deployed or changed; its ``LastUpdatedTime`` is when that began."""
        newest = self._cloudformation.describe_stack_events(StackName=self.name)["StackEvents"][:1]
        return (datetime.now(UTC) - newest[0]["Timestamp"]).total_seconds() if newest else math.inf  # kept for 90 days

    # ---- the function -----------------------------------------------------------------------------------------------

    def invoke(self, payload: dict[str, Any]) -> Any:
        """The function's answer to a payload.

        Raises:
            Refused: it raised; or it did not run, say because too many do.
        """
        client: Any = self._session.client("lambda", config=_INVOKE)
        try:
            answer = client.invoke(FunctionName=self.outputs["FunctionArn"], Payload=json.dumps(payload).encode())
        except (ClientError, BotoCoreError) as error:
            raise Refused(str(error)) from None
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise Refused(f"{told.get('errorType')}: {told.get('errorMessage')}")
        return told

    def tick(self) -> None:
        """A tick in the schedule's place, where that is turned off: what is due waits for one."""
        if self.parameters["TickState"] == "DISABLED":
            self.invoke({"tick": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})

    # ---- what it holds ----------------------------------------------------------------------------------------------

    def held(self) -> dict[str, Held]:
        """What is kept muted, by account: every record of the state table, consistent, whatever else is in order."""
        dynamodb: Any = self._session.client("dynamodb")
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=self.outputs["StateTableName"],
            ConsistentRead=True,
            FilterExpression="begins_with(#sk, :hold)",
            ProjectionExpression="#pk, #document",
            ExpressionAttributeNames={"#pk": "pk", "#sk": "sk", "#document": "document"},
            ExpressionAttributeValues={":hold": {"S": "hold#"}},
        )
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for page in pages:
            for item in page["Items"]:
                hold = json.loads(item["document"]["S"])
                if hold["state"] != "overridden":  # that is audible, and only remembers that people want it so
                    found[item["pk"]["S"].removeprefix("account#")].append((hold["portal"], hold["user_id"]))
        return {account: Held(len(owners), frozenset(owners)) for account, owners in sorted(found.items())}

    def copy_state(self, source: str, *, replace: bool) -> tuple[int, int]:
        """Copies every item of another table into the state table; how many, and how many were there and kept."""
        dynamodb: Any = self._session.client("dynamodb")
        only_new = {} if replace else {"ConditionExpression": "attribute_not_exists(pk)"}
        copied = kept = 0
        for page in dynamodb.get_paginator("scan").paginate(TableName=source, ConsistentRead=True):
            for item in page["Items"]:
                try:
                    dynamodb.put_item(TableName=self.outputs["StateTableName"], Item=item, **only_new)
                    copied += 1
                except dynamodb.exceptions.ConditionalCheckFailedException:
                    kept += 1
        return copied, kept

    # ---- the stack itself -------------------------------------------------------------------------------------------

    def change(self, **parameters: str) -> None:
        """Deploys the same template with other values of some parameters, and waits for it; nothing if they are so.

        Raises:
            Refused: the stack was not updated.
        """
        if parameters.items() <= self.parameters.items():
            return
        kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in self.parameters if name not in parameters]
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        self._cloudformation.update_stack(
            StackName=self.name, UsePreviousTemplate=True, Parameters=kept + given, Capabilities=_CAPABILITIES
        )
        self._wait("stack_update_complete")
        self._read()

    def delete(self) -> None:
        """Deletes the stack and waits for it.

        Raises:
            Refused: something of it could not be deleted.
        """
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def delete_state_table(self) -> None:
        """Deletes the table that the stack's deletion leaves, protected or not."""
        dynamodb: Any = self._session.client("dynamodb")
        name = self.outputs["StateTableName"]
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name)  # it may be updating for a moment
        dynamodb.delete_table(TableName=name)

    def secrets(self) -> list[str]:
        """The names of the accounts' secrets."""
        client: Any = self._session.client("secretsmanager")
        prefix = f"{self.parameters['SecretPrefix']}/"
        pages = client.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [prefix]}])
        return sorted(secret["Name"] for page in pages for secret in page["SecretList"])

    def _wait(self, until: str) -> None:
        waiter = self._cloudformation.get_waiter(until)
        try:
            waiter.wait(StackName=self.name, WaiterConfig={"Delay": self.poll, "MaxAttempts": _ATTEMPTS})
        except WaiterError:
            events = self._cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
            why = [
                f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
                for event in events
                if "FAILED" in event["ResourceStatus"]
            ]
            raise Refused("\n  ".join(["CloudFormation did not do it:", *why[:10]])) from None
