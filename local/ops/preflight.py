"""`make preflight`: what would make a deployment fail, or the service not work, said before anything is deployed."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.ops.command import say
from local.ops.configuration import Configuration, Unreadable, defaults

_QUICK = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})
_ROOM = 10
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
BOOTSTRAP = "aws-sam-cli-managed-default"
"""The stack with the bucket that `sam deploy` puts artifacts into; it makes it where there is none."""


class Finding(NamedTuple):
    """What one check has found.

    Attributes:
        level: ``ok``, ``note``, or ``no`` where nothing can be deployed like this.
        what: in a sentence.
    """

    level: str
    what: str


class Preflight:
    """The checks.

    Args:
        configuration: what would be deployed.
        session: whose AWS account.
    """

    def __init__(self, configuration: Configuration, session: boto3.Session) -> None:
        self._configuration = configuration
        self._session = session
        self._stacks: list[dict[str, Any]] = []
        self._parameters: Mapping[str, str] = defaults()

    def run(self) -> Iterator[Finding]:
        """All of them, one after the other; without region or credentials no other can be made."""
        yield _byte_code()
        if not self._session.region_name:
            yield Finding("no", "No region: set AWS_DEFAULT_REGION, or `region` in samconfig.toml.")
            return
        yield Finding("ok", f"Region {self._session.region_name}.")
        try:
            identity = self._client("sts").get_caller_identity()
        except (ClientError, BotoCoreError) as error:
            yield Finding("no", f"No usable credentials: {error}.")
            return
        yield Finding("ok", f"AWS account {identity['Account']}, as {identity['Arn']}.")
        checks: list[Callable[[], Iterator[Finding]]] = [
            self._stack, self._bootstrap, self._access_log, self._prefix, self._secrets, self._key, self._topic,
            self._concurrency,
        ]  # fmt: skip
        for check in checks:
            try:
                yield from check()
            except ClientError as error:
                if error.response["Error"]["Code"] not in _DENIED:
                    raise
                yield Finding("note", f"Not checked, these credentials may not ask: {error.operation_name}.")

    def _client(self, service: str) -> Any:
        return self._session.client(service, config=_QUICK)  # type: ignore[call-overload]

    def _stack(self) -> Iterator[Finding]:
        """Also finds the parameters that count: given, else what the stack has, else the template's defaults."""
        pages = self._client("cloudformation").get_paginator("describe_stacks").paginate()
        self._stacks = [stack for page in pages for stack in page["Stacks"]]
        name = self._configuration.stack
        mine = next((stack for stack in self._stacks if stack["StackName"] == name), None)
        has = {one["ParameterKey"]: one["ParameterValue"] for one in (mine or {}).get("Parameters", [])}
        self._parameters = {**defaults(), **has, **self._configuration.overrides}
        if mine is None:
            yield Finding("ok", f"There is no stack {name} yet: it is made.")
        elif (status := mine["StackStatus"]) in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}:
            delete = f"aws cloudformation delete-stack --stack-name {name}"
            yield Finding("no", f"The stack {name} was never made ({status}): {delete}")
        elif status.endswith(("_IN_PROGRESS", "_FAILED")) and status != "REVIEW_IN_PROGRESS":
            yield Finding("no", f"The stack {name} is {status}: wait, or mend it first.")
        else:
            yield Finding("ok", f"The stack {name} is updated.")

    def _bootstrap(self) -> Iterator[Finding]:
        status = next((one["StackStatus"] for one in self._stacks if one["StackName"] == BOOTSTRAP), None)
        if status is None:
            yield Finding("ok", "sam makes its bucket for artifacts, the first time in a region.")
        elif "ROLLBACK" in status or "FAILED" in status:
            yield Finding("no", f"The stack {BOOTSTRAP} with sam's bucket is {status}: delete it, sam makes it anew.")
        else:
            yield Finding("ok", "sam has its bucket for artifacts.")

    def _access_log(self) -> Iterator[Finding]:
        log, make = (self._parameters[name] == "true" for name in ("AccessLog", "CreateApiGatewayLogRole"))
        if not log and not make:
            return
        role = self._client("apigateway").get_account().get("cloudwatchRoleArn")
        ours = role is not None and f"role/{self._configuration.stack}-" in role
        if log and not role and not make:
            yield Finding(
                "no",
                "AccessLog=true, but API Gateway has no role to write logs with in this region: the deployment would"
                " fail. CreateApiGatewayLogRole=true makes it; or set one in API Gateway's settings.",
            )
        elif make and role and not ours:
            yield Finding(
                "no", f"CreateApiGatewayLogRole=true would replace {role} for the whole region: leave it at false."
            )
        else:
            yield Finding("ok", f"API Gateway writes logs with {role or 'a role this stack makes'}.")

    def _prefix(self) -> Iterator[Finding]:
        prefix = self._parameters["SecretPrefix"]
        others = [
            stack["StackName"]
            for stack in self._stacks
            if stack["StackName"] != self._configuration.stack
            and {"ParameterKey": "SecretPrefix", "ParameterValue": prefix} in stack.get("Parameters", [])
        ]
        if others:
            yield Finding(
                "no",
                f"SecretPrefix={prefix} is that of {', '.join(others)} too, and two stacks must not work on the same"
                " accounts: neither knows the other's holds.",
            )

    def _secrets(self) -> Iterator[Finding]:
        prefix = f"{self._parameters['SecretPrefix']}/"
        listed = self._client("secretsmanager").list_secrets(Filters=[{"Key": "name", "Values": [prefix]}])
        if listed["SecretList"]:
            yield Finding("ok", f"There are accounts under {prefix}.")
        else:
            yield Finding("note", f"There is no secret {prefix}ACCOUNT yet: docs/operations.md, Adding an account.")

    def _key(self) -> Iterator[Finding]:
        arn = self._parameters["KmsKeyArn"]
        if not arn:
            return
        try:
            key = self._client("kms").describe_key(KeyId=arn)["KeyMetadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _DENIED:
                raise
            key = {"KeyState": "not there"}
        if key["KeyState"] == "Enabled":
            yield Finding("ok", "The KMS key is enabled; its policy must let CloudWatch Logs use it.")
        else:
            yield Finding("no", f"The KMS key {arn} is {key['KeyState']}.")

    def _topic(self) -> Iterator[Finding]:
        arn = self._parameters["AlarmTopicArn"]
        if not arn and not self._parameters["AlarmEmail"]:
            yield Finding("note", "Nobody is told when an alarm rings: AlarmEmail=... or AlarmTopicArn=...")
        if not arn:
            return
        try:
            self._client("sns").get_topic_attributes(TopicArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] in _DENIED:
                raise
            yield Finding("no", f"There is no topic {arn} in this region.")
        else:
            yield Finding("ok", "The alarms' topic is there.")

    def _concurrency(self) -> Iterator[Finding]:
        limit = self._client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
        portals = int(self._parameters["PortalsAtOnce"])
        if portals + _ROOM > limit:
            yield Finding(
                "no",
                f"PortalsAtOnce={portals} and room for the API are more than the {limit} concurrent executions Lambda"
                f" allows here: PortalsAtOnce={max(2, limit - _ROOM)}, or Service Quotas, Concurrent executions.",
            )
        else:
            yield Finding("ok", f"Lambda allows {limit} concurrent executions here, PortalsAtOnce={portals}.")


def _byte_code() -> Finding:
    """PYTHON313 is what layers/build.mk has found."""
    if os.environ.get("PYTHON313"):
        return Finding("ok", "python3.13 is there, for byte-code.")
    return Finding(
        "no",
        "There is no python3.13, so the layers would have no byte-code, and each cold start would compile them:"
        " install it, or set PYTHON313 to one.",
    )


def preflight(configuration: Configuration) -> bool:
    """Says what the checks find; whether a deployment may go on."""
    may = True
    try:
        session = boto3.Session(region_name=configuration.region)
        for finding in Preflight(configuration, session).run():
            say(f"{finding.level:>4}  {finding.what}")
            may = may and finding.level != "no"
    except (ClientError, BotoCoreError) as error:
        say(f"  no  {error}")
        return False
    return may


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1 if something stands in the way."""
    arguments = ArgumentParser(description=__doc__)
    arguments.add_argument("--config", default="default", help="an environment of samconfig.toml")
    arguments.add_argument("parameters", nargs="*", help="NAME=VALUE, instead of what the file says")
    given = arguments.parse_args(argv)
    try:
        return 0 if preflight(Configuration.read(given.config, given.parameters)) else 1
    except Unreadable as error:
        say(f"  no  {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
