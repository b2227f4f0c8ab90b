"""The clients in `local.inmemory` behave as the real ones: the same tests on them and on boto3 against MiniStack.

Where the emulator differs from what AWS documents, the test follows AWS and says so at `on_emulator`.
"""

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyValidationError,
)
from botocore.exceptions import ClientError

from local.emulator import ACCOUNT_ID, REGION, Emulator
from local.inmemory import DynamoDB, Index, Queue, Queues, Redrive, SecretsManager, Table

STATE = Table(
    {"pk": "S", "sk": "S"},
    {"due": Index({"lane": "S", "due": "N"}), "slim": Index({"lane": "S", "due": "N"}, "KEYS_ONLY")},
)
LOG = Table({"id": "S", "at": "N"})
PLAIN = Table({"id": "S"})
TABLES = {"state": STATE, "log": LOG, "plain": PLAIN}

QUEUES = {
    "standard": Queue(),
    "short": Queue(visibility_timeout=1),
    "redriven": Queue(visibility_timeout=1, redrive=Redrive("standard", 1)),
    "queue.fifo": Queue(),
    "short.fifo": Queue(visibility_timeout=1),
    "content.fifo": Queue(content_based_deduplication=True),
    "by-group.fifo": Queue(deduplicates_by_group=True),
    "redriven.fifo": Queue(visibility_timeout=1, redrive=Redrive("queue.fifo", 1)),
}

_unique = itertools.count()


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Engine:
    """The three clients, and what else a test needs of where they come from."""

    dynamodb: Any
    sqs: Any
    secrets: Any
    url: Callable[[str], str]
    wait: Callable[[float], None]
    on_emulator: bool


def in_memory() -> Engine:
    clock = Clock()
    sqs, secrets = Queues(QUEUES, clock), SecretsManager(clock)
    return Engine(DynamoDB(TABLES), sqs, secrets, lambda name: name, clock.wait, on_emulator=False)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Emulator(tmp_path_factory.mktemp("emulator") / "run") as running:
        dynamodb, sqs, secrets = (running.client(service) for service in ("dynamodb", "sqs", "secretsmanager"))
        for name, table in TABLES.items():
            dynamodb.create_table(**_definition(name, table))
        yield Engine(dynamodb, sqs, secrets, lambda name: _new_queue(sqs, name), time.sleep, on_emulator=True)
        for client in (dynamodb, sqs, secrets):
            client.close()


def _new_queue(sqs: Any, name: str) -> str:
    """A queue of these settings that no other test uses; its dead-letter queue is the last one made of that name."""
    settings = QUEUES[name]
    attributes = {"VisibilityTimeout": str(settings.visibility_timeout)}
    if name.endswith(".fifo"):
        attributes["FifoQueue"] = "true"
    if settings.content_based_deduplication:
        attributes["ContentBasedDeduplication"] = "true"
    if settings.deduplicates_by_group:
        attributes |= {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    if settings.redrive is not None:
        urls = sqs.list_queues()["QueueUrls"]
        dead = max((url for url in urls if url.endswith(f"-{settings.redrive.url}")), key=_number)
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{dead.rpartition('/')[2]}"
        attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    return str(sqs.create_queue(QueueName=f"{next(_unique)}-{name}", Attributes=attributes)["QueueUrl"])


def _number(url: str) -> int:
    return int(url.rpartition("/")[2].partition("-")[0])


def _definition(name: str, table: Table) -> dict[str, Any]:
    types = dict(table.keys)
    for index in table.indexes.values():
        types |= index.keys
    definition: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()],
        "KeySchema": _schema(table.keys),
    }
    if table.indexes:
        definition["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index_name,
                "KeySchema": _schema(index.keys),
                "Projection": {"ProjectionType": index.projection},
            }
            for index_name, index in table.indexes.items()
        ]
    return definition


def _schema(keys: Any) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": role} for key, role in zip(keys, ("HASH", "RANGE"), strict=False)]


