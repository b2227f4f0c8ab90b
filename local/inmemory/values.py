"""DynamoDB's values, in the form they travel in: ``{"S": "text"}``, ``{"N": "12.5"}``."""

import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Any

from local.inmemory.errors import invalid

Value = Mapping[str, Any]
Item = Mapping[str, Value]
Scalar = str | int | Decimal

MOST_DIGITS = 38
_NUMBERS = Context(prec=MOST_DIGITS, Emin=-130, Emax=125, traps=[DivisionByZero, Inexact, InvalidOperation, Overflow])
_PLAIN = re.compile(r"-?[1-9][0-9]*(?:\.[0-9]*[1-9])?|-?0\.[0-9]*[1-9]|0", re.ASCII)


def kind_of(value: Value) -> str:
    """The one type a value has."""
    if len(value) != 1:
        raise invalid("Supplied AttributeValue must contain exactly one of the supported datatypes")
    return next(iter(value))


def number(text: str) -> int | Decimal:
    """A number to compare or to count with, exactly."""
    try:
        return int(text)
    except ValueError:
        return _decimal(text)


def plain(text: str) -> str:
    """A number as DynamoDB gives it back: no zeros before or behind, no exponent."""
    if len(text) <= MOST_DIGITS and _PLAIN.fullmatch(text):
        return text
    normal = _decimal(text)
    return format(normal, "f") if normal else "0"


def add(left: str, right: str) -> str:
    """The sum of two numbers."""
    first, second = number(left), number(right)
    if isinstance(first, int) and isinstance(second, int):
        return plain(str(first + second))
    try:
        return plain(str(_NUMBERS.add(Decimal(first), Decimal(second))))
    except DecimalException:
        raise invalid("Number overflow") from None


def negative(text: str) -> str:
    """The number times minus one."""
    return text.removeprefix("-") if text.startswith("-") else f"-{text}"


def stored(value: Value) -> Value:
    """The value as it is kept: itself, unless a number in it is written in another way than DynamoDB's own."""
    kind = kind_of(value)
    content = value[kind]
    if kind == "N":
        text = plain(content)
        return value if text is content else {"N": text}
    if kind == "M":
        return {"M": {name: stored(part) for name, part in content.items()}}
    if kind == "L":
        return {"L": [stored(part) for part in content]}
    if kind == "SS" and (not content or len(set(content)) < len(content)):
        raise invalid("One or more parameter values were invalid: A string set must have members, and each once")
    if kind not in _SIZES:
        raise NotImplementedError(f"values of type {kind}")
    return value


def stored_item(item: Item) -> tuple[dict[str, Value], int]:
    """The item as it is kept, and its size."""
    kept = {}
    total = 0
    for name, value in item.items():
        text = value.get("S")
        if text is not None and len(value) == 1:  # most are
            kept[name] = value
            total += _utf8(name) + _utf8(text)
        else:
            kept[name] = stored(value)
            total += size(name, kept[name])
    return kept, total


def size(name: str, value: Value) -> int:
    """What an attribute adds to its item's size in bytes, by DynamoDB's documented rule."""
    return _utf8(name) + _size(value)


def equal(left: Value | None, right: Value | None) -> bool:
    """Whether two operands are the same; one that is not there equals nothing."""
    if left is None or right is None:
        return False
    if left == right:
        return True
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == "N":
        return number(left["N"]) == number(right["N"])
    if kind == "SS":
        return set(left["SS"]) == set(right["SS"])
    return kind in {"L", "M"} and stored(left) == stored(right)


def scalar(value: Value, kind: str) -> Scalar:
    """What a value of this type is ordered by."""
    content: str = value[kind]
    return number(content) if kind == "N" else content


def _decimal(text: str) -> Decimal:
    try:
        parsed = Decimal(text)
        if parsed.is_finite():
            return parsed.normalize(_NUMBERS)
    except DecimalException:
        pass
    raise invalid("The parameter cannot be converted to a numeric value, or has more than 38 significant digits")


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _size(value: Value) -> int:
    ((kind, content),) = value.items()
    return _SIZES[kind](content)


def _number_size(text: str) -> int:
    """About a byte for two significant digits, and one."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1


# A list or a map takes three bytes, and one for each element.
_SIZES: Mapping[str, Callable[[Any], int]] = {
    "S": _utf8,
    "N": _number_size,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda members: sum(map(_utf8, members)),
    "L": lambda parts: 3 + sum(1 + _size(part) for part in parts),
    "M": lambda parts: 3 + sum(1 + size(name, part) for name, part in parts.items()),
}
