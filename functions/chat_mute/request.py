"""Reading a request strictly: what PHP would silently misread must not reach the portal.

PHP takes ``"1489abc"`` for 1489, ``true`` for 1 and any ``MUTE`` but ``"N"`` for a mute; all of that is refused here.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, NoReturn

from chat_mute.errors import InvalidId, InvalidParameter, PastUntil

MUTE_FIELDS = frozenset({"CHAT_ID", "DIALOG_ID", "MUTE", "UNTIL", "FOR", "REASON"})
_CHAT_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_DIALOG_ID = re.compile(r"(?:chat|sg|crm)?([1-9][0-9]{0,18})", re.ASCII | re.IGNORECASE)
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DURATION = re.compile(
    r"P(?=.)(?:([0-9]{1,9})W|(?:([0-9]{1,9})D)?(?:T(?=.)(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?)",
    re.ASCII,
)
_UNITS = (604_800, 86_400, 3_600, 60, 1)
UNTIL_MAX = timedelta(days=366)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Unicode's Cc, and lone surrogates
_ID_MAX = 2**63 - 1
_JSON_WHITE_SPACE = " \t\n\r"


class Terms(NamedTuple):
    """Which state, until when and why; for one chat or for many. See `MuteRequest` for the attributes."""

    muted: bool
    until: datetime | None
    lasting: int | None
    reason: str | None

    @classmethod
    def parse(
        cls,
        fields: Mapping[str, object],
        *,
        now: datetime,
        since: datetime,
        past: bool = False,
        spelled: Callable[[str], str] = str,
    ) -> "Terms":
        """Reads ``MUTE``, ``UNTIL`` or ``FOR``, and ``REASON``, or what they are called here.

        With ``past``, an end that is past is taken: a request that is repeated with its ``Idempotency-Key`` is answered
        also after its end. `refuse_past` is for those that turn out to be new.

        Raises:
            InvalidParameter: the first fault, in this order.
            PastUntil: the mute's end is past.
        """
        muted = _mute(spelled("MUTE"), fields.get(spelled("MUTE")))
        until, lasting = _until(fields, spelled("UNTIL"), spelled("FOR"), now, since)
        if until is not None and until <= now and not past:
            raise PastUntil(spelled("UNTIL" if lasting is None else "FOR"))
        if until is not None and not muted:
            raise InvalidParameter(spelled("UNTIL" if lasting is None else "FOR"), f'not with {spelled("MUTE")} "N".')
        return cls(muted, until, lasting, _reason(spelled("REASON"), fields.get(spelled("REASON"))))


class MuteRequest(NamedTuple):
    """One chat to mute or unmute now; exactly one of the two ids is set.

    Attributes:
        chat_id: numeric chat id.
        dialog_id: ``chatNNN``, ``sgNNN``, ``crmNNN`` or a user's id, in lower case.
        muted: the state asked for.
        reason: why, in the caller's words.
        until: the mute's end, in whole seconds, UTC; None for none.
        lasting: ``FOR`` in seconds, where the end was given so.
    """

    chat_id: int | None
    dialog_id: str | None
    muted: bool
    reason: str | None
    until: datetime | None = None
    lasting: int | None = None

    @classmethod
    def parse(
        cls, fields: Mapping[str, object], *, now: datetime, since: datetime | None = None, past: bool = False
    ) -> "MuteRequest":
        """Reads Bitrix24's fields; names in upper case, unknown ones already refused.

        Args:
            fields: as given.
            now: aware; ``UNTIL`` must be after it.
            since: what ``FOR`` counts from; by default ``now``.
            past: whether an end that is past is taken, see `Terms.parse`.

        Raises:
            InvalidId, InvalidParameter: the first fault, in the contract's order.
            PastUntil: the mute's end is past.
        """
        chat_id, dialog_id = fields.get("CHAT_ID"), fields.get("DIALOG_ID")
        if chat_id is not None and dialog_id is not None:
            raise InvalidParameter("CHAT_ID, DIALOG_ID", "only one of the two may be given.")
        parsed_dialog_id = None if dialog_id is None else read_dialog_id(dialog_id)
        parsed_chat_id = _chat_id(chat_id) if dialog_id is None else None
        terms = Terms.parse(fields, now=now, since=since or now, past=past)
        return cls(parsed_chat_id, parsed_dialog_id, terms.muted, terms.reason, terms.until, terms.lasting)

    def fields(self) -> dict[str, int | str | None]:
        """The fields after parsing: two requests are the same if these are."""
        return {
            "CHAT_ID": self.chat_id,
            "DIALOG_ID": self.dialog_id,
            "MUTE": "Y" if self.muted else "N",
            "UNTIL": self.until.isoformat() if self.until and self.lasting is None else None,
            "FOR": self.lasting,
            "REASON": self.reason,
        }

    @property
    def chat(self) -> str:
        """The chat as it was named, for logs: a dialog id, or ``chatNNN`` for a numeric chat id."""
        return self.dialog_id if self.dialog_id is not None else f"chat{self.chat_id}"


def refuse_past(field: str, until: datetime | None, now: datetime) -> None:
    """Refuses an end that is past.

    Raises:
        PastUntil: naming the field.
    """
    if until is not None and until <= now:
        raise PastUntil(field)


def json_object(body: str) -> dict[str, Any]:
    """Reads a JSON object; an empty body, or one of white space, is ``{}``.

    Raises:
        InvalidParameter: not JSON, a byte order mark, a duplicate key, NaN, too deeply nested, or not an object.
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
            return parsed
        reason = "not a JSON object."
    raise InvalidParameter("body", reason)


