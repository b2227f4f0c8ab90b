"""Once per key: through Powertools, against a table in memory."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyPersistenceLayerError

from bitrix24 import Clock
from bitrix24.errors import AccessRefused
from chat_mute.budget import Budget
from chat_mute.errors import IdempotencyInProgress, IdempotencyKeyReused
from chat_mute.idempotency import Idempotency
from local.inmemory import DynamoDB
from tests.unit.function.doubles import SECRETS, Context, as_client, client_error, tables
from tests.unit.layer.doubles import everything_said_by

DAY = 24 * 60 * 60
KEY = ["arn:aws:iam::1:user/ci", "default", "POST im.chat.mute", "key-1"]
REQUEST = {"CHAT_ID": 42, "DIALOG_ID": None, "MUTE": "Y", "REASON": None}
RESULT = {"result": True, "time": {"start": 1772541297.5, "date_start": "2026-03-03T15:34:57+03:00"}}


class Work:
    """Counts how often it is done."""

    def __init__(self, outcome: Any = None) -> None:
        self.done = 0
        self.outcome = outcome or RESULT

    def __call__(self) -> dict[str, Any]:
        self.done += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        result: dict[str, Any] = self.outcome() if callable(self.outcome) else self.outcome
        return result


@pytest.fixture
def dynamodb() -> DynamoDB:
    return tables()


Once = Callable[..., tuple[dict[str, Any], bool]]


def idempotency(dynamodb: DynamoDB, namespace: str = "api:v1", seconds: int = DAY) -> Idempotency:
    return Idempotency(as_client(dynamodb), "idempotency", namespace, seconds)


def budget(seconds: float = 25) -> Budget:
    return Budget(Context(int(seconds * 1000)), Clock(), spare=0)


@pytest.fixture
def once(dynamodb: DynamoDB) -> Once:
    """Each call as if in another process."""

    def run(work: Work, key: Any = KEY, request: Any = REQUEST, seconds: float = 25) -> tuple[dict[str, Any], bool]:
        return idempotency(dynamodb).once(key, request, work, budget(seconds))

    return run


def record(dynamodb: DynamoDB) -> dict[str, Any]:
    (item,) = dynamodb.items("idempotency")
    return item


def test_the_first_time_it_is_done_and_the_second_time_replayed(once: Once) -> None:
    work = Work()
    assert once(work) == (RESULT, False)
    assert once(work) == (RESULT, True)
    assert once(work) == (RESULT, True)
    assert work.done == 1


def test_one_instance_does_many_calls(dynamodb: DynamoDB) -> None:
    warm, work = idempotency(dynamodb), Work()
    assert [warm.once([*KEY, str(n % 2)], REQUEST, work, budget())[1] for n in range(4)] == [False, False, True, True]
    assert work.done == 2


@pytest.mark.parametrize("part", range(4))
def test_another_caller_account_route_or_key_is_another_call(once: Once, part: int) -> None:
    work = Work()
    once(work)
    other = [text + "2" if index == part else text for index, text in enumerate(KEY)]
    assert once(work, key=other) == (RESULT, False)
    assert work.done == 2


def test_the_parts_of_a_key_do_not_run_into_each_other(once: Once) -> None:
    work = Work()
    for key in (["a", "bc"], ["ab", "c"], ["abc"], ["a,b", "c"], ["a", "b", "c"], ['a", "b']):
        assert once(work, key=key)[1] is False


def test_namespaces_are_apart(dynamodb: DynamoDB) -> None:
    work = Work()
    for namespace in ("api:v1", "api:v2", "schedule:v1"):
        assert idempotency(dynamodb, namespace).once(KEY, REQUEST, work, budget())[1] is False


@pytest.mark.parametrize(
    "other",
    [{**REQUEST, "CHAT_ID": 43}, {**REQUEST, "MUTE": "N"}, {**REQUEST, "REASON": "x"}, {**REQUEST, "CHAT_ID": "42"}],
)
def test_another_request_under_the_same_key_is_refused(once: Once, other: dict[str, Any]) -> None:
    work = Work()
    once(work)
    with pytest.raises(IdempotencyKeyReused) as caught:
        once(work, request=other)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert work.done == 1
    assert once(work) == (RESULT, True), "and the first is kept"


def test_the_order_of_a_requests_fields_does_not_matter(once: Once) -> None:
    once(Work())
    assert once(Work(), request=dict(reversed(REQUEST.items())))[1] is True


def test_while_it_is_being_done_it_is_in_progress_and_afterwards_replayed(once: Once) -> None:
    inner = Work()

    def meanwhile() -> dict[str, Any]:
        with pytest.raises(IdempotencyInProgress) as caught:
            once(inner)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        with pytest.raises(IdempotencyKeyReused):
            once(inner, request={**REQUEST, "MUTE": "N"})
        return RESULT

    assert once(Work(meanwhile)) == (RESULT, False)
    assert inner.done == 0
    assert once(inner) == (RESULT, True)


def test_a_failure_is_not_kept(once: Once, dynamodb: DynamoDB) -> None:
    failing = Work(AccessRefused("ACCESS_ERROR"))
    for _ in range(2):
        with pytest.raises(AccessRefused) as caught:
            once(failing)
        assert caught.value.code == "ACCESS_ERROR"
        assert dynamodb.items("idempotency") == []
    assert failing.done == 2
    work = Work()
    assert once(work, request={**REQUEST, "MUTE": "N"}) == (RESULT, False), "the key is free, for another request too"


# ---- times ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [DAY, 2 * DAY])
def test_a_success_is_kept_as_long_as_told(dynamodb: DynamoDB, seconds: int) -> None:
    idempotency(dynamodb, seconds=seconds).once(KEY, REQUEST, Work(), budget())
    assert int(record(dynamodb)["expiration"]["N"]) == pytest.approx(time.time() + seconds, abs=5)
    record(dynamodb)["expiration"]["N"] = str(int(time.time()) - 1)
    work = Work()
    assert idempotency(dynamodb, seconds=seconds).once(KEY, REQUEST, work, budget()) == (RESULT, False)


def given_up_in(dynamodb: DynamoDB) -> float:
    return int(record(dynamodb)["in_progress_expiration"]["N"]) / 1000 - time.time()


@pytest.mark.parametrize("second", [5, 20])
def test_a_record_in_progress_is_given_up_with_the_budget_of_its_own_call(dynamodb: DynamoDB, second: int) -> None:
    warm = idempotency(dynamodb)
    seen = []

    def look() -> dict[str, Any]:
        seen.append(given_up_in(dynamodb))
        return RESULT

    for seconds in (12, second):
        warm.once(KEY, REQUEST, Work(look), budget(seconds))
        dynamodb.delete_item(TableName="idempotency", Key={"id": record(dynamodb)["id"]})
    assert seen == [pytest.approx(12, abs=1), pytest.approx(second, abs=1)]


def test_a_record_left_by_a_killed_process_blocks_only_until_it_is_given_up(once: Once, dynamodb: DynamoDB) -> None:
    class Killed(BaseException):
        pass

    def die() -> dict[str, Any]:
        raise Killed

    with pytest.raises(Killed):
        once(Work(die))
    assert record(dynamodb)["status"] == {"S": "INPROGRESS"}
    work = Work()
    with pytest.raises(IdempotencyInProgress):
        once(work)
    record(dynamodb)["in_progress_expiration"]["N"] = str(int(time.time() * 1000) - 1)
    assert once(work) == (RESULT, False)
    assert once(work) == (RESULT, True)


def test_without_time_left_the_record_is_given_up_at_once(once: Once, dynamodb: DynamoDB) -> None:
    def look() -> dict[str, Any]:
        assert given_up_in(dynamodb) <= 0
        return RESULT

    once(Work(look), seconds=-5)


# ---- what is stored, and what if not --------------------------------------------------------------------------------


def test_a_record_holds_hashes_and_the_result_and_nothing_of_the_request(once: Once, dynamodb: DynamoDB) -> None:
    once(Work(), request={**REQUEST, "REASON": "lunch with Bob"})
    item = record(dynamodb)
    assert item["id"]["S"].startswith("api:v1#")
    assert len(item["id"]["S"]) == len("api:v1#") + 64
    assert json.loads(item["data"]["S"]) == {"result": RESULT, "replayed": False}
    text = json.dumps(item)
    assert not any(part in text for part in (*KEY[:1], *KEY[3:], "lunch", *SECRETS))


@pytest.mark.parametrize("operation", ["put_item", "update_item"])
def test_a_table_that_does_not_work_is_our_own_fault(
    once: Once, dynamodb: DynamoDB, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise client_error("ProvisionedThroughputExceededException", operation)

    monkeypatch.setattr(dynamodb, operation, broken)
    work = Work()
    with pytest.raises(IdempotencyPersistenceLayerError) as caught:
        once(work)
    assert work.done == (operation == "update_item")
    assert not any(code in everything_said_by(caught.value) for code in SECRETS)
