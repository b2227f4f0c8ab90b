"""What goes over the wire: a request as it came, and a response with the way it is to be delivered."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from local.portal import php

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Delivery(Enum):
    """How the server puts a response on the connection."""

    WHOLE = auto()
    CHUNKED = auto()
    TRUNCATED = auto()
    """`Content-Length` promises more than is sent; then the connection is closed."""
    TRICKLE = auto()
    """A chunked body that never ends: a few bytes at a time until the client goes."""
    RESET = auto()
    """No answer: the connection is reset."""
    CLOSE_SILENTLY = auto()
    """A whole answer that promises keep-alive; then the connection is closed: the next request meets it stale."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names in lower case."""

    verb: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secure: bool = True
    base_url: str = "https://127.0.0.1"

    @property
    def url(self) -> str:
        """Return the whole URL as the client asked for it; it holds the webhook code."""
        return f"{self.base_url}{self.path}{'?' + self.query if self.query else ''}"

    def params(self) -> dict[str, Any]:
        """Return the parameters as PHP sees them: the query, then the body over it.

        A body is read as JSON or as a form by its Content-Type only. Invalid JSON, JSON that is not an object or list,
        and a body of another or no type are silently no parameters.
        """
        params = {str(key): value for key, value in php.parse_str(self.query).items()}
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            params.update({str(key): value for key, value in php.items(_json_or_none(self.body))})
        elif kind == "application/x-www-form-urlencoded":
            form = php.parse_str(self.body.decode("utf-8", "replace"))
            params.update({str(key): value for key, value in form.items()})
        return params


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; `stream` replaces `body` where it is too big to hold."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    delivery: Delivery = Delivery.WHOLE
    stream: Iterator[bytes] | None = None
    delay: float = 0.0
    """Seconds the server waits, after the effect, before it answers."""
    commands: int = 0
    """Methods carried out, for the latency of a benchmark: 1, or those of a batch."""


def json_bytes(value: Any) -> bytes:
    """Return `value` as PHP's `json_encode` writes it: ASCII only, no spaces, empty maps as `[]`."""
    return json.dumps(php.to_json(value), separators=(",", ":")).replace("/", "\\/").encode("ascii")


def json_response(status: int, value: Any, *, commands: int = 0) -> Response:
    """Return a JSON response."""
    return Response(status, json_bytes(value), commands=commands)


def _json_or_none(body: bytes) -> Any:
    """Return the decoded JSON, or `None` where PHP's `json_decode` gives up."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON to PHP."""
    raise ValueError(constant)
