"""Reading a portal's answer: the envelope ``{"result", "time"}`` or ``{"error", "error_description"}``, and its quirks.

A code may arrive with any HTTP status, 200 included, in any case; ``error`` may be empty, a number or an object; errors
carry no ``time``; a body may be an HTML page whatever the status.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, NoReturn

from bitrix24 import errors
from bitrix24.redaction import describe, redact
from bitrix24.transport import Reply

_NUMBER_MAX = 1e15


class Answer(NamedTuple):
    """A success.

    Attributes:
        result: what the method returned; any JSON value, ``None`` too.
        time: the portal's timing (``start``, ``operating``, ...), ``None`` where it sent none or a strange one.
    """

    result: Any
    time: dict[str, int | float | str] | None

    @property
    def operating_reset_at(self) -> float | None:
        """When the method's operating time next shrinks (Unix seconds), where the portal said so."""
        value = (self.time or {}).get("operating_reset_at")
        return value if isinstance(value, int | float) else None


class Refusal(NamedTuple):
    """An error the portal itself reported: its code in the documentation's spelling, its HTTP status."""

    code: str
    description: str
    status: int


def read(reply: Reply, secrets: Collection[str]) -> Answer | Refusal:
    """Reads ``reply``.

    Raises:
        PortalMoved: a redirect, whatever its body says.
        PortalFailed: a 5xx that is not an error of the portal's REST (a proxy's page, an empty body).
        UnreadableAnswer: not a JSON object in UTF-8.
        UnexpectedAnswer: JSON without sense: no result, an error that is no code.
    """
    if 300 <= reply.status < 400:
        raise errors.PortalMoved
    envelope = _parse(reply)
    refusal = read_refusal(envelope, reply.status, secrets)
    if refusal is not None:
        return refusal
    if reply.status >= 500:
        raise errors.PortalFailed("INTERNAL_SERVER_ERROR")
    if reply.status >= 400:
        raise errors.UnexpectedAnswer(f"The portal answered HTTP {reply.status} without an error code.")
    if "result" not in envelope:
        raise errors.UnexpectedAnswer("The portal's answer has no result.")
    return Answer(envelope["result"], read_time(envelope.get("time"), secrets))


def read_refusal(envelope: Mapping[str, Any], status: int, secrets: Collection[str]) -> Refusal | None:
    """The error in an envelope, or in a command's place in a batch; ``error: null`` is none.

    Raises:
        UnexpectedAnswer: an error that is no code.
    """
    error = envelope.get("error")
    if error is None:
        return None
    if not isinstance(error, str) or not errors.CODE.fullmatch(error) or any(secret in error for secret in secrets):
        raise errors.UnexpectedAnswer("The portal answered with an error that is no error code.")
    return Refusal(errors.spelled(error), describe(envelope.get("error_description"), secrets), status)


def _parse(reply: Reply) -> dict[str, Any]:
    try:
        envelope = json.loads(reply.body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        envelope = None
    if isinstance(envelope, dict):
        return envelope
    if reply.status >= 500:
        raise errors.PortalFailed("INTERNAL_SERVER_ERROR", f"The portal answered HTTP {reply.status} with a page.")
    raise errors.UnreadableAnswer("The portal's answer was not a JSON object in UTF-8.")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def read_time(time: object, secrets: Collection[str]) -> dict[str, int | float | str] | None:
    """The portal's timing, or ``None`` where it is none: anything but a small map of numbers and short texts."""
    if not isinstance(time, dict) or len(time) > 16:
        return None
    for name, value in time.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        if not isinstance(value, str) and not abs(value) < _NUMBER_MAX:  # so that infinity falls out, too
            return None
        if any(len(text) > 64 or redact(text, secrets) != text for text in (name, value) if isinstance(text, str)):
            return None
    return time
