"""HTTPS routes, and the one place where errors become responses."""

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from bitrix24 import Clock
from bitrix24 import errors as portal
from chat_mute import errors
from chat_mute.account_check import AccountCheck
from chat_mute.budget import CALL_SECONDS, Budget, LambdaContext
from chat_mute.contract import contract
from chat_mute.gateway import Event, Request, Response, response, text_response
from chat_mute.holding import Holding
from chat_mute.idempotency import Idempotency
from chat_mute.job import FIELDS as JOB_FIELDS
from chat_mute.job import JobRequest
from chat_mute.jobs import Jobs
from chat_mute.muting import Muting
from chat_mute.observability import Telemetry
from chat_mute.policies import Policies, read
from chat_mute.preconditions import etag, is_known, precondition
from chat_mute.preview import Preview, days_ahead, start
from chat_mute.quiet_hours.policy import Policy
from chat_mute.request import (
    MUTE_FIELDS,
    MuteRequest,
    body_fields,
    json_object,
    printable,
    read_dialog_id,
    refuse_past,
    refuse_unknown,
)

_SPARE_SECONDS = 1.0
ANSWER_LENGTH = 4_500_000
"""Lambda hands on 6 MB, in which each quotation mark of a body takes two bytes."""
_NAME = "*"
_BY_ACCEPT = {"Vary": "Accept"}
_RESULT = re.compile(r"0|[1-9][0-9]{0,6}", re.ASCII)

_STATUS: dict[type[Exception], int] = {
    errors.InvalidParameter: 400,
    errors.InvalidId: 400,
    portal.InvalidChatId: 400,
    portal.AccessRefused: 403,
    errors.AccountNotFound: 404,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.IdempotencyInProgress: 409,
    errors.Busy: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.IdempotencyKeyReused: 422,
    errors.InvalidPolicy: 422,
    errors.ReleaseOnly: 503,
    portal.Bitrix24Error: 502,
    portal.QueryLimitExceeded: 503,
    portal.Paused: 503,
    portal.PortalTimeout: 504,
}
"""The contract's status table; an exception has the status of its nearest class."""


class UseCases(NamedTuple):
    """What the routes lead to."""

    muting: Muting
    policies: Policies
    preview: Preview
    holding: Holding
    jobs: Jobs
    account_check: AccountCheck


class _Call(NamedTuple):
    """One request to an account's route.

    Attributes:
        account: whose.
        name: the part of the path that names something, where the route has one.
        now: when it came.
        budget: for the portal.
    """

    request: Request
    account: str
    name: str
    now: datetime
    budget: Budget

    @property
    def by(self) -> str:
        return f"caller:{self.request.caller}"

    def key(self, route: str) -> list[str] | None:
        """Its ``Idempotency-Key`` with all that scopes it; None without one."""
        key = self.request.idempotency_key
        return None if key is None else [self.request.caller, self.account, route, key]


