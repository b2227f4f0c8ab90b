"""HTTPS routes, and the one place where errors become responses."""

import base64
import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bitrix24 import Clock
from bitrix24 import errors as portal
from chat_mute import errors
from chat_mute.account_check import AccountCheck
from chat_mute.budget import Budget, LambdaContext
from chat_mute.idempotency import Idempotency
from chat_mute.muting import Muting
from chat_mute.observability import Telemetry
from chat_mute.request import MUTE_FIELDS, MuteRequest, body_fields, printable, refuse_unknown

SECONDS = 25.0
"""An API call's budget: API Gateway gives up after 29 s."""
BODY_BYTES = 256 * 1024
_SPARE_SECONDS = 1.0
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_ASSUMED_ROLE = re.compile(r"(arn:[^:]*:sts::[^:]*:assumed-role/[^/]+)/.*")

_STATUS: dict[type[Exception], int] = {
    errors.InvalidParameter: 400,
    errors.InvalidId: 400,
    portal.InvalidChatId: 400,
    portal.AccessRefused: 403,
    errors.AccountNotFound: 404,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.IdempotencyInProgress: 409,
    errors.TooLarge: 413,
    errors.IdempotencyKeyReused: 422,
    portal.Bitrix24Error: 502,
    portal.QueryLimitExceeded: 503,
    portal.Paused: 503,
    portal.PortalTimeout: 504,
}
"""The contract's status table; an exception has the status of its nearest class."""

Event = Mapping[str, Any]
Response = dict[str, Any]


class Api:
    """The routes."""

    def __init__(
        self, muting: Muting, account_check: AccountCheck, idempotency: Idempotency, telemetry: Telemetry, clock: Clock
    ) -> None:
        self._muting = muting
        self._account_check = account_check
        self._idempotency = idempotency
        self._telemetry = telemetry
        self._clock = clock

    def handle(self, event: Event, context: LambdaContext) -> Response:
        """Answers one request of API Gateway's REST API; never raises."""
        try:
            self._telemetry.trigger("api", event["requestContext"]["requestId"])
            return self._route(event, Budget(context, spare=_SPARE_SECONDS, at_most=SECONDS))
        except errors.RequestError as error:
            account = (event.get("pathParameters") or {}).get("account")
            self._telemetry.logger.info("refused", extra={"account": account, "outcome": error.code})
            return _refusal(error, self._clock.now())
        except portal.Bitrix24Error as error:
            return _refusal(error, self._clock.now())
        except Exception:  # our own fault, told apart from every other here, logged and counted
            self._telemetry.logger.exception("internal error")
            self._telemetry.count("InternalError")
            return _response(500, {"error": "INTERNAL_SERVER_ERROR", "error_description": "This is our own fault."})

    def _route(self, event: Event, budget: Budget) -> Response:
        # Never the event's path: behind a custom domain it begins with the base path mapping.
        parameters = event["pathParameters"] or {}
        account, rest = parameters.get("account"), parameters.get("proxy")
        if event["resource"] == "/health":
            _check(event, "GET")
            return _response(200, {"status": "ok"})
        if account is not None and rest is None:
            _check(event, "GET")
            return _response(200, self._account_check.check(account, now=self._clock.now(), time_left=budget))
        if account is not None and rest == "im.chat.mute":
            return self._mute(event, account, budget)
        raise errors.NotFound

    def _mute(self, event: Event, account: str, budget: Budget) -> Response:
        body = _check(event, "POST")
        fields = body_fields(body)
        refuse_unknown(fields, MUTE_FIELDS)
        request = MuteRequest.parse(fields)
        key = _idempotency_key(event)
        caller = _caller(event)

        def work() -> dict[str, Any]:
            return self._muting.mute(account, request, by=caller, time_left=budget)

        if key is None:
            return _response(200, work())
        scope = [caller, account, "POST im.chat.mute", key]
        result, replayed = self._idempotency.once(scope, request.fields(), work, budget)
        if not replayed:
            return _response(200, result)
        self._telemetry.logger.info("replayed", extra={"account": account, "chat": request.chat, "by": caller})
        self._telemetry.count("Replayed")
        return _response(200, result, {"Idempotency-Replayed": "true"})


def _check(event: Event, method: str) -> str:
    """The method, the body's size, the query: what precedes every route's own checks. Returns the body."""
    if event["httpMethod"] != method:
        raise errors.MethodNotAllowed(method)
    body = _body(event)
    for name in event.get("queryStringParameters") or {}:
        raise errors.InvalidParameter(printable(name), "unknown query parameter.")
    if body is None:
        raise errors.InvalidParameter("body", "not UTF-8.")
    return body


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


def _idempotency_key(event: Event) -> str | None:
    """The header, whose name's case does not matter."""
    headers = event.get("multiValueHeaders") or {name: [value] for name, value in (event.get("headers") or {}).items()}
    values = [value for name, given in headers.items() if name.lower() == "idempotency-key" for value in given]
    if not values:
        return None
    if len(values) > 1 or not _IDEMPOTENCY_KEY.fullmatch(values[0]):
        raise errors.InvalidParameter("Idempotency-Key", "must be one header of 1 to 255 characters from ! to ~.")
    return str(values[0])


def _caller(event: Event) -> str:
    """Who signed: the ARN without a role's session name, which changes with each login; or the API key's id."""
    identity = event["requestContext"]["identity"]
    caller = identity.get("userArn") or identity.get("apiKeyId") or "unknown"
    return _ASSUMED_ROLE.sub(r"\1", caller)


def _refusal(error: errors.RequestError | portal.Bitrix24Error, now: datetime) -> Response:
    status = next(_STATUS[meaning] for meaning in type(error).__mro__ if meaning in _STATUS)
    headers = {}
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = error.allowed
    elif isinstance(error, errors.IdempotencyInProgress):
        headers["Retry-After"] = "1"
    elif isinstance(error, portal.QueryLimitExceeded):
        headers["Retry-After"] = "2"
    elif isinstance(error, portal.Paused):
        headers["Retry-After"] = str(max(1, math.ceil((error.until - now).total_seconds())))
    return _response(status, {"error": error.code, "error_description": error.description}, headers)


def _response(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
