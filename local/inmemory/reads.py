"""Queries: a page of a table or of an index."""
# ruff: noqa: N803  the arguments are boto3's

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from local.inmemory.capacity import read_units
from local.inmemory.errors import invalid
from local.inmemory.grammar import Names, Values, check_references
from local.inmemory.keys import Projection, Wanted, bounds, compile_key_condition, compile_projection
from local.inmemory.ordered import TOP, Entry
from local.inmemory.tables import Record, Rows, View
from local.inmemory.values import Item, Scalar, scalar

_PAGE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Compiled:
    wanted: Wanted
    projection: Projection | None
    names: frozenset[str]
    values: frozenset[str]


def query(
    rows: Rows,
    *,
    KeyConditionExpression: str,
    ExpressionAttributeValues: Values,
    ExpressionAttributeNames: Names | None = None,
    IndexName: str | None = None,
    Limit: int | None = None,
    ExclusiveStartKey: Item | None = None,
    ScanIndexForward: bool = True,
    Select: str | None = None,
    ConsistentRead: bool = False,
    ProjectionExpression: str | None = None,
) -> tuple[dict[str, Any], float]:
    """A page, and the read units it costs."""
    if Select not in {None, "COUNT"}:
        raise NotImplementedError(f"Select={Select}")
    compiled = _compile(KeyConditionExpression, ProjectionExpression)
    check_references(compiled.names, compiled.values, ExpressionAttributeNames, ExpressionAttributeValues)
    view = _view(rows, IndexName, consistent=ConsistentRead)
    names = ExpressionAttributeNames or {}
    partition, low, high = _range(view, compiled.wanted(names, ExpressionAttributeValues), ExpressionAttributeValues)
    if ExclusiveStartKey is not None:
        start = _start(rows, view, partition, ExclusiveStartKey)
        low, high = (max(low, (*start, TOP)), high) if ScanIndexForward else (low, min(high, start))
    keys = rows.keys(view, partition, low, high, backwards=not ScanIndexForward)
    page, read, more = _page(view, (rows.records[key] for key in keys), Limit)
    answer: dict[str, Any] = {"Count": len(page), "ScannedCount": len(page)}
    if Select is None:
        attributes = compiled.projection(names) if compiled.projection else None
        answer["Items"] = _items(view, page, attributes)
    if more:
        last = page[-1].item
        answer["LastEvaluatedKey"] = {name: last[name] for name in view.key_attributes}
    return answer, read_units(read, consistent=ConsistentRead)


def project(item: Item, attributes: list[str]) -> dict[str, Any]:
    """What an item has of these."""
    return {name: item[name] for name in attributes if name in item}


@lru_cache(4096)
def _compile(condition: str, projection: str | None) -> _Compiled:
    wanted = compile_key_condition(condition)
    if projection is None:
        return _Compiled(wanted.run, None, wanted.names, wanted.values)
    shown = compile_projection(projection)
    return _Compiled(wanted.run, shown.run, wanted.names | shown.names, wanted.values)


def _view(rows: Rows, index: str | None, *, consistent: bool) -> View:
    if index is None:
        return rows.own
    if index not in rows.indexes:
        raise invalid(f"The table does not have the specified index: {index}")
    if consistent:
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return rows.indexes[index]


def _range(view: View, wanted: Mapping[str, tuple[str, list[str]]], values: Values) -> tuple[Scalar, Entry, Entry]:
    """Which partition is read, and from where to where."""
    partition_name, *order_names = view.attributes
    sign, references = wanted.get(partition_name, ("", []))
    if sign != "=" or not wanted.keys() <= set(view.attributes):
        raise invalid("Query condition missed key schema element, or one that is not a key")
    partition = _operands(view, partition_name, references, values)[0]
    for name in order_names:
        if name in wanted:
            sign, references = wanted[name]
            return partition, *bounds(sign, _operands(view, name, references, values))
    return partition, (), (TOP,)


def _operands(view: View, name: str, references: list[str], values: Values) -> list[Scalar]:
    kind = view.types[name]
    if any(kind not in values[reference] for reference in references):
        raise invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
    return [scalar(values[reference], kind) for reference in references]


def _start(rows: Rows, view: View, partition: Scalar, given: Item) -> Entry:
    if given.keys() != view.key_attributes:
        raise invalid("The provided starting key is invalid")
    place = view.place(given, rows.key_of(given))
    if place is None or place[0] != partition:
        raise invalid("The provided starting key is outside query boundaries based on provided conditions")
    return place[1]


def _page(view: View, records: Iterator[Record], limit: int | None) -> tuple[list[Record], int, bool]:
    """The records of one page, their bytes, and whether the page ended before the records did.

    As on AWS, a page that ends exactly with the last record does not know it.
    """
    if limit is not None and limit < 1:
        raise invalid("Limit must be at least 1")
    page: list[Record] = []
    read = 0
    for record in records:
        size = view.shown_size(record)
        if page and read + size > _PAGE_BYTES:
            return page, read, True
        page.append(record)
        read += size
        if len(page) == limit:
            return page, read, True
    return page, read, False


def _items(view: View, page: list[Record], attributes: list[str] | None) -> list[dict[str, Any]]:
    if attributes is None:
        return [dict(view.shown(record)) for record in page]
    if view.keys_only and not view.key_attributes.issuperset(attributes):
        raise invalid("One or more parameter values were invalid: the index does not project all these attributes")
    return [project(record.item, attributes) for record in page]
