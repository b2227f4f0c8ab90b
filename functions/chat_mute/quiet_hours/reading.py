"""Reading a parsed JSON document strictly; every fault names its field and says why."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIALOG_ID = re.compile(r"(?:chat|sg|crm)?([1-9][0-9]{0,18})", re.ASCII | re.IGNORECASE)
_ID_MAX = 2**63 - 1
IDS_MAX = 1000


class PolicyError(ValueError):
    """A policy, or a part of one, makes no sense.

    Attributes:
        field: where, e.g. ``windows[0].start``; fit to be printed.
        reason: why, e.g. ``must be HH:MM``.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


def fields(value: object, path: str, known: Iterable[str]) -> dict[str, Any]:
    """A JSON object with known fields only; ``null`` is absent.

    Args:
        value: what is read.
        path: where it stands; empty for the document itself.
        known: the fields it may have.

    Raises:
        PolicyError: naming the first fault.
    """
    if not isinstance(value, Mapping):
        raise PolicyError(path or "policy", "must be an object")
    for name in value:
        if name not in known:
            raise PolicyError(_inside(path, printable(name)), "unknown field")
    return {name: item for name, item in value.items() if item is not None}


def items(value: object, path: str, *, at_most: int) -> list[Any]:
    """A JSON list of bounded length.

    Raises:
        PolicyError: it is none, or too long.
    """
    if not isinstance(value, list):
        raise PolicyError(path, "must be a list")
    if len(value) > at_most:
        raise PolicyError(path, f"at most {at_most:,} are allowed")
    return value


def flag(value: object, path: str) -> bool:
    """``true`` or ``false``.

    Raises:
        PolicyError: anything else.
    """
    if not isinstance(value, bool):
        raise PolicyError(path, "must be true or false")
    return value


def text(value: object, path: str, *, at_most: int) -> str:
    """A text without control characters and lone surrogates.

    Raises:
        PolicyError: it is none, empty or too long.
    """
    if not isinstance(value, str) or not 1 <= len(value) <= at_most or _UNPRINTABLE.search(value):
        raise PolicyError(path, f"must be a text of 1 to {at_most} characters without control characters")
    return value


def dialog_id(value: object, path: str) -> str:
    """A chat's id in any form of ``DIALOG_ID``, in lower case; a user's id may be a number too.

    Raises:
        PolicyError: it has none of the forms.
    """
    if isinstance(value, int) and 0 < value <= _ID_MAX:
        value = str(value)
    match = _DIALOG_ID.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > _ID_MAX:
        raise PolicyError(path, "must be chatNNN, sgNNN, crmNNN or the id of a user")
    return match[0].lower()


def dialog_ids(value: object, path: str) -> tuple[str, ...]:
    """A list of chats' ids; those given twice are kept once.

    Raises:
        PolicyError: naming the first fault.
    """
    listed = items(value, path, at_most=IDS_MAX)
    return tuple(dict.fromkeys(dialog_id(item, f"{path}[{index}]") for index, item in enumerate(listed)))


def printable(name: object) -> str:
    """Somebody's own word, fit to be quoted."""
    return _UNPRINTABLE.sub("?", str(name)[:64]) or '""'


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