class Api:
    """The routes."""

    def __init__(self, use_cases: UseCases, idempotency: Idempotency, telemetry: Telemetry, clock: Clock) -> None:
        self._use = use_cases
        self._idempotency = idempotency
        self._telemetry = telemetry
        self._clock = clock
        self._public: dict[str, Callable[[Request], Response]] = {
            "/health": lambda _: response(200, {"status": "ok"}),
            "/openapi.yaml": _contract,
        }
        self._routes: dict[tuple[str, ...], dict[str, Callable[[_Call], Response]]] = {
            (): {"GET": self._account},
            ("im.chat.mute",): {"POST": self._mute},
            ("mutes",): {"POST": self._mute_many},
            ("jobs", _NAME): {"GET": self._job, "DELETE": self._cancel_job},
            ("chats", _NAME): {"GET": self._chat},
            ("holds",): {"GET": self._holds, "DELETE": self._let_go},
            ("quiet-hours",): {"GET": self._policies},
            ("quiet-hours", "preview"): {"POST": self._preview_unsaved},
            ("quiet-hours", _NAME): {"GET": self._policy, "PUT": self._put_policy, "DELETE": self._delete_policy},
            ("quiet-hours", _NAME, "preview"): {"GET": self._preview},
            ("quiet-hours", _NAME, "skip"): {"POST": self._skip, "DELETE": self._unskip},
        }

    def handle(self, event: Event, context: LambdaContext) -> Response:
        """Answers one request of API Gateway's REST API; never raises."""
        try:
            self._telemetry.trigger("api", event["requestContext"]["requestId"])
            budget = Budget(context, self._clock, spare=_SPARE_SECONDS, at_most=CALL_SECONDS)
            return _bounded(self._route(Request.of(event), budget))
        except errors.RequestError as error:
            account = printable(str((event.get("pathParameters") or {}).get("account")))
            self._telemetry.logger.info("refused", extra={"account": account, "outcome": error.code})
            return _refusal(error, self._clock.now())
        except portal.Bitrix24Error as error:
            return _refusal(error, self._clock.now())
        except Exception:  # our own fault, told apart from every other here, logged and counted
            self._telemetry.logger.exception("internal error")
            self._telemetry.count("InternalError")
            return response(500, {"error": "INTERNAL_SERVER_ERROR", "error_description": "This is our own fault."})

    def _route(self, request: Request, budget: Budget) -> Response:
        if request.resource in self._public:
            if request.method != "GET":
                raise errors.MethodNotAllowed("GET")
            request.body()
            return self._public[request.resource](request)
        if request.account is None:
            raise errors.NotFound
        matching = [pattern for pattern in self._routes if _matches(pattern, request.rest)]
        if not matching:
            raise errors.NotFound
        for pattern in matching:
            if request.method in self._routes[pattern]:
                name = next((part for part, one in zip(request.rest, pattern, strict=True) if one == _NAME), "")
                call = _Call(request, request.account, name, self._clock.now(), budget)
                return self._routes[pattern][request.method](call)
        raise errors.MethodNotAllowed(", ".join(method for pattern in matching for method in self._routes[pattern]))

    # ---- the account, chats and holds -------------------------------------------------------------------------------

    def _account(self, call: _Call) -> Response:
        call.request.body()
        return response(200, self._use.account_check.check(call.account, now=call.now, time_left=call.budget))

    def _mute(self, call: _Call) -> Response:
        fields = body_fields(call.request.body())
        refuse_unknown(fields, MUTE_FIELDS)
        mute = MuteRequest.parse(fields, now=call.now, past=call.request.repeatable)

        def work() -> dict[str, Any]:
            refuse_past("UNTIL", mute.until, call.now)
            return self._use.muting.mute(call.account, mute, by=call.by, now=call.now, time_left=call.budget)

        result, headers = self._once(call, "POST im.chat.mute", mute.fields(), work)
        return response(200, result, headers)

    def _mute_many(self, call: _Call) -> Response:
        fields = json_object(call.request.body())
        refuse_unknown(fields, JOB_FIELDS)
        job = JobRequest.parse(fields, call.now, past=call.request.repeatable)
        route = "POST mutes"

        def work() -> dict[str, Any]:
            refuse_past("until", job.terms.until, call.now)
            return self._use.jobs.create(call.account, job, by=call.by, now=call.now, key=call.key(route))

        result, headers = self._once(call, route, job.fields(), work)
        return response(202, result, {"Location": f"/{call.account}/jobs/{result['job']}", **headers})

    def _job(self, call: _Call) -> Response:
        call.request.body("next")
        after = call.request.query("next")
        after = "0" if after is None else after
        if not _RESULT.fullmatch(after):
            raise errors.InvalidParameter("next", "must be what the page before has told.")
        return response(200, self._use.jobs.show(call.account, call.name, int(after)))

    def _cancel_job(self, call: _Call) -> Response:
        call.request.body()
        self._use.jobs.cancel(call.account, call.name, by=call.by, now=call.now)
        return response(204, None)

    def _chat(self, call: _Call) -> Response:
        call.request.body()
        name = read_dialog_id(call.name)
        return response(200, self._use.holding.chat(call.account, name, now=call.now, time_left=call.budget))

    def _holds(self, call: _Call) -> Response:
        call.request.body("next")
        after = call.request.query("next")
        if after is not None and not (after.isascii() and after.isdigit() and len(after) < 20):
            raise errors.InvalidParameter("next", "must be what the page before has told.")
        return response(200, self._use.holding.list(call.account, after))

    def _let_go(self, call: _Call) -> Response:
        call.request.body()
        return response(202, {"releasing": self._use.holding.let_go(call.account, by=call.by, now=call.now)})

    # ---- policies ---------------------------------------------------------------------------------------------------

    def _policies(self, call: _Call) -> Response:
        call.request.body()
        return response(200, self._use.policies.list(call.account, call.now))

    def _policy(self, call: _Call) -> Response:
        call.request.body()
        shown, version = self._use.policies.get(call.account, call.name, call.now)
        return response(200, shown, {"ETag": etag(version)})

    def _put_policy(self, call: _Call) -> Response:
        policy = read(call.name, json_object(call.request.body()))
        wanted = precondition(call.request)
        shown, version, new = self._use.policies.put(call.account, policy, wanted, by=call.by, now=call.now)
        return response(201 if new else 200, shown, {"ETag": etag(version)})

    def _delete_policy(self, call: _Call) -> Response:
        call.request.body()
        self._use.policies.delete(call.account, call.name, precondition(call.request), by=call.by, now=call.now)
        return response(204, None)

    def _preview(self, call: _Call) -> Response:
        call.request.body("from", "days", "chats")
        return self._look_ahead(call, lambda: self._use.policies.find(call.account, call.name).value)

    def _preview_unsaved(self, call: _Call) -> Response:
        policy = read("preview", json_object(call.request.body("from", "days", "chats")))
        return self._look_ahead(call, lambda: policy)

    def _look_ahead(self, call: _Call, find: Callable[[], Policy]) -> Response:
        query = call.request.query
        days = days_ahead(query("days"))
        chats = query("chats")
        if chats not in {None, "0", "1"}:
            raise errors.InvalidParameter("chats", "must be 0 or 1.")
        policy = find()
        since = start(query("from"), policy, call.now)
        if call.request.prefers("image/svg+xml", "application/json"):
            drawn = self._use.preview.draw(call.account, policy, since, days, call.now)
            return text_response(200, drawn, "image/svg+xml; charset=utf-8", _BY_ACCEPT)
        shown = self._use.preview.show(
            call.account, policy, since, days, with_chats=chats == "1", time_left=call.budget
        )
        return response(200, shown, _BY_ACCEPT)

    def _skip(self, call: _Call) -> Response:
        refuse_unknown(json_object(call.request.body()), frozenset())

        def work() -> dict[str, Any]:
            return self._use.policies.skip(call.account, call.name, by=call.by, now=call.now)

        result, headers = self._once(call, f"POST quiet-hours/{call.name}/skip", {}, work)
        return response(200, result, headers)

    def _unskip(self, call: _Call) -> Response:
        call.request.body()
        self._use.policies.unskip(call.account, call.name, by=call.by, now=call.now)
        return response(204, None)

    def _once(
        self, call: _Call, route: str, fields: dict[str, Any], work: Callable[[], dict[str, Any]]
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Does the work, once where the request has an ``Idempotency-Key``. Its result, and headers that say so."""
        key = call.key(route)
        if key is None:
            return work(), {}
        result, replayed = self._idempotency.once(key, fields, work, call.budget)
        if not replayed:
            return result, {}
        self._telemetry.logger.info("replayed", extra={"account": call.account, "route": route, "by": call.by})
        self._telemetry.count("Replayed")
        return result, {"Idempotency-Replayed": "true"}


def _contract(request: Request) -> Response:
    document = contract()
    headers = {"ETag": etag(document.version)}
    if is_known(request, document.version):
        return response(304, None, headers)
    return text_response(200, document.text, "application/yaml", headers)


def _matches(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    return len(pattern) == len(parts) and all(
        one in {part, _NAME} and part for one, part in zip(pattern, parts, strict=True)
    )


def _bounded(answer: Response) -> Response:
    """An answer that Lambda hands on.

    Raises:
        TooLarge: it would not.
    """
    if len(answer["body"]) > ANSWER_LENGTH:
        raise errors.TooLarge("The answer would be too large for AWS Lambda. Ask for less at once.")
    return answer


def _refusal(error: errors.RequestError | portal.Bitrix24Error, now: datetime) -> Response:
    status = next(_STATUS[meaning] for meaning in type(error).__mro__ if meaning in _STATUS)
    headers = {}
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = error.allowed
    elif isinstance(error, errors.IdempotencyInProgress | errors.Busy):
        headers["Retry-After"] = "1"
    elif isinstance(error, errors.ReleaseOnly):
        headers["Retry-After"] = "300"
    elif isinstance(error, portal.QueryLimitExceeded):
        headers["Retry-After"] = "2"
    elif isinstance(error, portal.Paused):
        headers["Retry-After"] = str(max(1, math.ceil((error.until - now).total_seconds())))
    return response(status, {"error": error.code, "error_description": error.description}, headers)
