"""What the roles of the translated template may do, and what recorded calls need: both as actions on ARNs."""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from local.inmemory import DynamoDB, Queues, SecretsManager
from local.virtual import ENVIRONMENT

Resources = dict[str, Any]

_HERE = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "000000000000"}
_OURS = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"
_KINDS = {
    "AWS::DynamoDB::Table": ("dynamodb", "table/{}"),
    "AWS::SQS::Queue": ("sqs", "{}"),
    "AWS::Logs::LogGroup": ("logs", "log-group:{}:*"),
    "AWS::Lambda::Function": ("lambda", "function:{}"),
}
_SUFFIX = "-4xKq0Z"  # Secrets Manager puts six characters behind each secret's name
_PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


class Right(NamedTuple):
    """One action on one resource. Where it is granted, the ARN may end with a wildcard."""

    action: str
    arn: str

    def allows(self, needed: "Right") -> bool:
        """Whether this grant is enough for what is needed."""
        return self.action == needed.action and fnmatchcase(needed.arn, self.arn)


class Statement(NamedTuple):
    """One statement, and the roles it is given to."""

    roles: tuple[str, ...]
    sid: str
    rights: frozenset[Right]


class Arns:
    """ARNs of a template's resources; each resource has its logical id as its name.

    Args:
        resources: translated, conditions decided.
        parameters: of the template.
    """

    def __init__(self, resources: Resources, parameters: Mapping[str, str]) -> None:
        self._resources = resources
        self._values = _HERE | dict(parameters)

    def secret(self, name: str) -> str:
        """The ARN of a secret."""
        return self._sub(_OURS % ("secretsmanager", f"secret:{name}{_SUFFIX}"))

    def of(self, logical_id: str) -> str:
        """The ARN of a resource."""
        service, name = _KINDS[self._resources[logical_id]["Type"]]
        return self._sub(_OURS % (service, name.format(logical_id)))

    def resolve(self, value: Any) -> str:
        """A resource of a statement, as CloudFormation resolves it."""
        ((function, of),) = value.items()
        match function:
            case "Fn::GetAtt":
                return self._named(".".join(of))
            case "Fn::Sub":
                return self._sub(of)
            case "Ref":
                return self._named(of)
        raise AssertionError(value)

    def _sub(self, text: str) -> str:
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: self._named(found[1]), text)

    def _named(self, name: str) -> str:
        if name in self._values:
            return self._values[name]
        logical_id, _, attribute = name.partition(".")
        if attribute:
            assert attribute == "Arn", name
            return self.of(logical_id)
        alias = self._resources[logical_id]
        assert alias["Type"] == "AWS::Lambda::Alias", f"a reference to {name} is no ARN"
        return f"{self.of(alias['Properties']['FunctionName']['Ref'])}:{alias['Properties']['Name']}"


def granted(resources: Resources, parameters: Mapping[str, str], role: str | None = None) -> list[Statement]:
    """Every statement of every role of the template, or of one, in its order."""
    arns = Arns(resources, parameters)
    found = []
    for roles, policy in _policies(resources):
        if role not in {None, *roles}:
            continue
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow", statement
            places = [arns.resolve(place) for place in _list(statement["Resource"])]
            rights = frozenset(Right(action, arn) for action in _list(statement["Action"]) for arn in places)
            found.append(Statement(roles, statement["Sid"], rights))
    return found


def _policies(resources: Resources) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for name, one in resources.items():
        properties = one["Properties"]
        if one["Type"] == "AWS::IAM::Role":
            for policy in properties.get("Policies", []):
                yield (name,), policy["PolicyDocument"]
        elif one["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            yield tuple(role["Ref"] for role in properties["Roles"]), properties["PolicyDocument"]


def _list(one: Any) -> list[Any]:
    return one if isinstance(one, list) else [one]


class Recorder:
    """Notes what each call to AWS needs; see `wrap`.

    Args:
        resources: of the template, whose function's environment says which resource the code means by a name.
        parameters: of the template.

    Attributes:
        needed: the rights, and by which operations.
    """

    def __init__(self, resources: Resources, parameters: Mapping[str, str]) -> None:
        self._arns = Arns(resources, parameters)
        variables = resources["ChatMuteFunction"]["Properties"]["Environment"]["Variables"]
        self._meant = {ENVIRONMENT[name]: value["Ref"] for name, value in variables.items() if isinstance(value, dict)}
        self.needed: dict[Right, set[str]] = {}

    def wrap(self, client: Any) -> Any:
        """A client of AWS whose calls are noted, also if they are noted already; anything else as it is."""
        of_aws = client
        while isinstance(of_aws, Recorded):
            of_aws = of_aws.client
        notes = {DynamoDB: self._dynamodb, Queues: self._sqs, SecretsManager: self._secretsmanager}
        return next((Recorded(client, note) for kind, note in notes.items() if isinstance(of_aws, kind)), client)

    def _note(self, operation: str, action: str, arn: str) -> None:
        self.needed.setdefault(Right(action, arn), set()).add(operation)

    def _dynamodb(self, operation: str, request: Mapping[str, Any]) -> None:
        if operation == "transact_write_items":  # it has no action of its own
            for item in request["TransactItems"]:
                ((part, inner),) = item.items()
                arn = self._arns.of(self._meant[inner["TableName"]])
                self._note(f"{operation} ({part})", f"dynamodb:{_PARTS[part]}", arn)
            return
        arn = self._arns.of(self._meant[request["TableName"]])
        if "IndexName" in request:  # by the index's ARN alone, as AWS asks
            arn = f"{arn}/index/{request['IndexName']}"
        self._note(operation, f"dynamodb:{_camel(operation)}", arn)

    def _sqs(self, operation: str, request: Mapping[str, Any]) -> None:
        # There is no action for a batch: sqs:SendMessage allows it.
        action = _camel(operation.removesuffix("_batch"))
        self._note(operation, f"sqs:{action}", self._arns.of(self._meant[request["QueueUrl"]]))

    def _secretsmanager(self, operation: str, request: Mapping[str, Any]) -> None:
        self._note(operation, f"secretsmanager:{_camel(operation)}", self._arns.secret(request["SecretId"]))


class Recorded:
    """A client whose calls are noted."""

    def __init__(self, client: Any, note: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.client = client
        self._note = note
        self.exceptions = client.exceptions

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self.client, operation)
        if not callable(call):
            return call

        def recorded(**request: Any) -> Any:
            self._note(operation, request)
            return call(**request)

        return recorded


def _camel(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))
