"""API Gateway's REST proxy events, read and answered."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from chat_mute import errors
from chat_mute.request import printable

BODY_BYTES = 256 * 1024
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)
_ASSUMED_ROLE = re.compile(r"(arn:[^:]*:sts::[^:]*:assumed-role/[^/]+)/.*")

Event = Mapping[str, Any]
Response = dict[str, Any]


class Request(NamedTuple):
    """One request.

    Attributes:
        method: in upper case.
        resource: the gateway's own route; never the path, which begins with a custom domain's base path mapping.
        account: the route's account, None where it has none.
        rest: what follows the account in the path, in parts.
        event: the whole event.
    """

    method: str
    resource: str
    account: str | None
    rest: tuple[str, ...]
    event: Event

    @classmethod
    def of(cls, event: Event) -> "Request":
        """Reads the event's route."""
        parameters = event["pathParameters"] or {}
        rest = parameters.get("proxy")
        return cls(
            event["httpMethod"],
            event["resource"],
            parameters.get("account"),
            tuple(rest.split("/")) if rest else (),
            event,
        )

    def body(self, *parameters: str) -> str:
        """The body's text, after the checks that precede every route's own: its size, and unknown ``parameters``.

        Raises:
            TooLarge: over 256 KiB.
            InvalidParameter: an unknown query parameter, or a body that is not UTF-8.
        """
        body = _body(self.event)
        for name in self.event.get("queryStringParameters") or {}:
            if name not in parameters:
                raise errors.InvalidParameter(printable(name), "unknown query parameter.")
        if body is None:
            raise errors.InvalidParameter("body", "not UTF-8.")
        return body

    def query(self, name: str) -> str | None:
        """A query parameter.

        Raises:
            InvalidParameter: it is given more than once.
        """
        given = (self.event.get("multiValueQueryStringParameters") or {}).get(name)
        if given is not None and len(given) > 1:
            raise errors.InvalidParameter(name, "given more than once.")
        value: str | None = (self.event.get("queryStringParameters") or {}).get(name)
        return value

    def headers(self, name: str) -> list[str]:
        """Every value of a header, whose name's case does not matter."""
        event = self.event
        headers = event.get("multiValueHeaders") or {
            key: [value] for key, value in (event.get("headers") or {}).items()
        }
        return [value for key, given in headers.items() if key.lower() == name for value in given]

    def prefers(self, media: str, default: str) -> bool:
        """Whether the header ``Accept`` weighs a media type above the default one; RFC 9110, 12.5.1."""
        accepted = _weights(self.headers("accept"))
        return _weight(media, accepted) > _weight(default, accepted)

    @property
    def repeatable(self) -> bool:
        """Whether it has an ``Idempotency-Key``, good or not."""
        return bool(self.headers("idempotency-key"))

    @property
    def idempotency_key(self) -> str | None:
        """The header ``Idempotency-Key``.

        Raises:
            InvalidParameter: it is not one.
        """
        values = self.headers("idempotency-key")
        if not values:
            return None
        if len(values) > 1 or not _IDEMPOTENCY_KEY.fullmatch(values[0]):
            raise errors.InvalidParameter("Idempotency-Key", "must be one header of 1 to 255 characters from ! to ~.")
        return values[0]

    @property
    def caller(self) -> str:
        """Who signed: the ARN without a role's session name, which changes with each login; or the API key's id."""
        identity = self.event["requestContext"]["identity"]
        caller = identity.get("userArn") or identity.get("apiKeyId") or "unknown"
        return _ASSUMED_ROLE.sub(r"\1", caller)


def response(status: int, body: Mapping[str, Any] | None, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON; without a body for 204 and 304."""
    if body is None:
        return _response(status, "", headers or {})
    return text_response(status, json.dumps(body), "application/json", headers)


def text_response(status: int, text: str, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in some other kind of text."""
    return _response(status, text, {"Content-Type": media_type, **(headers or {})})


def _response(status: int, text: str, headers: Mapping[str, str]) -> Response:
    return {"statusCode": status, "headers": dict(headers), "body": text, "isBase64Encoded": False}


def _weights(accept: list[str]) -> dict[str, float]:
    """Each media range's weight; one that cannot be read has none."""
    weights = {}
    for item in ",".join(accept).lower().split(","):
        media, *parameters = (part.strip() for part in item.split(";"))
        quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        weights[media] = float(quality) if _QUALITY.fullmatch(quality) else 0.0
    return weights


def _weight(media: str, accepted: Mapping[str, float]) -> float:
    ranges = (media, media.partition("/")[0] + "/*", "*/*")
    return next((accepted[one] for one in ranges if one in accepted), 0.0)


def _body(event: Event) -> str | None:
    """The body, bounded; ``None`` where it is not UTF-8."""
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:  # not Base64, or a lone surrogate
        return None
    if len(raw) > BODY_BYTES:
        raise errors.TooLarge("The body may be 256 KiB at most.")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
