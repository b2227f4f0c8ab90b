"""Condition expressions: what must be true of the item as it is."""

import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from local.inmemory.errors import invalid
from local.inmemory.grammar import Expression, Names, Operand, Reader, Values
from local.inmemory.values import Item, Value, equal, kind_of, scalar

Condition = Callable[[Item, Names, Values], bool]
Comparison = Callable[[Value | None, Value | None], bool]

_ORDERED = frozenset({"S", "N"})


@lru_cache(4096)
def compile_condition(text: str) -> Expression[Condition]:
    """Reads a condition."""
    reader = Reader(text, "ConditionExpression")
    return reader.finished(_any_of(reader))


def _any_of(reader: Reader) -> Condition:
    left = _all_of(reader)
    while reader.take("OR"):
        left = _either(left, _all_of(reader))
    return left


def _all_of(reader: Reader) -> Condition:
    left = _one(reader)
    while reader.take("AND"):
        left = _both(left, _one(reader))
    return left


def _either(left: Condition, right: Condition) -> Condition:
    return lambda item, names, values: left(item, names, values) or right(item, names, values)


def _both(left: Condition, right: Condition) -> Condition:
    return lambda item, names, values: left(item, names, values) and right(item, names, values)


def _one(reader: Reader) -> Condition:
    if reader.take("NOT"):
        denied = _one(reader)
        return lambda item, names, values: not denied(item, names, values)
    if reader.take("("):
        inner = _any_of(reader)
        reader.need(")")
        return inner
    for function, read in _FUNCTIONS.items():
        if reader.take(function):
            reader.need("(")
            condition = read(reader)
            reader.need(")")
            return condition
    return _comparison(reader)


def _comparison(reader: Reader) -> Condition:
    left = reader.operand()
    if reader.take("BETWEEN"):
        low = reader.operand()
        reader.need("AND")
        return _both(_compare(left, _COMPARISONS[">="], low), _compare(left, _COMPARISONS["<="], reader.operand()))
    if reader.next == "IN":
        raise NotImplementedError("IN in a condition")
    if reader.next not in _COMPARISONS:
        reader.refuse()
    return _compare(left, _COMPARISONS[reader.any()], reader.operand())


def _compare(left: Operand, holds: Comparison, right: Operand) -> Condition:
    return lambda item, names, values: holds(left(item, names, values), right(item, names, values))


def _exists(reader: Reader) -> Condition:
    name_of = reader.attribute()
    return lambda item, names, _values: name_of(names) in item


def _exists_not(reader: Reader) -> Condition:
    name_of = reader.attribute()
    return lambda item, names, _values: name_of(names) not in item


def _begins_with(reader: Reader) -> Condition:
    left = reader.operand()
    reader.need(",")
    return _compare(left, _is_prefixed, reader.operand())


def _is_prefixed(text: Value | None, prefix: Value | None) -> bool:
    if text is None or prefix is None:
        return False
    if "S" not in text or "S" not in prefix:
        raise invalid("Incorrect operand type for operator or function; operator or function: begins_with")
    return bool(text["S"].startswith(prefix["S"]))


def _in_order(holds: Callable[[Any, Any], bool]) -> Comparison:
    def compare(left: Value | None, right: Value | None) -> bool:
        if left is None or right is None:
            return False
        kind = kind_of(left)
        return kind == kind_of(right) and kind in _ORDERED and holds(scalar(left, kind), scalar(right, kind))

    return compare


_FUNCTIONS: dict[str, Callable[[Reader], Condition]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _exists_not,
    "begins_with": _begins_with,
}
# An attribute that is not there is different from everything, and neither before nor behind anything.
_COMPARISONS: dict[str, Comparison] = {
    "=": equal,
    "<>": lambda left, right: not equal(left, right),
    "<": _in_order(operator.lt),
    "<=": _in_order(operator.le),
    ">": _in_order(operator.gt),
    ">=": _in_order(operator.ge),
}