@pytest.fixture(params=["memory", "emulator"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "memory":
        return in_memory()
    running: Engine = request.getfixturevalue("emulator")
    return running


@pytest.fixture
def pk() -> str:
    """A partition that no other test uses."""
    return f"account#{next(_unique)}"


def key(pk: str, sk: str = "a") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(engine: Engine, pk: str, sk: str = "a", **attributes: Any) -> dict[str, Any]:
    item = {**key(pk, sk), **attributes}
    engine.dynamodb.put_item(TableName="state", Item=item)
    return item


def get(engine: Engine, pk: str, sk: str = "a") -> dict[str, Any] | None:
    answer = engine.dynamodb.get_item(TableName="state", Key=key(pk, sk), ConsistentRead=True)
    item: dict[str, Any] | None = answer.get("Item")
    return item


def update(engine: Engine, pk: str, expression: str, sk: str = "a", **more: Any) -> Any:
    return engine.dynamodb.update_item(TableName="state", Key=key(pk, sk), UpdateExpression=expression, **more)


def refusal(work: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        work()
    return caught.value.response["Error"]["Code"]


# ---- items -----------------------------------------------------------------------------------------------------------


def test_an_item_comes_back_as_it_went_in(engine: Engine, pk: str) -> None:
    item = put(
        engine,
        pk,
        text={"S": "ünïcode"},
        number={"N": "12.5"},
        yes={"BOOL": True},
        nothing={"NULL": True},
        parts={"L": [{"S": "x"}, {"N": "1"}]},
        map={"M": {"inner": {"M": {}}}},
        names={"SS": ["a", "b"]},
    )
    found = get(engine, pk)
    assert found is not None
    assert sorted(found.pop("names")["SS"]) == item.pop("names")["SS"]
    assert found == item


@pytest.mark.parametrize("letter", ["x", "\u00e9"])
def test_a_key_is_bounded(engine: Engine, pk: str, letter: str) -> None:
    size = len(letter.encode())
    put(engine, pk, letter * (1024 // size))
    if engine.on_emulator:  # AWS: "The minimum length of a sort key value is 1 byte. The maximum length is 1024 bytes."
        return
    for too_long in (key(pk, letter * (1024 // size + 1)), key("x" * 2049)):
        assert refusal(partial(engine.dynamodb.get_item, TableName="state", Key=too_long)) == "ValidationException"
        assert refusal(partial(engine.dynamodb.put_item, TableName="state", Item=too_long)) == "ValidationException"


def test_no_item(engine: Engine, pk: str) -> None:
    assert get(engine, pk) is None


def test_an_item_handed_out_is_a_copy(engine: Engine, pk: str) -> None:
    item = put(engine, pk, n={"N": "1"})
    item["later"] = {"S": "x"}
    found = get(engine, pk)
    assert found is not None
    found["n"] = {"N": "2"}
    assert get(engine, pk) == {**key(pk), "n": {"N": "1"}}


@pytest.mark.parametrize(
    ("given", "kept"),
    [("007", "7"), ("1.50", "1.5"), ("-0", "0"), ("1700000000.0", "1700000000"), ("1e3", "1000"), ("-0.50", "-0.5")],
)
def test_numbers_are_written_in_one_way(engine: Engine, pk: str, given: str, kept: str) -> None:
    put(engine, pk, n={"N": given}, inner={"M": {"l": {"L": [{"N": given}]}}})
    found = get(engine, pk)
    assert found is not None
    assert found["n"] == {"N": kept}
    assert found["inner"] == {"M": {"l": {"L": [{"N": kept}]}}}


@pytest.mark.parametrize("text", ["abc", "NaN", "1" * 39, ""])
def test_what_is_no_number(engine: Engine, pk: str, text: str) -> None:
    assert refusal(lambda: put(engine, pk, n={"N": text})) == "ValidationException"


def test_an_item_is_replaced_whole(engine: Engine, pk: str) -> None:
    put(engine, pk, old={"S": "x"})
    put(engine, pk, new={"S": "y"})
    assert get(engine, pk) == {**key(pk), "new": {"S": "y"}}


def test_projection_of_an_item(engine: Engine, pk: str) -> None:
    put(engine, pk, a={"S": "x"}, b={"S": "y"}, c={"S": "z"})

    def read(expression: str) -> Any:
        return engine.dynamodb.get_item(
            TableName="state",
            Key=key(pk),
            ProjectionExpression=expression,
            ExpressionAttributeNames={"#a": "a"},
        )["Item"]

    assert read("#a, b, gone") == {"a": {"S": "x"}, "b": {"S": "y"}}


def test_deleting(engine: Engine, pk: str) -> None:
    put(engine, pk)
    for _ in range(2):
        engine.dynamodb.delete_item(TableName="state", Key=key(pk))
        assert get(engine, pk) is None


@pytest.mark.parametrize(
    "wrong", [{"pk": {"S": "x"}}, {**key("x"), "more": {"S": "x"}}, {"pk": {"N": "1"}, "sk": {"S": "a"}}, key("")]
)
def test_a_key_that_is_not_the_tables(engine: Engine, wrong: dict[str, Any]) -> None:
    assert refusal(lambda: engine.dynamodb.get_item(TableName="state", Key=wrong)) == "ValidationException"


def test_an_item_without_its_key(engine: Engine) -> None:
    put_item = engine.dynamodb.put_item
    assert refusal(lambda: put_item(TableName="state", Item={"pk": {"S": "x"}})) == "ValidationException"


def test_an_item_too_large(engine: Engine, pk: str) -> None:
    assert refusal(lambda: put(engine, pk, text={"S": "x" * 409_600})) == "ValidationException"


def test_no_such_table(engine: Engine) -> None:
    with pytest.raises(engine.dynamodb.exceptions.ResourceNotFoundException):
        engine.dynamodb.get_item(TableName="none", Key=key("x"))


def test_many_items_at_once(engine: Engine, pk: str) -> None:
    items = [put(engine, pk, str(number), n={"N": str(number)}) for number in range(3)]
    engine.dynamodb.put_item(TableName="plain", Item={"id": {"S": pk}, "n": {"N": "9"}})
    answer = engine.dynamodb.batch_get_item(
        RequestItems={
            "state": {"Keys": [key(pk, "2"), key(pk, "0"), key(pk, "7"), key(pk, "1")], "ConsistentRead": True},
            "plain": {
                "Keys": [{"id": {"S": pk}}],
                "ProjectionExpression": "#n",
                "ExpressionAttributeNames": {"#n": "n"},
            },
        }
    )
    assert sorted(answer["Responses"]["state"], key=lambda item: str(item["sk"]["S"])) == items
    assert answer["Responses"]["plain"] == [{"n": {"N": "9"}}]
    assert answer["UnprocessedKeys"] == {}


@pytest.mark.parametrize("sks", [["a", "a"], [str(number) for number in range(101)]])
def test_too_many_or_the_same_key_twice_at_once(engine: Engine, pk: str, sks: list[str]) -> None:
    request = {"state": {"Keys": [key(pk, sk) for sk in sks]}}
    assert refusal(lambda: engine.dynamodb.batch_get_item(RequestItems=request)) == "ValidationException"


# ---- conditions ------------------------------------------------------------------------------------------------------

ITEM: dict[str, Any] = {
    "n": {"N": "10"},
    "f": {"N": "9.5"},
    "s": {"S": "abc"},
    "yes": {"BOOL": True},
    "ss": {"SS": ["a", "b"]},
}
CONDITIONS = [
    ("attribute_exists(n)", True),
    ("attribute_exists(x)", False),
    ("attribute_not_exists(x)", True),
    ("attribute_not_exists(#n)", False),
    ("n = :ten", True),
    ("n = :ten_point", True),
    ("n = :text_ten", False),
    ("n <> :ten", False),
    ("n <> :text_ten", True),
    ("x <> :ten", True),
    ("x = :ten", False),
    ("n > :nine", True),
    ("n < :nine", False),
    ("n >= :ten", True),
    ("n <= :ten", True),
    (":nine < n", True),
    ("f < n", True),
    ("n > :text_ten", False),
    ("x < :ten", False),
    ("x > :ten", False),
    ("NOT x < :ten", True),
    ("s > :ab", True),
    ("begins_with(s, :ab)", True),
    ("begins_with(s, :text_ten)", False),
    ("begins_with(x, :ab)", False),
    ("n BETWEEN :nine AND :ten", True),
    ("f BETWEEN :nine AND :ten", True),
    ("n BETWEEN :nine AND :nine", False),
    ("x BETWEEN :nine AND :ten", False),
    ("yes = :yes", True),
    ("ss = :ss", True),
    ("attribute_exists(n) AND attribute_exists(x)", False),
    ("attribute_exists(x) OR attribute_exists(n)", True),
    ("attribute_exists(n) OR attribute_exists(x) AND attribute_exists(x)", True),
    ("(attribute_exists(n) OR attribute_exists(x)) AND attribute_exists(x)", False),
    ("NOT attribute_exists(x) AND attribute_exists(n)", True),
    ("NOT (attribute_exists(x) OR attribute_exists(n))", False),
    ("attribute_exists(n) and not n < :nine", True),
    ("n BETWEEN :nine AND :ten AND attribute_exists(x)", False),
]
VALUES = {
    ":ten": {"N": "10"},
    ":ten_point": {"N": "10.0"},
    ":text_ten": {"S": "10"},
    ":nine": {"N": "9"},
    ":ab": {"S": "ab"},
    ":yes": {"BOOL": True},
    ":ss": {"SS": ["b", "a"]},
}


def used(expression: str) -> dict[str, Any]:
    """The names and values of an expression, and no others: AWS refuses what is not used."""
    words = expression.replace("(", " ").replace(")", " ").replace(",", " ").split()
    values = {name: value for name, value in VALUES.items() if name in words}
    more: dict[str, Any] = {"ExpressionAttributeNames": {"#n": "n"}} if "#n" in words else {}
    return {**more, "ExpressionAttributeValues": values} if values else more


@pytest.mark.parametrize(("condition", "met"), CONDITIONS)
def test_conditions(engine: Engine, pk: str, condition: str, met: bool) -> None:
    item = put(engine, pk, **ITEM)
    try:
        engine.dynamodb.put_item(TableName="state", Item=key(pk), ConditionExpression=condition, **used(condition))
    except engine.dynamodb.exceptions.ConditionalCheckFailedException:
        assert not met
        found = get(engine, pk)
        assert found is not None
        assert found | {"ss": item["ss"]} == item
    else:
        assert met
        assert get(engine, pk) == key(pk)


@pytest.mark.parametrize(
    ("condition", "more"),
    [
        ("n =", {}),
        ("n", {}),
        ("AND = n", {}),
        ("n = :x", {}),
        ("#x = n", {}),
        ("(n = f", {}),
        ("n = f f", {}),
        ("", {}),
        ("n = f", {"ExpressionAttributeValues": {":unused": {"S": "x"}}}),
        ("n = f", {"ExpressionAttributeNames": {"#unused": "x"}}),
        ("begins_with(s, :x)", {"ExpressionAttributeValues": {":x": {"N": "1"}}}),
        ("begins_with(n, :x)", {"ExpressionAttributeValues": {":x": {"S": "1"}}}),
    ],
)
def test_conditions_that_make_no_sense(engine: Engine, pk: str, condition: str, more: dict[str, Any]) -> None:
    put(engine, pk, **ITEM)

    def write() -> None:
        engine.dynamodb.put_item(TableName="state", Item=key(pk), ConditionExpression=condition, **more)

    assert refusal(write) == "ValidationException"


def writes(engine: Engine, pk: str) -> dict[str, Callable[..., Any]]:
    condition = {
        "TableName": "state",
        "ConditionExpression": "n < :nine",
        "ExpressionAttributeValues": {":nine": {"N": "9"}},
    }
    return {
        "put": lambda **more: engine.dynamodb.put_item(Item={**key(pk), "new": {"S": "x"}}, **condition, **more),
        "update": lambda **more: engine.dynamodb.update_item(
            Key=key(pk), UpdateExpression="REMOVE s", **condition, **more
        ),
        "delete": lambda **more: engine.dynamodb.delete_item(Key=key(pk), **condition, **more),
    }


@pytest.mark.parametrize("kind", ["put", "update", "delete"])
def test_a_refused_write_tells_the_item_and_changes_nothing(engine: Engine, pk: str, kind: str) -> None:
    item = put(engine, pk, n={"N": "10"}, s={"S": "x"})
    write = writes(engine, pk)[kind]
    with pytest.raises(engine.dynamodb.exceptions.ConditionalCheckFailedException) as refused:
        write(ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"] == item
    with pytest.raises(engine.dynamodb.exceptions.ConditionalCheckFailedException) as refused:
        write()
    assert "Item" not in refused.value.response
    assert get(engine, pk) == item


@pytest.mark.parametrize("kind", ["put", "update", "delete"])
def test_a_refused_write_of_no_item(engine: Engine, pk: str, kind: str) -> None:
    with pytest.raises(engine.dynamodb.exceptions.ConditionalCheckFailedException) as refused:
        writes(engine, pk)[kind](ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert "Item" not in refused.value.response
    assert get(engine, pk) is None


# ---- updates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "after"),
    [
        ("SET a = :x", {"a": {"S": "x"}}),
        ("SET #n = :one, a = :x", {"n": {"N": "1"}, "a": {"S": "x"}}),
        ("SET n = n + :one", {"n": {"N": "11"}}),
        ("SET n = n - :half", {"n": {"N": "9.5"}}),
        ("SET n = :one - n", {"n": {"N": "-9"}}),
        ("SET m = f + n", {"m": {"N": "19.5"}}),
        ("SET a = if_not_exists(a, :x), n = if_not_exists(n, :one)", {"a": {"S": "x"}}),
        ("SET k = if_not_exists(k, :one) + :one", {"k": {"N": "2"}}),
        ("SET n = f, f = n", {"n": {"N": "9.5"}, "f": {"N": "10"}}),
        ("REMOVE s, gone", {"s": None}),
        ("ADD n :one", {"n": {"N": "11"}}),
        ("ADD n :half, k :one", {"n": {"N": "10.5"}, "k": {"N": "1"}}),
        ("SET a = :x REMOVE s ADD n :one", {"a": {"S": "x"}, "s": None, "n": {"N": "11"}}),
        ("remove s set a = :x", {"a": {"S": "x"}, "s": None}),
    ],
)
def test_updates(engine: Engine, pk: str, expression: str, after: dict[str, Any]) -> None:
    item = put(engine, pk, n={"N": "10"}, f={"N": "9.5"}, s={"S": "abc"})
    words = expression.replace("(", " ").replace(")", " ").replace(",", " ").split()
    values = {":x": {"S": "x"}, ":one": {"N": "1"}, ":half": {"N": "0.5"}}
    more: dict[str, Any] = {}
    if any(name in words for name in values):
        more["ExpressionAttributeValues"] = {name: value for name, value in values.items() if name in words}
    if "#n" in words:
        more["ExpressionAttributeNames"] = {"#n": "n"}
    answer = update(engine, pk, expression, ReturnValues="UPDATED_NEW", **more)
    expected = {name: value for name, value in {**item, **after}.items() if value is not None}
    assert get(engine, pk) == expected
    touched = [name for name in (*after, *(["n"] if "if_not_exists(n" in expression else [])) if name in expected]
    assert answer.get("Attributes", {}) == {name: expected[name] for name in touched}


# AWS refuses them: "An operand in the update expression has an incorrect data type", "Two document paths overlap with
# each other", 'The "SET" section can only be used once', "Syntax error".
UPDATES_MINISTACK_TAKES = frozenset(
    {"SET s = s + :one", "SET a = :one, a = :one", "SET a = :one SET b = :one", "SET a :one", "SET"}
)


@pytest.mark.parametrize(
    "expression",
    [
        "SET a = gone",
        "SET a = gone + :one",
        "SET s = s + :one",
        "ADD s :one",
        "SET a = :one, a = :one",
        "SET a = :one SET b = :one",
        "SET pk = :one",
        "a = :one",
        "SET a :one",
        "SET",
        "",
    ],
)
def test_updates_that_cannot_be(engine: Engine, pk: str, expression: str) -> None:
    item = put(engine, pk, s={"S": "x"})
    more: Any = {"ExpressionAttributeValues": {":one": {"N": "1"}}} if ":one" in expression else {}
    if engine.on_emulator and expression in UPDATES_MINISTACK_TAKES:
        update(engine, pk, expression, **more)
        return
    assert refusal(lambda: update(engine, pk, expression, **more)) == "ValidationException"
    assert get(engine, pk) == item


def test_the_condition_comes_before_what_is_wrong_with_the_update(engine: Engine, pk: str) -> None:
    put(engine, pk, s={"S": "x"})
    with pytest.raises(engine.dynamodb.exceptions.ConditionalCheckFailedException):
        update(engine, pk, "SET a = gone", ConditionExpression="attribute_exists(a)")


def test_an_update_makes_the_item(engine: Engine, pk: str) -> None:
    answer = update(
        engine, pk, "SET n = :one", ExpressionAttributeValues={":one": {"N": "1.0"}}, ReturnValues="ALL_NEW"
    )
    assert answer["Attributes"] == get(engine, pk) == {**key(pk), "n": {"N": "1"}}


def test_an_update_that_only_removes_makes_the_item_too(engine: Engine, pk: str) -> None:
    assert "Attributes" not in update(engine, pk, "REMOVE n")
    assert get(engine, pk) == key(pk)


def test_a_lease(engine: Engine, pk: str) -> None:
    def take(owner: str, now: int) -> bool:
        try:
            update(
                engine,
                pk,
                "SET #owner = :owner, #until = :until",
                ConditionExpression="attribute_not_exists(#until) OR #until < :now",
                ExpressionAttributeNames={"#owner": "owner", "#until": "until"},
                ExpressionAttributeValues={
                    ":owner": {"S": owner},
                    ":until": {"N": str(now + 10)},
                    ":now": {"N": str(now)},
                },
            )
        except engine.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    assert [take("a", 90), take("b", 95), take("b", 100), take("b", 101)] == [True, False, False, True]


# ---- queries ---------------------------------------------------------------------------------------------------------


def query(engine: Engine, condition: str, table: str = "state", **more: Any) -> Any:
    values = {name: value for name, value in more.pop("values").items() if name in condition.replace(",", " ").split()}
    return engine.dynamodb.query(
        TableName=table, KeyConditionExpression=condition, ExpressionAttributeValues=values, **more
    )


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("pk = :p", ["a", "a#1", "a#10", "a#2", "b", "é"]),
        ("pk = :p AND sk = :a1", ["a#1"]),
        ("pk = :p AND sk < :a1", ["a"]),
        ("pk = :p AND sk <= :a1", ["a", "a#1"]),
        ("pk = :p AND sk > :a2", ["b", "é"]),
        ("pk = :p AND sk >= :a2", ["a#2", "b", "é"]),
        ("pk = :p AND sk BETWEEN :a1 AND :a2", ["a#1", "a#10", "a#2"]),
        ("pk = :p AND begins_with( sk , :a1 )", ["a#1", "a#10"]),
        ("sk >= :a2 AND pk = :p", ["a#2", "b", "é"]),
        ("( pk = :p ) AND ( sk = :a1 )", ["a#1"]),
    ],
)
def test_key_conditions(engine: Engine, pk: str, condition: str, found: list[str]) -> None:
    for sk in ("b", "a#2", "a", "é", "a#10", "a#1"):
        put(engine, pk, sk)
    put(engine, f"{pk}#other", "a#1")
    values = {":p": {"S": pk}, ":a1": {"S": "a#1"}, ":a2": {"S": "a#2"}}
    answer = query(engine, condition, values=values)
    assert [item["sk"]["S"] for item in answer["Items"]] == found
    assert answer["Count"] == answer["ScannedCount"] == len(found)
    assert "LastEvaluatedKey" not in answer
    backwards = query(engine, condition, values=values, ScanIndexForward=False, ConsistentRead=True)
    assert [item["sk"]["S"] for item in backwards["Items"]] == found[::-1]
    counted = query(engine, condition, values=values, Select="COUNT")
    assert counted["Count"] == len(found)
    assert not counted.get("Items")


# AWS refuses them: "Unsupported operator on KeyCondition", "Invalid operator used in KeyConditionExpression: OR",
# "Syntax error".
KEY_CONDITIONS_MINISTACK_TAKES = frozenset({"pk = :a AND sk <> :a", "pk = :a OR sk = :a", "pk = :a AND"})


@pytest.mark.parametrize(
    "condition",
    [
        "sk = :a",
        "pk > :a",
        "pk = :a AND sk <> :a",
        "pk = :a AND x = :a",
        "pk = :a OR sk = :a",
        "pk = :a AND sk = :n",
        "pk = :a AND sk BETWEEN :b AND :a",
        "pk = :a AND sk > :a AND sk < :b",
        "pk = :a AND",
    ],
)
def test_key_conditions_that_make_no_sense(engine: Engine, condition: str) -> None:
    values = {":a": {"S": "a"}, ":b": {"S": "b"}, ":n": {"N": "1"}}
    if engine.on_emulator and condition in KEY_CONDITIONS_MINISTACK_TAKES:
        query(engine, condition, values=values)
        return
    assert refusal(lambda: query(engine, condition, values=values)) == "ValidationException"


def test_numbers_are_ordered_as_numbers(engine: Engine, pk: str) -> None:
    for at in ("10", "9", "-1", "9.5", "100"):
        engine.dynamodb.put_item(TableName="log", Item={"id": {"S": pk}, "at": {"N": at}})
    values = {":p": {"S": pk}, ":from": {"N": "9.0"}}
    answer = query(engine, "id = :p AND #at >= :from", "log", values=values, ExpressionAttributeNames={"#at": "at"})
    assert [item["at"]["N"] for item in answer["Items"]] == ["9", "9.5", "10", "100"]


def test_a_table_without_a_sort_key(engine: Engine, pk: str) -> None:
    engine.dynamodb.put_item(TableName="plain", Item={"id": {"S": pk}})
    answer = query(engine, "id = :p", "plain", values={":p": {"S": pk}}, Limit=1)
    assert answer["Items"] == [{"id": {"S": pk}}]
    again = query(engine, "id = :p", "plain", values={":p": {"S": pk}}, ExclusiveStartKey=answer["LastEvaluatedKey"])
    assert again["Items"] == []
    assert query(engine, "id = :p", "plain", values={":p": {"S": "nobody"}})["Items"] == []


def pages(engine: Engine, condition: str, **more: Any) -> list[list[str]]:
    """The sort keys, page by page."""
    found: list[list[str]] = []
    start: dict[str, Any] = {}
    while True:
        answer = query(engine, condition, **more, **start)
        found.append([item["sk"]["S"] for item in answer["Items"]])
        if "LastEvaluatedKey" not in answer:
            return found
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


@pytest.mark.parametrize("forward", [True, False])
def test_pages_of_a_table(engine: Engine, pk: str, forward: bool) -> None:
    for number in range(4):
        put(engine, pk, str(number))
    put(engine, f"{pk}#other", "2")
    found = pages(engine, "pk = :p", values={":p": {"S": pk}}, Limit=2, ScanIndexForward=forward)
    # a page that ends with the last item does not know it
    assert found == ([["0", "1"], ["2", "3"], []] if forward else [["3", "2"], ["1", "0"], []])


def test_a_page_goes_on_behind_an_item_that_is_gone(engine: Engine, pk: str) -> None:
    for number in range(3):
        put(engine, pk, str(number))
    start = query(engine, "pk = :p", values={":p": {"S": pk}}, Limit=2)["LastEvaluatedKey"]
    assert start == key(pk, "1")
    engine.dynamodb.delete_item(TableName="state", Key=start)
    answer = query(engine, "pk = :p", values={":p": {"S": pk}}, ExclusiveStartKey=start)
    assert [item["sk"]["S"] for item in answer["Items"]] == ["2"]


def test_a_page_holds_a_megabyte(engine: Engine, pk: str) -> None:
    for number in range(4):
        put(engine, pk, str(number), text={"S": "x" * 300_000})
    assert pages(engine, "pk = :p", values={":p": {"S": pk}}) == [["0", "1", "2"], ["3"]]


def test_a_projected_query(engine: Engine, pk: str) -> None:
    put(engine, pk, a={"S": "x"}, b={"S": "y"})
    answer = query(
        engine,
        "#p = :p",
        values={":p": {"S": pk}},
        ProjectionExpression="#a, sk",
        ExpressionAttributeNames={"#p": "pk", "#a": "a"},
    )
    assert answer["Items"] == [{"a": {"S": "x"}, "sk": {"S": "a"}}]


# ---- the sparse index ------------------------------------------------------------------------------------------------


def due(engine: Engine, lane: str, now: str = "100", index: str = "due", **more: Any) -> list[Any]:
    values = {":s": {"S": lane}, ":now": {"N": now}}
    items: list[Any] = query(engine, "lane = :s AND due <= :now", values=values, IndexName=index, **more)["Items"]
    return items


def test_an_item_is_in_the_index_while_it_has_both_attributes(engine: Engine, pk: str) -> None:
    put(engine, pk, lane={"S": pk})
    assert due(engine, pk) == []
    update(engine, pk, "SET due = :d", ExpressionAttributeValues={":d": {"N": "99"}})
    assert due(engine, pk) == [{**key(pk), "lane": {"S": pk}, "due": {"N": "99"}}]
    update(engine, pk, "SET due = :d, x = :d", ExpressionAttributeValues={":d": {"N": "101"}})
    assert due(engine, pk) == []
    assert due(engine, pk, "101") == [get(engine, pk)]
    update(engine, pk, "REMOVE due")
    assert due(engine, pk, "1000") == []
    update(engine, pk, "SET due = :d", ExpressionAttributeValues={":d": {"N": "1"}})
    update(engine, pk, "SET lane = :s", ExpressionAttributeValues={":s": {"S": f"{pk}#2"}})
    assert (due(engine, pk), len(due(engine, f"{pk}#2"))) == ([], 1)
    put(engine, pk)
    assert due(engine, f"{pk}#2") == []
    put(engine, pk, lane={"S": pk}, due={"N": "5"})
    assert len(due(engine, pk)) == 1
    engine.dynamodb.delete_item(TableName="state", Key=key(pk))
    assert due(engine, pk) == []


def test_the_index_is_in_order(engine: Engine, pk: str) -> None:
    for sk, at in (("a", "10"), ("b", "9"), ("c", "-5"), ("d", "9.5"), ("e", "200")):
        put(engine, pk, sk, lane={"S": pk}, due={"N": at})
    assert [item["sk"]["S"] for item in due(engine, pk)] == ["c", "b", "d", "a"]
    assert [item["sk"]["S"] for item in due(engine, pk, ScanIndexForward=False)] == ["a", "d", "b", "c"]


@pytest.mark.parametrize("index", ["due", "slim"])
@pytest.mark.parametrize("forward", [True, False])
def test_pages_of_an_index(engine: Engine, pk: str, index: str, forward: bool) -> None:
    for number in range(5):
        # two have the same instant: whichever comes first, no page may lose or repeat one
        put(engine, f"{pk}#{number}", str(number), lane={"S": pk}, due={"N": str(number // 2)}, x={"S": "x"})
    values = {":s": {"S": pk}, ":now": {"N": "1"}}
    condition = "lane = :s AND due <= :now"
    found = pages(engine, condition, values=values, IndexName=index, Limit=1, ScanIndexForward=forward)
    assert [len(page) for page in found] == [1, 1, 1, 1, 0]
    instants = [int(page[0]) // 2 for page in found[:-1]]
    assert instants == ([0, 0, 1, 1] if forward else [1, 1, 0, 0])
    assert {page[0] for page in found[:-1]} == {"0", "1", "2", "3"}


def test_where_a_page_of_an_index_goes_on(engine: Engine, pk: str) -> None:
    put(engine, pk, lane={"S": pk}, due={"N": "1"})
    values = {":s": {"S": pk}}
    answer = query(engine, "lane = :s", values=values, IndexName="due", Limit=1)
    assert answer["LastEvaluatedKey"] == {**key(pk), "lane": {"S": pk}, "due": {"N": "1"}}


def test_a_start_in_another_partition(engine: Engine, pk: str) -> None:
    def read() -> None:
        query(engine, "pk = :p", values={":p": {"S": pk}}, ExclusiveStartKey=key(f"{pk}#other"))

    assert refusal(read) == "ValidationException"


@pytest.mark.parametrize("lacking", ["pk", "due"])
def test_a_start_that_is_no_key_of_the_index(engine: Engine, pk: str, lacking: str) -> None:
    start = {**key(pk), "lane": {"S": pk}, "due": {"N": "1"}}
    del start[lacking]

    def read() -> None:
        query(engine, "lane = :s", values={":s": {"S": pk}}, IndexName="due", ExclusiveStartKey=start)

    assert refusal(read) == "ValidationException"


def test_an_index_of_keys_only(engine: Engine, pk: str) -> None:
    put(engine, pk, lane={"S": pk}, due={"N": "1"}, x={"S": "x"})
    keys = {**key(pk), "lane": {"S": pk}, "due": {"N": "1"}}
    assert due(engine, pk, index="slim") == [keys]
    assert due(engine, pk, index="slim", ProjectionExpression="sk") == [{"sk": {"S": "a"}}]
    if engine.on_emulator:  # AWS: a query "cannot fetch attributes from the parent table" of a global secondary index
        assert due(engine, pk, index="slim", ProjectionExpression="x") == [{}]
        return
    assert refusal(lambda: due(engine, pk, index="slim", ProjectionExpression="x")) == "ValidationException"


@pytest.mark.parametrize("more", [{"index": "none"}, {"ConsistentRead": True}])
def test_what_an_index_cannot(engine: Engine, pk: str, more: dict[str, Any]) -> None:
    assert refusal(lambda: due(engine, pk, **more)) == "ValidationException"


@pytest.mark.parametrize("wrong", [{"due": {"S": "soon"}}, {"lane": {"S": ""}}, {"lane": {"N": "1"}}])
def test_an_index_attribute_of_another_type(engine: Engine, pk: str, wrong: dict[str, Any]) -> None:
    assert refusal(lambda: put(engine, pk, **wrong)) == "ValidationException"
    ((name, value),) = wrong.items()

    def change() -> None:
        update(engine, pk, f"SET {name} = :v", ExpressionAttributeValues={":v": value})

    assert refusal(change) == "ValidationException"
    assert get(engine, pk) is None


def test_an_index_of_many() -> None:
    """Over a thousand entries are kept in pieces, which are split and emptied again."""
    engine, chance, model = in_memory(), random.Random(1), dict[str, int]()
    for step in range(6000):
        sk = str(chance.randrange(3000))
        if step > 4000 and chance.random() < 0.9:
            engine.dynamodb.delete_item(TableName="state", Key=key("p", sk))
            model.pop(sk, None)
        else:
            model[sk] = chance.randrange(500)
            put(engine, "p", sk, lane={"S": "l"}, due={"N": str(model[sk])})
        if step % 500 == 499:
            now = chance.randrange(500)
            expected = sorted((at, name) for name, at in model.items() if at <= now)
            for forward in (True, False):
                found = due(engine, "l", str(now), ScanIndexForward=forward)
                assert [(int(item["due"]["N"]), item["sk"]["S"]) for item in found] == expected[:: 1 if forward else -1]
    for sk in model:
        engine.dynamodb.delete_item(TableName="state", Key=key("p", sk))
    assert due(engine, "l", "1000") == []


# ---- transactions ----------------------------------------------------------------------------------------------------


def transact(engine: Engine, *actions: dict[str, Any], **more: Any) -> Any:
    items = [{kind: {"TableName": "state", **request} for kind, request in action.items()} for action in actions]
    return engine.dynamodb.transact_write_items(TransactItems=items, **more)


def four(pk: str) -> list[dict[str, Any]]:
    return [
        {"Put": {"Item": {**key(pk, "put"), "n": {"N": "1"}}, "ConditionExpression": "attribute_not_exists(pk)"}},
        {
            "Update": {
                "Key": key(pk, "update"),
                "UpdateExpression": "SET n = n + :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        },
        {"Delete": {"Key": key(pk, "delete")}},
        {
            "ConditionCheck": {
                "Key": key(pk, "check"),
                "ConditionExpression": "#n = :n",
                "ExpressionAttributeNames": {"#n": "n"},
                "ExpressionAttributeValues": {":n": {"N": "1"}},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
    ]


def contents(engine: Engine, pk: str) -> dict[str, str]:
    items = query(engine, "pk = :p", values={":p": {"S": pk}}, ConsistentRead=True)["Items"]
    return {item["sk"]["S"]: item["n"]["N"] for item in items}


def test_a_transaction(engine: Engine, pk: str) -> None:
    for sk in ("update", "delete", "check"):
        put(engine, pk, sk, n={"N": "1"})
    transact(engine, *four(pk))
    assert contents(engine, pk) == {"put": "1", "update": "2", "check": "1"}


def test_a_canceled_transaction_tells_why_and_changes_nothing(engine: Engine, pk: str) -> None:
    for sk in ("put", "update", "delete"):
        put(engine, pk, sk, n={"N": "1"})
    checked = put(engine, pk, "check", n={"N": "2"})
    before = contents(engine, pk)
    with pytest.raises(engine.dynamodb.exceptions.TransactionCanceledException) as canceled:
        transact(engine, *four(pk))
    response = canceled.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in response["CancellationReasons"]] == [
        "ConditionalCheckFailed",
        "None",
        "None",
        "ConditionalCheckFailed",
    ]
    assert "Item" not in response["CancellationReasons"][0]
    assert response["CancellationReasons"][3]["Item"] == checked
    assert response["CancellationReasons"][3]["Message"] == "The conditional request failed"
    assert "[ConditionalCheckFailed, None, None, ConditionalCheckFailed]" in response["Error"]["Message"]
    assert contents(engine, pk) == before


def test_a_transaction_is_canceled_by_an_update_that_cannot_be(engine: Engine, pk: str) -> None:
    with pytest.raises(engine.dynamodb.exceptions.TransactionCanceledException) as canceled:
        transact(engine, *four(pk)[:2])
    assert [reason["Code"] for reason in canceled.value.response["CancellationReasons"]] == ["None", "ValidationError"]
    assert get(engine, pk, "put") is None


def test_a_transaction_moves_items_in_the_index(engine: Engine, pk: str) -> None:
    put(engine, pk, "a", lane={"S": pk}, due={"N": "1"})
    transact(
        engine,
        {"Update": {"Key": key(pk, "a"), "UpdateExpression": "REMOVE due"}},
        {"Put": {"Item": {**key(pk, "b"), "lane": {"S": pk}, "due": {"N": "2"}}}},
    )
    assert [item["sk"]["S"] for item in due(engine, pk)] == ["b"]


def test_too_many_actions_in_a_transaction(engine: Engine, pk: str) -> None:
    actions = [{"Delete": {"Key": key(pk, str(sk))}} for sk in range(101)]
    assert refusal(lambda: transact(engine, *actions)) == "ValidationException"


def test_one_item_twice_in_a_transaction(engine: Engine, pk: str) -> None:
    action = {"Delete": {"Key": key(pk)}}
    assert refusal(lambda: transact(engine, action, {"Put": {"Item": key(pk)}})) == "ValidationException"
    assert refusal(lambda: transact(engine, action, action)) == "ValidationException"


# ---- capacity --------------------------------------------------------------------------------------------------------


def units(answer: Any) -> float:
    capacity = answer["ConsumedCapacity"]
    return float((capacity[0] if isinstance(capacity, list) else capacity)["CapacityUnits"])


def consumed(engine: Engine) -> tuple[float, float]:
    return engine.dynamodb.consumed.read, engine.dynamodb.consumed.write


def test_what_reads_cost(engine: Engine, pk: str) -> None:
    # MiniStack charges each read as if it read 4 KB at most; AWS: "rounded up to the next 4 KB multiple"
    large = 0.5 if engine.on_emulator else 1.5
    put(engine, pk, "large", text={"S": "x" * 9000})
    put(engine, pk, "small")
    total = {"ReturnConsumedCapacity": "TOTAL"}
    read = engine.dynamodb.get_item
    assert units(read(TableName="state", Key=key(pk, "large"), **total)) == large
    assert units(read(TableName="state", Key=key(pk, "large"), ConsistentRead=True, **total)) == 2 * large
    assert units(read(TableName="state", Key=key(pk, "large"), ProjectionExpression="sk", **total)) == large
    assert units(read(TableName="state", Key=key(pk, "small"), **total)) == 0.5
    assert units(read(TableName="state", Key=key(pk, "none"), ConsistentRead=True, **total)) == 1
    assert units(query(engine, "pk = :p", values={":p": {"S": pk}}, **total)) == large
    assert units(query(engine, "pk = :p", values={":p": {"S": "none"}}, **total)) == 0.5
    due_now = query(engine, "lane = :s", values={":s": {"S": pk}}, IndexName="due", **total)
    assert units(due_now) == 0.5


def test_what_writes_cost(engine: Engine, pk: str) -> None:
    total = {"ReturnConsumedCapacity": "TOTAL"}

    def write(**attributes: Any) -> float:
        return units(engine.dynamodb.put_item(TableName="state", Item={**key(pk), **attributes}, **total))

    def change(expression: str, **values: Any) -> float:
        more: Any = (
            {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
        )
        return units(update(engine, pk, expression, **more, **total))

    text, lane = {"S": "x" * 1500}, {"S": pk}
    assert write() == 1
    assert write(text=text) == 2
    assert write(lane=lane) == 2  # the larger one of before and after; in no index
    assert change("SET due = :d", d={"N": "1"}) == 1 + 2  # into both indexes
    assert change("SET due = :d", d={"N": "2"}) == 1 + 4  # moved in both: taken out and put in
    assert change("SET due = :d", d={"N": "2.0"}) == 1  # nothing changed
    assert change("SET x = :d", d={"N": "1"}) == 1 + 1  # changed where it is, if all of it is there
    assert change("SET x = :t", t=text) == 2 + 2
    assert change("SET due = :d", d={"N": "3"}) == 2 + 4 + 2  # two of two in one index, two of one in the other
    assert change("REMOVE due") == 2 + 2 + 1  # out of both
    assert units(engine.dynamodb.delete_item(TableName="state", Key=key(pk), **total)) == 2
    assert units(engine.dynamodb.delete_item(TableName="state", Key=key(pk), **total)) == 1


def test_what_transactions_cost(engine: Engine, pk: str) -> None:
    for sk in ("update", "delete", "check"):
        put(engine, pk, sk, n={"N": "1"})
    assert units(transact(engine, *four(pk), ReturnConsumedCapacity="TOTAL")) == 8
    item = {**key(pk), "lane": {"S": pk}, "due": {"N": "1"}}
    assert units(transact(engine, {"Put": {"Item": item}}, ReturnConsumedCapacity="TOTAL")) == 2 + 2


def test_what_is_consumed_is_added_up() -> None:
    engine, pk = in_memory(), "p"
    put(engine, pk, text={"S": "x" * 1500})
    assert consumed(engine) == (0, 2)
    with pytest.raises(ClientError):
        update(engine, pk, "REMOVE s", ConditionExpression="attribute_exists(s)")
    assert consumed(engine) == (0, 4)  # "still consumes write capacity"
    with pytest.raises(ClientError):
        transact(engine, {"Update": {"Key": key(pk), "ConditionExpression": "attribute_exists(s)"}})
    assert consumed(engine) == (0, 8)
    get(engine, pk)
    engine.dynamodb.batch_get_item(RequestItems={"state": {"Keys": [key(pk), key("none")]}})
    assert consumed(engine) == (2, 8)
    assert engine.dynamodb.calls == {
        "put_item": 1,
        "update_item": 1,
        "transact_write_items": 1,
        "get_item": 1,
        "batch_get_item": 1,
    }
    assert len(engine.dynamodb.items("state")) == 1


def test_sizes() -> None:
    """By the documented rule: an item of exactly 1 KB costs one unit, of one byte more two."""
    engine = in_memory()
    item = {
        **key("é"),  # 2 + 2, 2 + 1
        "n": {"N": "-12.50"},  # 1 + 2 + 1
        "z": {"N": "1000"},  # 1 + 1 + 1
        "b": {"BOOL": False},  # 1 + 1
        "u": {"NULL": True},  # 1 + 1
        "l": {"L": [{"S": "ab"}, {"N": "0"}]},  # 1 + 3 + (1 + 2) + (1 + 1)
        "m": {"M": {"k": {"S": "ab"}}},  # 1 + 3 + (1 + 1 + 2)
        "s": {"SS": ["ab", "é"]},  # 1 + 2 + 2
    }
    size = 4 + 3 + 4 + 3 + 2 + 2 + 9 + 8 + 5
    for padding, expected in ((1024 - size - 1, 1), (1024 - size, 2)):
        answer = engine.dynamodb.put_item(
            TableName="state", Item={**item, "p": {"S": "x" * padding}}, ReturnConsumedCapacity="TOTAL"
        )
        assert units(answer) == expected


# ---- Powertools ------------------------------------------------------------------------------------------------------


class LambdaContext:
    function_name = "chat-mute"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


def test_powertools_idempotency(engine: Engine, pk: str) -> None:
    layer = DynamoDBPersistenceLayer(table_name="plain", boto3_client=engine.dynamodb)
    config = IdempotencyConfig(event_key_jmespath="key", payload_validation_jmespath="body")
    config.register_lambda_context(LambdaContext())  # type: ignore[arg-type]  # as much of it as is used
    done: list[str] = []

    def once(*, request: dict[str, str]) -> dict[str, Any]:
        done.append(request["body"])
        if request["body"] == "fails":
            raise ValueError
        if request["body"] == "again":
            work(request=request)
        return {"result": True}

    decorate: Any = idempotent_function(data_keyword_argument="request", persistence_store=layer, config=config)
    work = decorate(once)

    def request(body: str, number: int) -> dict[str, str]:
        return {"key": f"{pk}#{number}", "body": body}

    assert [work(request=request("x", 1)) for _ in range(2)] == [{"result": True}] * 2
    assert done == ["x"]
    with pytest.raises(IdempotencyValidationError):
        work(request=request("y", 1))
    with pytest.raises(ValueError, match=r"^$"):
        work(request=request("fails", 2))
    work(request=request("z", 2))  # a failure is not kept
    with pytest.raises(IdempotencyAlreadyInProgressError):
        work(request=request("again", 3))
    assert done == ["x", "fails", "z", "again"]


# ---- what is not known in memory is refused loudly -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "condition"),
    [
        ("SET a.b = n", None),
        ("DELETE a n", None),
        ("SET a = list_append(n, n)", None),
        ("REMOVE a", "contains(n, a)"),
        ("REMOVE a", "n IN (a, b)"),
    ],
)
def test_unknown_parts_of_expressions(expression: str, condition: str | None) -> None:
    more: Any = {"ConditionExpression": condition} if condition else {}
    with pytest.raises(NotImplementedError):
        update(in_memory(), "p", expression, **more)


def test_unknown_values() -> None:
    engine, url = in_memory(), "standard"
    with pytest.raises(NotImplementedError):
        put(engine, "p", binary={"B": b"x"})
    with pytest.raises(NotImplementedError):
        update(engine, "p", "ADD names :n", ExpressionAttributeValues={":n": {"SS": ["a"]}})
    with pytest.raises(NotImplementedError):
        update(engine, "p", "REMOVE a", ReturnValues="ALL_OLD")
    with pytest.raises(NotImplementedError):
        query(engine, "pk = :p", values={":p": {"S": "p"}}, Select="ALL_ATTRIBUTES")
    with pytest.raises(NotImplementedError):
        send(engine, url, "x", "a group in a standard queue")


def test_unknown_arguments() -> None:
    with pytest.raises(TypeError):
        in_memory().dynamodb.get_item(TableName="state", Key=key("p"), Unknown=1)


# ---- queues ----------------------------------------------------------------------------------------------------------


def send(engine: Engine, url: str, body: str, group: str = "", deduplication: str | None = None) -> Any:
    fifo = {"MessageGroupId": group, "MessageDeduplicationId": deduplication or f"{next(_unique)}"} if group else {}
    return engine.sqs.send_message(QueueUrl=url, MessageBody=body, **fifo)


def receive(engine: Engine, url: str, most: int = 10, **more: Any) -> list[Any]:
    answer = engine.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=most, MessageSystemAttributeNames=["All"], **more
    )
    messages: list[Any] = answer.get("Messages", [])
    return messages


def bodies(messages: list[Any]) -> list[str]:
    return [message["Body"] for message in messages]


def delete(engine: Engine, url: str, message: Any) -> None:
    engine.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def count(engine: Engine, url: str) -> tuple[int, int]:
    """How many messages are visible, and how many are not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = engine.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert set(attributes) == set(names)
    return int(attributes[names[0]]), int(attributes[names[1]])


@pytest.mark.parametrize("fifo", [False, True])
def test_a_message_comes_back_until_it_is_deleted(engine: Engine, fifo: bool) -> None:
    url = engine.url("short.fifo" if fifo else "short")
    sent = send(engine, url, "x", "g" if fifo else "")
    assert count(engine, url) == (1, 0)
    (first,) = receive(engine, url)
    assert first["Body"] == "x"
    assert first["MessageId"] == sent["MessageId"]
    assert first["MD5OfBody"] == sent["MD5OfMessageBody"] == "9dd4e461268c8034f5c8564e155c67a6"
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert ("SequenceNumber" in sent, "MessageGroupId" in first["Attributes"]) == (fifo, fifo)
    assert (receive(engine, url), count(engine, url)) == ([], (0, 1))
    engine.wait(1.1)
    (second,) = receive(engine, url)
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    assert second["Attributes"]["SentTimestamp"] == first["Attributes"]["SentTimestamp"]
    delete(engine, url, second)
    engine.wait(1.1)
    assert (receive(engine, url), count(engine, url)) == ([], (0, 0))


@pytest.mark.parametrize("fifo", [False, True])
def test_visibility_is_changed(engine: Engine, fifo: bool) -> None:
    url = engine.url("queue.fifo" if fifo else "standard")
    send(engine, url, "x", "g" if fifo else "")
    (message,) = receive(engine, url, VisibilityTimeout=1)

    def hide(message: Any, seconds: int) -> None:
        engine.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    hide(message, 2)
    engine.wait(1.1)
    assert receive(engine, url) == []
    engine.wait(1)
    (message,) = receive(engine, url)
    hide(message, 0)
    (again,) = receive(engine, url)
    if not engine.on_emulator:  # MiniStack knows no MessageNotInflight, and hides the message again
        hide(again, 0)
        with pytest.raises(engine.sqs.exceptions.MessageNotInflight):
            hide(again, 10)


@pytest.mark.parametrize("most", [0, 11])
def test_receiving_too_few_or_too_many(engine: Engine, most: int) -> None:
    assert refusal(lambda: receive(engine, engine.url("standard"), most)) == "InvalidParameterValue"


def test_a_handle_that_is_none(engine: Engine) -> None:
    url = engine.url("standard")
    with pytest.raises(engine.sqs.exceptions.ReceiptHandleIsInvalid):
        engine.sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense")


def test_deleting_again_or_too_late(engine: Engine) -> None:
    url = engine.url("short")
    send(engine, url, "x")
    (old,) = receive(engine, url)
    engine.wait(1.1)
    (new,) = receive(engine, url)
    if engine.on_emulator:
        # AWS: with an old handle "the request will succeed, but the message might not be deleted"
        assert refusal(lambda: delete(engine, url, old)) == "ReceiptHandleIsInvalid"
        return
    delete(engine, url, old)
    assert count(engine, url) == (0, 1)
    engine.wait(1.1)
    delete(engine, url, new)
    delete(engine, url, new)
    assert count(engine, url) == (0, 0)


def test_deleting_from_a_fifo_queue_too_late(engine: Engine) -> None:
    url = engine.url("short.fifo")
    send(engine, url, "x", "g")
    (message,) = receive(engine, url)
    engine.wait(1.1)
    if engine.on_emulator:
        # AWS: "tries to delete the processed messages, the action fails with an error": the receipt handle has expired
        delete(engine, url, message)
        return
    assert refusal(lambda: delete(engine, url, message)) == "InvalidParameterValue"
    (again,) = receive(engine, url)
    delete(engine, url, again)

    def hide() -> None:
        engine.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=1)

    assert refusal(hide) == "InvalidParameterValue"


def test_no_such_queue(engine: Engine) -> None:
    with pytest.raises(engine.sqs.exceptions.QueueDoesNotExist) as refused:
        engine.sqs.receive_message(QueueUrl=f"{engine.url('standard')}-not")
    assert refused.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_batches(engine: Engine) -> None:
    url = engine.url("queue.fifo")
    entries = [
        {"Id": f"e{number}", "MessageBody": f"b{number}", "MessageGroupId": "g", "MessageDeduplicationId": f"{number}"}
        for number in (0, 1, 1)
    ]
    entries[2]["Id"] = "again"
    answer = engine.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    sent = {entry["Id"]: entry["MessageId"] for entry in answer["Successful"]}
    assert list(sent) == ["e0", "e1", "again"]
    assert sent["again"] == sent["e1"]
    assert not answer.get("Failed")
    messages = receive(engine, url)
    assert bodies(messages) == ["b0", "b1"]
    entries = [{"Id": message["Body"], "ReceiptHandle": message["ReceiptHandle"]} for message in messages]
    entries.append({"Id": "bad", "ReceiptHandle": "nonsense"})
    answer = engine.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["b0", "b1"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("bad", "ReceiptHandleIsInvalid")]
    assert count(engine, url) == (0, 0)


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        (["a", "a"], "BatchEntryIdsNotDistinct"),
        ([str(number) for number in range(11)], "TooManyEntriesInBatchRequest"),
    ],
)
def test_batches_that_make_no_sense(engine: Engine, ids: list[str], code: str) -> None:
    url = engine.url("standard")
    entries = [{"Id": entry_id, "MessageBody": "x"} for entry_id in ids]

    def send_all() -> None:
        engine.sqs.send_message_batch(QueueUrl=url, Entries=entries)

    assert refusal(send_all) == f"AWS.SimpleQueueService.{code}"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"MessageBody": "x", "MessageDeduplicationId": "d"}, "MissingParameter"),
        ({"MessageBody": "x", "MessageGroupId": "g"}, "InvalidParameterValue"),
        ({"MessageBody": "", "MessageGroupId": "g", "MessageDeduplicationId": "d"}, "MissingParameter"),
    ],
)
def test_messages_that_make_no_sense(engine: Engine, arguments: dict[str, str], code: str) -> None:
    url = engine.url("queue.fifo")
    assert refusal(lambda: engine.sqs.send_message(QueueUrl=url, **arguments)) == code


def test_a_group_is_in_order_and_gives_nothing_while_a_message_is_in_flight(engine: Engine) -> None:
    url = engine.url("queue.fifo")
    for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a"), ("b2", "b")):
        send(engine, url, body, group)
    first, second = receive(engine, url, 1), receive(engine, url, 1)
    assert (bodies(first), bodies(second)) == (["a1"], ["b1"])
    assert receive(engine, url) == []
    delete(engine, url, first[0])
    rest = receive(engine, url)
    assert bodies(rest) == ["a2", "a3"]
    delete(engine, url, rest[1])  # out of order: the other one still holds the group
    send(engine, url, "a4", "a")
    assert receive(engine, url) == []
    engine.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=rest[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(receive(engine, url)) == ["a2", "a4"]


def test_a_receive_takes_a_group_to_its_end_before_the_next(engine: Engine) -> None:
    url = engine.url("queue.fifo")
    for body, group in (("a1", "a"), ("b1", "b"), ("a2", "a")):
        send(engine, url, body, group)
    # AWS returns "as many messages with the same message group ID as possible"; MiniStack goes by age alone
    assert bodies(receive(engine, url, 2)) == (["a1", "b1"] if engine.on_emulator else ["a1", "a2"])


def test_a_group_comes_back_in_order(engine: Engine) -> None:
    url = engine.url("short.fifo")
    for body in ("a1", "a2", "a3"):
        send(engine, url, body, "a")
    messages = receive(engine, url, 2)
    engine.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"], VisibilityTimeout=0)
    assert receive(engine, url) == []  # a2 is still in flight
    engine.wait(1.1)
    assert bodies(receive(engine, url)) == ["a1", "a2", "a3"]


def test_duplicates_are_taken_and_dropped(engine: Engine) -> None:
    url = engine.url("queue.fifo")
    first = send(engine, url, "x", "g", "d")
    assert send(engine, url, "y", "g", "d")["MessageId"] == first["MessageId"]
    assert send(engine, url, "y", "other", "d")["SequenceNumber"] == first["SequenceNumber"]
    (message,) = receive(engine, url)
    assert (message["Body"], message["Attributes"]["MessageDeduplicationId"]) == ("x", "d")
    delete(engine, url, message)
    send(engine, url, "z", "g", "d")  # "even after the message is received and deleted"
    assert receive(engine, url) == []
    if not engine.on_emulator:  # five minutes of real time
        engine.wait(299)
        send(engine, url, "z", "g", "d")
        assert receive(engine, url) == []
        engine.wait(1)
        send(engine, url, "z", "g", "d")
        assert bodies(receive(engine, url)) == ["z"]


def test_duplicates_by_content(engine: Engine) -> None:
    url = engine.url("content.fifo")
    for body in ("x", "x", "y"):
        engine.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    assert bodies(receive(engine, url)) == ["x", "y"]


def test_duplicates_by_group(engine: Engine) -> None:
    url = engine.url("by-group.fifo")
    for body, group in (("a", "a"), ("b", "b"), ("again", "b")):
        send(engine, url, body, group, "d")
    assert bodies(receive(engine, url)) == ["a", "b"]


@pytest.mark.parametrize("fifo", [False, True])
def test_what_was_received_too_often_goes_to_the_dead_letters(engine: Engine, fifo: bool) -> None:
    dead = engine.url("queue.fifo" if fifo else "standard")
    url = engine.url("redriven.fifo" if fifo else "redriven")
    send(engine, url, "bad", "g" if fifo else "")
    send(engine, url, "good", "g" if fifo else "")
    first = receive(engine, url, 1)
    assert bodies(first) == ["bad"]
    engine.wait(1.1)
    assert bodies(receive(engine, url)) == ["good"]
    (letter,) = receive(engine, dead)
    assert (letter["Body"], letter["MessageId"]) == ("bad", first[0]["MessageId"])
    assert letter["Attributes"].get("MessageGroupId") == ("g" if fifo else None)
    delete(engine, dead, letter)
    assert count(engine, dead) == (0, 0)


# ---- secrets ---------------------------------------------------------------------------------------------------------


def test_secrets(engine: Engine) -> None:
    name = f"prefix/account{next(_unique)}"
    made = engine.secrets.create_secret(Name=name, SecretString="one")
    for secret_id in (name, made["ARN"]):
        found = engine.secrets.get_secret_value(SecretId=secret_id)
        assert (found["SecretString"], found["Name"], found["ARN"]) == ("one", name, made["ARN"])
        assert found["VersionStages"] == ["AWSCURRENT"]
    put = engine.secrets.put_secret_value(SecretId=name, SecretString="two")
    found = engine.secrets.get_secret_value(SecretId=name)
    assert (found["SecretString"], found["VersionId"]) == ("two", put["VersionId"])
    assert put["VersionId"] != made["VersionId"]
    engine.secrets.put_secret_value(SecretId=name, SecretBinary=b"three")
    found = engine.secrets.get_secret_value(SecretId=name)
    assert (found["SecretBinary"], "SecretString" in found) == (b"three", False)
    with pytest.raises(engine.secrets.exceptions.ResourceExistsException):
        engine.secrets.create_secret(Name=name, SecretString="again")


def test_no_such_secret(engine: Engine) -> None:
    works: list[Callable[[], Any]] = [
        lambda: engine.secrets.get_secret_value(SecretId="none"),
        lambda: engine.secrets.put_secret_value(SecretId="none", SecretString="x"),
        lambda: engine.secrets.delete_secret(SecretId="none"),
    ]
    for work in works:
        with pytest.raises(engine.secrets.exceptions.ResourceNotFoundException):
            work()


def test_a_secret_scheduled_for_deletion(engine: Engine) -> None:
    name = f"prefix/account{next(_unique)}"
    engine.secrets.create_secret(Name=name, SecretString="x")
    answer = engine.secrets.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    assert answer["Name"] == name
    works: list[Callable[[], Any]] = [
        lambda: engine.secrets.get_secret_value(SecretId=name),
        lambda: engine.secrets.put_secret_value(SecretId=name, SecretString="x"),
        lambda: engine.secrets.delete_secret(SecretId=name),
    ]
    for work in works:
        with pytest.raises(engine.secrets.exceptions.InvalidRequestException):
            work()
    # AWS: "a secret with this name is already scheduled for deletion"; MiniStack says that it exists
    made_again = refusal(lambda: engine.secrets.create_secret(Name=name, SecretString="x"))
    assert made_again == ("ResourceExistsException" if engine.on_emulator else "InvalidRequestException")
    if not engine.on_emulator:  # seven days of real time
        engine.wait(7 * 86_400)
        with pytest.raises(engine.secrets.exceptions.ResourceNotFoundException):
            engine.secrets.get_secret_value(SecretId=name)


def test_a_secret_deleted_at_once(engine: Engine) -> None:
    name = f"prefix/account{next(_unique)}"
    engine.secrets.create_secret(Name=name, SecretString="x")
    engine.secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    with pytest.raises(engine.secrets.exceptions.ResourceNotFoundException):
        engine.secrets.get_secret_value(SecretId=name)
    engine.secrets.create_secret(Name=name, SecretString="y")


def test_calls_are_counted() -> None:
    engine = in_memory()
    url = engine.url("standard")
    send(engine, url, "x")
    receive(engine, url)
    with pytest.raises(ClientError):
        engine.secrets.get_secret_value(SecretId="none")
    assert engine.sqs.calls == {"send_message": 1, "receive_message": 1}
    assert engine.secrets.calls == {"get_secret_value": 1}
