"""The trimmed boto3 in the layer and the whole one of the same version: the same requests, the same replies."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import botocore.session
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, UnknownServiceError
from botocore.loaders import Loader

from layers.runtime.trim import OPERATIONS, trim_model

ITEM = {"pk": {"S": "account#default"}, "sk": {"S": "hold#1"}, "level": {"N": "0.5"}, "ok": {"BOOL": True}}
KEY = {"pk": {"S": "account#default"}, "sk": {"S": "hold#1"}}
CHANGE = {
    "TableName": "state",
    "Key": KEY,
    "UpdateExpression": "SET #a = :a ADD #b :b",
    "ConditionExpression": "#a = :a",
    "ExpressionAttributeNames": {"#a": "due", "#b": "asks"},
    "ExpressionAttributeValues": {":a": {"N": "1.5"}, ":b": {"N": "1"}},
}
UNCHANGED = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/accounts.fifo"
MD5_OF_X = "9dd4e461268c8034f5c8564e155c67a6"
USED: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "dynamodb": {
        "GetItem": ({"TableName": "state", "Key": KEY, "ConsistentRead": True}, {"Item": ITEM}),
        "PutItem": (
            {"TableName": "state", "Item": ITEM, "ConditionExpression": "attribute_not_exists(pk)", **UNCHANGED},
            {"Attributes": ITEM},
        ),
        "UpdateItem": ({**CHANGE, "ReturnValues": "ALL_NEW"}, {"Attributes": ITEM}),
        "DeleteItem": ({"TableName": "state", "Key": KEY, **UNCHANGED}, {}),
        "Query": (
            {
                "TableName": "state",
                "IndexName": "due",
                "KeyConditionExpression": "#q = :q",
                "ExpressionAttributeNames": {"#q": "queue"},
                "ExpressionAttributeValues": {":q": {"S": "accounts"}},
                "ExclusiveStartKey": KEY,
                "Limit": 10,
                "ReturnConsumedCapacity": "TOTAL",
            },
            {"Items": [ITEM], "Count": 1, "LastEvaluatedKey": KEY, "ConsumedCapacity": {"CapacityUnits": 0.5}},
        ),
        "TransactWriteItems": (
            {
                "TransactItems": [
                    {"Put": {"TableName": "state", "Item": ITEM, **UNCHANGED}},
                    {"Update": CHANGE},
                    {"Delete": {"TableName": "state", "Key": KEY}},
                ],
                "ClientRequestToken": "0b1c",
            },
            {"ConsumedCapacity": [{"TableName": "state", "CapacityUnits": 4.0}]},
        ),
    },
    "secretsmanager": {
        "GetSecretValue": (
            {"SecretId": "quiet-hours/default"},
            {"ARN": "arn:1", "SecretString": "{}", "SecretBinary": "aGk=", "CreatedDate": 1795424400.5},
        ),
        "PutSecretValue": (
            {"SecretId": "quiet-hours/default", "SecretString": "{}", "ClientRequestToken": "0" * 32},
            {"ARN": "arn:1", "VersionStages": ["AWSCURRENT"]},
        ),
    },
    "sqs": {
        "SendMessage": ({"QueueUrl": QUEUE, "MessageBody": "x"}, {"MessageId": "1", "MD5OfMessageBody": MD5_OF_X}),
        "SendMessageBatch": (
            {
                "QueueUrl": QUEUE,
                "Entries": [{"Id": "0", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}],
            },
            {
                "Successful": [{"Id": "0", "MessageId": "1", "MD5OfMessageBody": MD5_OF_X}],
                "Failed": [{"Id": "1", "SenderFault": True, "Code": "InternalError"}],
            },
        ),
    },
}
"""By service and operation: a request as the function makes it, and a reply."""
EVERY = [(service, operation) for service, operations in USED.items() for operation in operations]
REGIONS = ["eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1"]
NOW = datetime(2026, 3, 3, 12)  # noqa: DTZ001  botocore's own are naive

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def make(folders: dict[str, Path]) -> Make:
    """Makes a client from the layer's data, or from those botocore came with."""
    data = [str(folders["RuntimeLayer"] / "python" / "botocore" / "data")]
    sessions = {whole: botocore.session.Session() for whole in (True, False)}
    sessions[False].register_component("data_loader", Loader(data, include_default_search_paths=False))

    def client(service: str, *, whole: bool, region: str = "eu-west-1", **options: Any) -> Any:
        config = Config(retries={"total_max_attempts": 1}, **options)
        return sessions[whole].create_client(
            service, region_name=region, config=config, aws_access_key_id="access", aws_secret_access_key="secret"
        )

    return client


