"""Reading a request strictly: what PHP would silently misread must not reach the portal.

PHP takes ``"1489abc"`` for 1489, ``true`` for 1 and any ``MUTE`` but ``"N"`` for a mute; all of that is refused here.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from chat_mute.errors import InvalidId, InvalidParameter

MUTE_FIELDS = frozenset({"CHAT_ID", "DIALOG_ID", "MUTE", "UNTIL", "FOR", "REASON"})
_CHAT_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_DIALOG_ID = re.compile(r"(?:chat|sg|crm)?([1-9][0-9]{0,18})", re.ASCII | re.IGNORECASE)
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's Cc, and lone surrogates
_ID_MAX = 2**63 - 1
_JSON_WHITE_SPACE = " \t\n\r"


@dataclass(frozen=True)
class MuteRequest:
    """One chat to mute or unmute now; exactly one of the two ids is set.

    Attributes:
        chat_id: numeric chat id.
        dialog_id: ``chatNNN``, ``sgNNN``, ``crmNNN`` or a user's id, in lower case.
        muted: the state asked for.
        reason: why, in the caller's words.
    """

    chat_id: int | None
    dialog_id: str | None
    muted: bool
    reason: str | None

    @classmethod
    def parse(cls, fields: Mapping[str, object]) -> "MuteRequest":
        """Reads Bitrix24's fields; names in upper case, unknown ones already refused.

        Raises:
            InvalidId, InvalidParameter: the first fault, in the contract's order.
        """
        chat_id, dialog_id = fields.get("CHAT_ID"), fields.get("DIALOG_ID")
        if chat_id is not None and dialog_id is not None:
            raise InvalidParameter("CHAT_ID, DIALOG_ID", "only one of the two may be given.")
        parsed_dialog_id = None if dialog_id is None else _dialog_id(dialog_id)
        parsed_chat_id = _chat_id(chat_id) if dialog_id is None else None
        muted = _mute(fields.get("MUTE"))
        for end in ("UNTIL", "FOR"):
            if fields.get(end) is not None:
                raise InvalidParameter(end, "this version cannot mute for a time yet.")
        return cls(parsed_chat_id, parsed_dialog_id, muted, _reason(fields.get("REASON")))

    def fields(self) -> dict[str, int | str | None]:
        """The fields after parsing: two requests are the same if these are."""
        return {
            "CHAT_ID": self.chat_id,
            "DIALOG_ID": self.dialog_id,
            "MUTE": "Y" if self.muted else "N",
            "REASON": self.reason,
        }

    @property
    def chat(self) -> str:
        """The chat as it was named, for logs: a dialog id, or ``chatNNN`` for a numeric chat id."""
        return self.dialog_id if self.dialog_id is not None else f"chat{self.chat_id}"


def body_fields(body: str) -> dict[str, object]:
    """Reads a JSON object whose keys' case does not matter; an empty body, or one of white space, is ``{}``.

    Returns:
        The fields, their names in upper case where they are ASCII.

    Raises:
        InvalidParameter: not JSON, a byte order mark, a duplicate key in whatever spelling, NaN, or not an object.
    """
    if not body.strip(_JSON_WHITE_SPACE):
        return {}
    try:
        parsed = json.loads(body, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_bounded_int)
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at character {error.pos + 1}."
    except RecursionError:
        reason = "too deeply nested."
    else:
        if isinstance(parsed, dict):
            return upper_fields(parsed)
        reason = "not a JSON object."
    raise InvalidParameter("body", reason)


def upper_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """``fields`` with upper-case names, as the portal reads them. Only ASCII is folded: no other letter becomes one.

    Raises:
        InvalidParameter: the same name in two spellings.
    """
    return _unique((name.upper() if name.isascii() else name, value) for name, value in fields.items())


def refuse_unknown(fields: Iterable[str], known: frozenset[str]) -> None:
    """Refuses the first field that is not ``known``.

    Raises:
        InvalidParameter: naming it.
    """
    for name in fields:
        if name not in known:
            raise InvalidParameter(printable(name), "unknown field.")


def printable(name: str) -> str:
    """A caller's own word, fit to be quoted in an answer."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:64])


def instant(field: str, value: object) -> datetime:
    """Reads RFC 3339 with an offset (seconds optional, ``T`` and ``Z`` in either case), as UTC.

    Raises:
        InvalidParameter: anything else.
    """
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise InvalidParameter(field, "must be a time like 2026-12-24T18:00:00+01:00.")


def _chat_id(value: object) -> int:
    if value is None:
        raise InvalidId("CHAT_ID", "one of CHAT_ID and DIALOG_ID is needed.")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and _CHAT_ID.fullmatch(value) and int(value) <= _ID_MAX:
        return int(value)
    raise InvalidId("CHAT_ID", "must be a positive integer.")


def _dialog_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    match = _DIALOG_ID.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > _ID_MAX:
        raise InvalidId("DIALOG_ID", "must be chatNNN, sgNNN, crmNNN or the id of a user.")
    return match[0].lower()


def _mute(value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, str) and value in {"Y", "N"}:
        return value == "Y"
    raise InvalidParameter("MUTE", 'must be exactly "Y" or "N".')


def _reason(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or _CONTROL.search(value):
        raise InvalidParameter("REASON", "must be a text of 1 to 200 characters without control characters.")
    return value


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise InvalidParameter(printable(name), "given twice.")
        fields[name] = value
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidParameter("body", f"not JSON: {name}.")


def _bounded_int(digits: str) -> int | float:
    """Python refuses to convert thousands of digits; no field takes them, and none takes a float either."""
    return int(digits) if len(digits) <= 20 else float(digits)
