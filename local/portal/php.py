"""The PHP semantics a Bitrix24 portal shows through its REST interface.

A portal is a PHP program: what a client sends is read with PHP's conversions, and what it answers is written by
PHP's `json_encode`. PHP has one array type; here it is a `dict` (or a `list` that came from a JSON body).
"""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import unquote_plus

INT_MAX = 2**63 - 1
INT_MIN = -(2**63)

_LEADING_NUMBER = re.compile(r"[ \t\n\r\v\f]*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_ARRAY_KEY = re.compile(r"0|-?[1-9][0-9]{0,18}")
_BRACKET = re.compile(r"\[([^\]]*)\]")


def intval(value: Any) -> int:
    """Return what PHP 8 makes of `(int)$value`: leading digits, exponents, 1 for `true` and for a non-empty array."""
    if value is None or isinstance(value, (list, dict)):
        return int(bool(value))
    if isinstance(value, float):
        return _int_of_float(value)
    if isinstance(value, int):
        return min(max(int(value), INT_MIN), INT_MAX)
    number = _LEADING_NUMBER.match(value)
    if number is None:
        return 0
    text = number.group(1)
    if re.fullmatch(r"[+-]?[0-9]+", text):
        digits = text.lstrip("+-")[:400]
        return min(max(int(digits) * (-1 if text[0] == "-" else 1), INT_MIN), INT_MAX)
    return _int_of_float(float(text))


def _int_of_float(value: float) -> int:
    """Truncate towards zero; NaN and infinity are 0, what does not fit is clipped (PHP leaves it undefined)."""
    if math.isnan(value) or math.isinf(value):
        return 0
    return min(max(int(value), INT_MIN), INT_MAX)


def equals_n(value: Any) -> bool:
    """Return PHP 8's `$value == "N"`: only the string "N" and `true` are loosely equal to it."""
    return value is True or (isinstance(value, str) and value == "N")


def truthy(value: Any) -> bool:
    """Return PHP's `(bool)$value`; the string "false" is true, "0" is not."""
    return bool(value) and value != "0"


def to_string(value: Any) -> str:
    """Return PHP's `(string)$value` of a scalar; an array becomes "Array"."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, (list, dict)):
        return "Array"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def array_key(key: Any) -> int | str:
    """Return the key under which a PHP array stores `key`: integer-like strings become integers."""
    if isinstance(key, int):
        return int(key)
    text = str(key)
    if _ARRAY_KEY.fullmatch(text) and INT_MIN <= int(text) <= INT_MAX:
        return int(text)
    return text


def items(array: Any) -> list[tuple[int | str, Any]]:
    """Return the (key, value) pairs of a PHP array in order; nothing for a scalar."""
    if isinstance(array, list):
        return list(enumerate(array))
    if isinstance(array, dict):
        return [(array_key(key), value) for key, value in array.items()]
    return []


def to_json(value: Any) -> Any:
    """Return `value` as `json_encode` shapes it: an empty map is `[]`, keys 0..n-1 in order make a list."""
    if isinstance(value, dict):
        if isinstance(first := next(iter(value), 0), str) and not first.isdigit():  # no list, and most are none
            return {str(k): to_json(v) if isinstance(v, (dict, list, tuple)) else v for k, v in value.items()}
        pairs = items(value)
        if [key for key, _ in pairs] == list(range(len(pairs))):
            return [to_json(item) for _, item in pairs]
        return {str(key): to_json(item) for key, item in pairs}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def upper_keys(params: Any) -> dict[str, Any]:
    """Return the parameters as `array_change_key_case($p, CASE_UPPER)` leaves them: top level only, last one wins."""
    return {str(key).upper(): value for key, value in items(params)}


def parse_str(query: str) -> dict[Any, Any]:
    """Read a query string as PHP's `parse_str`: `a[b][]=c` makes nested arrays, the last of equal names wins."""
    result: dict[Any, Any] = {}
    for part in query.split("&"):
        if not part:
            continue
        raw_name, _, raw_value = part.partition("=")
        name = unquote_plus(raw_name, errors="replace").lstrip(" ")
        if name:
            _put(result, name, unquote_plus(raw_value, errors="replace"))
    return result


def _put(array: dict[Any, Any], name: str, value: str) -> None:
    """Store `value` under a name that may carry brackets; a dot or space in the base name becomes `_`."""
    start = name.find("[", 1)
    if start < 0 or "]" not in name[start:]:
        array[array_key(_base_name(name))] = value
        return
    path = [_base_name(name[:start])]
    position = start
    while bracket := _BRACKET.match(name, position):
        path.append(bracket.group(1))
        position = bracket.end()
    for step in path[:-1]:
        key = _next_key(array, step)
        if not isinstance(array.get(key), dict):
            array[key] = {}
        array = array[key]
    array[_next_key(array, path[-1])] = value


def _base_name(name: str) -> str:
    """Return a variable name as PHP registers it: "a.b" and "a b" arrive as "a_b"."""
    return re.sub(r"[ .\[]", "_", name)


def _next_key(array: dict[Any, Any], step: str) -> int | str:
    """Return the key for one bracket; an empty one appends after the highest integer key."""
    if step:
        return array_key(step)
    return max((key for key in array if isinstance(key, int)), default=-1) + 1