@pytest.fixture
def at_one_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures have a time in them, requests a random id."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_: NOW)
    monkeypatch.setattr("uuid.uuid4", lambda: UUID(int=1))


def exchange(client: Any, operation: str, request: dict[str, Any], status: int, reply: dict[str, Any]) -> Any:
    """What goes over the wire, and what comes of the reply."""
    sent = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append((request.method, request.url, dict(request.headers), request.body))
        response = AWSResponse(request.url, status, {"x-amzn-requestid": "1"}, None)  # type: ignore[arg-type]
        response._content = json.dumps(reply).encode()  # type: ignore[attr-defined]
        return response

    client.meta.events.register("before-send", answer)
    try:
        outcome: Any = getattr(client, xform_name(operation))(**request)
    except ClientError as error:
        outcome = (type(error).__name__, str(error), error.response)
    client.meta.events.unregister("before-send", answer)
    return sent, outcome


def test_the_layer_has_the_version_that_is_compared(folders: dict[str, Path]) -> None:
    assert (folders["RuntimeLayer"] / "python" / f"botocore-{botocore.__version__}.dist-info").is_dir()


def test_what_is_compared_is_all_that_is_kept() -> None:
    assert {service: frozenset(operations) for service, operations in USED.items()} == OPERATIONS


@pytest.mark.usefixtures("at_one_instant")
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize(("service", "operation"), EVERY)
def test_requests_and_replies_are_the_same(make: Make, service: str, operation: str, region: str) -> None:
    request, reply = USED[service][operation]
    whole, trimmed = (
        exchange(make(service, whole=one, region=region), operation, request, 200, reply) for one in (True, False)
    )
    ((_, url, headers, body),), parsed = whole
    assert url.startswith("https://")
    assert b"Credential=access/20260303/" in headers["Authorization"]
    assert json.loads(body).keys() == request.keys()
    assert parsed.keys() == {*reply, "ResponseMetadata"}
    assert trimmed == whole


@pytest.mark.parametrize("options", [{"use_fips_endpoint": True}, {"use_dualstack_endpoint": True}])
@pytest.mark.parametrize("service", USED)
def test_so_are_the_other_endpoints(make: Make, service: str, options: dict[str, bool]) -> None:
    urls = {make(service, whole=one, **options).meta.endpoint_url for one in (True, False)}
    assert len(urls) == 1
    assert urls != {make(service, whole=True).meta.endpoint_url}


@pytest.mark.usefixtures("at_one_instant")
@pytest.mark.parametrize(("service", "operation"), EVERY)
def test_errors_are_the_same_and_of_the_same_class(make: Make, service: str, operation: str) -> None:
    request, _ = USED[service][operation]
    whole, trimmed = make(service, whole=True), make(service, whole=False)
    shapes = whole.meta.service_model.operation_model(operation).error_shapes
    classes = {shape.error_code: shape.name for shape in shapes}
    assert classes
    for code, name in {**classes, "ValidationException": "ClientError"}.items():
        reply = {
            "__type": f"com.amazonaws#{code}",
            "message": "no",
            "Item": ITEM,
            "CancellationReasons": [{"Code": "ConditionalCheckFailed", "Item": ITEM}],
        }
        one, other = (exchange(client, operation, request, 400, reply) for client in (whole, trimmed))
        assert one[1][0] == name
        assert other == one


@pytest.mark.parametrize("service", USED)
def test_what_is_not_used_is_gone(make: Make, service: str) -> None:
    whole, trimmed = (make(service, whole=one).meta.service_model.operation_names for one in (True, False))
    assert set(trimmed) == OPERATIONS[service] < set(whole)
    with pytest.raises(UnknownServiceError):
        make("sts", whole=False)


def test_an_operation_that_botocore_does_not_know_fails_the_build() -> None:
    model = {"operations": {"GetItem": {"input": {"shape": "In"}}}, "shapes": {"In": {}, "Other": {}}}
    assert trim_model(model, frozenset({"GetItem"}))["shapes"] == {"In": {}}
    with pytest.raises(KeyError, match="GetThing"):
        trim_model(model, frozenset({"GetThing"}))