def body_fields(body: str) -> dict[str, object]:
    """Reads a JSON object whose keys' case does not matter.

    Returns:
        The fields, their names in upper case where they are ASCII.

    Raises:
        InvalidParameter: see `json_object`; or the same key in two spellings.
    """
    return upper_fields(json_object(body))


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


def read_dialog_id(value: object) -> str:
    """Reads ``DIALOG_ID``: in lower case, as it is passed on.

    Raises:
        InvalidId: it has none of the forms.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    match = _DIALOG_ID.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > _ID_MAX:
        raise InvalidId("DIALOG_ID", "must be chatNNN, sgNNN, crmNNN or the id of a user.")
    return match[0].lower()


def _mute(field: str, value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, str) and value in {"Y", "N"}:
        return value == "Y"
    raise InvalidParameter(field, 'must be exactly "Y" or "N".')


def _until(
    fields: Mapping[str, object], until: str, lasting: str, now: datetime, since: datetime
) -> tuple[datetime | None, int | None]:
    """The end of a mute, and its length in seconds where it was given so."""
    end, length = fields.get(until), fields.get(lasting)
    if end is None and length is None:
        return None, None
    if end is not None and length is not None:
        raise InvalidParameter(f"{until}, {lasting}", "only one of the two may be given.")
    seconds = None if length is None else _duration(lasting, length)
    name = until if seconds is None else lasting
    try:
        moment = instant(until, end) if seconds is None else since + timedelta(seconds=seconds)
    except OverflowError:
        raise InvalidParameter(name, "at most 366 days.") from None
    moment = moment.replace(microsecond=0)
    if moment - min(since, now) > UNTIL_MAX:
        raise InvalidParameter(name, "at most 366 days.")
    return moment, seconds


def _duration(field: str, value: object) -> int:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidParameter(field, "must be a duration like PT8H, P1DT12H or P2W, in whole numbers.")
    seconds = sum(int(amount) * unit for amount, unit in zip(match.groups(), _UNITS, strict=True) if amount)
    if not 0 < seconds <= UNTIL_MAX.total_seconds():
        raise InvalidParameter(field, "must be longer than nothing, and at most 366 days.")
    return seconds


def _reason(field: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or _CONTROL.search(value):
        raise InvalidParameter(field, "must be a text of 1 to 200 characters without control characters.")
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
