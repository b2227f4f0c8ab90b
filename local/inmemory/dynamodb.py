"""DynamoDB in this process."""
# ruff: noqa: N803  the arguments are boto3's

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from local.inmemory import reads, writes
from local.inmemory.capacity import Capacity, read_units, write_units
from local.inmemory.errors import (
    ConditionalCheckFailedException,
    DynamoDBExceptions,
    ResourceNotFoundException,
    TransactionCanceledException,
    failure,
    invalid,
)
from local.inmemory.grammar import Names, check_references
from local.inmemory.keys import compile_projection
from local.inmemory.tables import Key, Record, Rows, Table
from local.inmemory.values import Item
from local.inmemory.writes import Change

_MOST_READ, _MOST_WRITTEN = 100, 100
_REFUSED = "The conditional request failed"
_TWICE = 2  # a transaction prepares and commits; its index writes cost the same as others


class DynamoDB:
    """Stands where a boto3 client is wanted.

    Items are copied at their top level, on their way in and out; the values in them are shared, so whoever changes one
    in place changes the table. Errors of a request's form are `TypeError` or `KeyError`, where boto3 has its own.

    Args:
        tables: by name.

    Attributes:
        calls: how often each operation was called, refused calls included.
        consumed: capacity units.
    """

    exceptions = DynamoDBExceptions

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = {name: Rows(name, table) for name, table in tables.items()}
        self._lock = Lock()
        self.calls: Counter[str] = Counter()
        self.consumed = Capacity()

    def items(self, table: str) -> list[dict[str, Any]]:
        """All of a table's items, in the order they came; neither counted nor paid for."""
        with self._lock:
            return [dict(record.item) for record in self._rows(table).records.values()]

    def get_item(
        self,
        *,
        TableName: str,
        Key: Item,
        ConsistentRead: bool = False,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: Names | None = None,
        ReturnConsumedCapacity: str = "NONE",
    ) -> dict[str, Any]:
        """One item, if it is there."""
        with self._lock:
            self.calls["get_item"] += 1
            rows = self._rows(TableName)
            shown = _shown(ProjectionExpression, ExpressionAttributeNames)
            record = rows.records.get(rows.key(Key))
            units = read_units(record.size if record else 0, consistent=ConsistentRead)
            answer = {} if record is None else {"Item": _item(record, shown)}
            return self._have_read(answer, rows, units, ReturnConsumedCapacity)

    def batch_get_item(self, *, RequestItems: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Up to 100 items of some tables, those that are there; in no order that anybody may rely on."""
        with self._lock:
            self.calls["batch_get_item"] += 1
            responses: dict[str, list[dict[str, Any]]] = {}
            keys_left = _MOST_READ
            for table, request in RequestItems.items():
                keys_left -= len(request["Keys"])
                if keys_left < 0:
                    raise invalid("Too many items requested for the BatchGetItem call")
                responses[table] = self._get_some(self._rows(table), **request)
            return {"Responses": responses, "UnprocessedKeys": {}}

    def put_item(self, *, TableName: str, ReturnConsumedCapacity: str = "NONE", **request: Any) -> dict[str, Any]:
        """Replaces an item; see `writes.put`."""
        with self._lock:
            self.calls["put_item"] += 1
            change = writes.put(self._rows(TableName), **request)
            return self._write("PutItem", change, ReturnConsumedCapacity)

    def update_item(
        self, *, TableName: str, ReturnValues: str = "NONE", ReturnConsumedCapacity: str = "NONE", **request: Any
    ) -> dict[str, Any]:
        """Changes an item's attributes; see `writes.update`."""
        with self._lock:
            self.calls["update_item"] += 1
            change = writes.update(self._rows(TableName), **request)
            answer = self._write("UpdateItem", change, ReturnConsumedCapacity)
            if ReturnValues != "NONE":
                attributes = _updated(change, ReturnValues)
                if attributes:
                    answer["Attributes"] = attributes
            return answer

    def delete_item(self, *, TableName: str, ReturnConsumedCapacity: str = "NONE", **request: Any) -> dict[str, Any]:
        """Takes an item away; see `writes.delete`."""
        with self._lock:
            self.calls["delete_item"] += 1
            change = writes.delete(self._rows(TableName), **request)
            return self._write("DeleteItem", change, ReturnConsumedCapacity)

    def query(self, *, TableName: str, ReturnConsumedCapacity: str = "NONE", **request: Any) -> dict[str, Any]:
        """A page of one partition of a table or of an index; see `reads.query`."""
        with self._lock:
            self.calls["query"] += 1
            rows = self._rows(TableName)
            answer, units = reads.query(rows, **request)
            return self._have_read(answer, rows, units, ReturnConsumedCapacity)

    def transact_write_items(
        self, *, TransactItems: Sequence[Mapping[str, Mapping[str, Any]]], ReturnConsumedCapacity: str = "NONE"
    ) -> dict[str, Any]:
        """Up to 100 writes and checks of different items, all or none."""
        with self._lock:
            self.calls["transact_write_items"] += 1
            if not 1 <= len(TransactItems) <= _MOST_WRITTEN:
                raise invalid("Member must have length between 1 and 100")
            changes = [self._look(action) for action in TransactItems]
            if len({(change.rows.name, change.key) for change in changes}) < len(changes):
                raise invalid("Transaction request cannot include multiple operations on one item")
            units: defaultdict[str, float] = defaultdict(float)
            for change in changes:
                units[change.rows.name] += _TWICE * write_units(change.size)
            reasons = [_reason(change) for change in changes]
            if any(reason["Code"] != "None" for reason in reasons):
                self.consumed.write += sum(units.values())
                raise _canceled(reasons)
            for change in changes:
                units[change.rows.name] += change.rows.replace(change.key, change.old, change.new)
            self.consumed.write += sum(units.values())
            return _capacities(units, ReturnConsumedCapacity)

    def _rows(self, name: str) -> Rows:
        try:
            return self._tables[name]
        except KeyError:
            raise failure(ResourceNotFoundException, "Requested resource not found") from None

    def _get_some(
        self,
        rows: Rows,
        *,
        Keys: Sequence[Item],
        ConsistentRead: bool = False,
        ProjectionExpression: str | None = None,
        ExpressionAttributeNames: Names | None = None,
    ) -> list[dict[str, Any]]:
        shown = _shown(ProjectionExpression, ExpressionAttributeNames)
        keys: dict[Key, Record | None] = {key: rows.records.get(key) for key in map(rows.key, Keys)}
        if len(keys) < len(Keys):
            raise invalid("Provided list of item keys contains duplicates")
        for record in keys.values():
            self.consumed.read += read_units(record.size if record else 0, consistent=ConsistentRead)
        return [_item(record, shown) for record in reversed(keys.values()) if record is not None]

    def _have_read(self, answer: dict[str, Any], rows: Rows, units: float, wanted: str) -> dict[str, Any]:
        self.consumed.read += units
        if wanted != "NONE":
            answer["ConsumedCapacity"] = _capacity(rows.name, units)
        return answer

    def _write(self, operation: str, change: Change, wanted: str) -> dict[str, Any]:
        units = write_units(change.size)
        if change.refused:
            self.consumed.write += units
            raise failure(ConditionalCheckFailedException, _REFUSED, operation, **_old(change))
        if change.fault:
            raise change.fault
        units += change.rows.replace(change.key, change.old, change.new)
        self.consumed.write += units
        return {} if wanted == "NONE" else {"ConsumedCapacity": _capacity(change.rows.name, units)}

    def _look(self, action: Mapping[str, Mapping[str, Any]]) -> Change:
        ((kind, request),) = action.items()
        request = dict(request)
        rows = self._rows(request.pop("TableName"))
        return writes.ACTIONS[kind](rows, **request)


def _shown(projection: str | None, names: Names | None) -> list[str] | None:
    if projection is None:
        return None
    compiled = compile_projection(projection)
    check_references(compiled.names, compiled.values, names, None)
    return compiled.run(names or {})


def _item(record: Record, shown: list[str] | None) -> dict[str, Any]:
    return dict(record.item) if shown is None else reads.project(record.item, shown)


def _old(change: Change) -> dict[str, Any]:
    return {"Item": dict(change.old.item)} if change.shows_old and change.old else {}


def _updated(change: Change, wanted: str) -> dict[str, Any]:
    item = change.new.item if change.new else {}
    if wanted == "ALL_NEW":
        return dict(item)
    if wanted == "UPDATED_NEW":
        return reads.project(item, list(change.attributes or ()))
    raise NotImplementedError(f"ReturnValues={wanted}")


def _reason(change: Change) -> dict[str, Any]:
    if change.refused:
        return {"Code": "ConditionalCheckFailed", "Message": _REFUSED, **_old(change)}
    if change.fault:
        return {"Code": "ValidationError", "Message": change.fault.response["Error"]["Message"]}
    return {"Code": "None"}


def _canceled(reasons: list[dict[str, Any]]) -> ClientError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return failure(TransactionCanceledException, message, "TransactWriteItems", CancellationReasons=reasons)


def _capacity(table: str, units: float) -> dict[str, Any]:
    return {"TableName": table, "CapacityUnits": units}


def _capacities(units: Mapping[str, float], wanted: str) -> dict[str, Any]:
    return {} if wanted == "NONE" else {"ConsumedCapacity": [_capacity(*entry) for entry in units.items()]}
