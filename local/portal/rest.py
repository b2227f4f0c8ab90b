"""From an HTTP request to an HTTP response: paths, authorisation, limits, faults, the envelope, the journal.

`dispatch` needs no socket, so everything but the delivery on a connection can be driven without one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from local.portal import invoke, php
from local.portal.batch import batch
from local.portal.errors import RestError, known
from local.portal.journal import Call, without_secrets
from local.portal.method import Caller
from local.portal.methods import METHODS
from local.portal.wire import Delivery, Request, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.portal.faults import Fault
    from local.portal.state import Portal

CLOUD_HEADERS = {
    "P3P": 'policyref="/bitrix/p3p.xml", CP="NON DSP COR CUR ADM DEV PSA PSD OUR UNR BUS UNI COM NAV INT DEM STA"',
    "X-Powered-CMS": "Bitrix Site Manager (bc2cad9153cb418e5a5b5bb9a5a6e9f6)",
    "Expires": "Thu, 19 Nov 1981 08:52:00 GMT",
    "Cache-Control": "no-store, no-cache, must-revalidate",
    "Pragma": "no-cache",
    "Access-Control-Allow-Origin": "*",
    "X-Bitrix-Rest-Time": "0.0512349605",
    "X-Bitrix-Rest-User-Time": "0.0319",
    "X-Bitrix-Rest-System-Time": "0.0041",
}
TOKEN_METHOD = "oauth.token"  # noqa: S105 - a name in the journal
TOKEN_PATH = re.compile(r"/oauth/token/?")
V3_PATH = re.compile(r"/rest/api(/|$).*")
WEBHOOK_PATH = re.compile(r"/rest/(?P<user>\d+)/(?P<code>[^/]+)/(?P<method>[^/]+?)/?", re.ASCII)
OAUTH_PATH = re.compile(r"/rest/(?P<method>[^/]+?)/?")


@dataclass(frozen=True, slots=True)
class _Target:
    """What a path asks for; `code` is the webhook's secret, `None` for an OAuth call."""

    method: str
    user_id: int | None = None
    code: str | None = None


def dispatch(portal: Portal, request: Request) -> Response:
    """Answer one request, injected faults included, and record it.

    The response says how it is to be delivered; waiting before the effect has been done, waiting after it is left to
    the caller.
    """
    target = _target(request.path)
    params = request.params()
    number = portal.journal.number()
    fault = portal.faults.take(target.method, params)
    if fault is not None and fault.delay_before > 0:
        portal.sleep(fault.delay_before)
    outcome = _Outcome()
    if fault is None or fault.effect:
        with portal.lock:
            response = _answer(portal, request, target, params, outcome)
    else:
        response = Response(200)
    if fault is not None:
        response = _spoilt(fault, request, response)
    response = replace(response, headers={**CLOUD_HEADERS, **response.headers})
    status = 0 if response.delivery is Delivery.RESET else response.status
    portal.journal.add(
        Call(
            number,
            target.method,
            without_secrets(params),
            outcome.user_id,
            status,
            outcome.error,
            fault=fault.name if fault else None,
            commands=outcome.commands,
        )
    )
    return response


@dataclass
class _Outcome:
    """What the journal wants to know of a call."""

    user_id: int | None = None
    error: str | None = None
    commands: tuple[Call, ...] = ()


def _spoilt(fault: Fault, request: Request, response: Response) -> Response:
    """Let a fault have its way with a response; an error answer is not a success and only its delivery is spoilt."""
    if fault.effect and response.status != 200:
        changed = fault.edit(request, response)
        return replace(response, delivery=changed.delivery, delay=changed.delay)
    return fault.edit(request, response)


def _target(path: str) -> _Target:
    """Read a path; the method is `""` for one that is no REST path, or names what may be a webhook code."""
    if TOKEN_PATH.fullmatch(path):
        return _Target(TOKEN_METHOD)
    if V3_PATH.fullmatch(path):
        return _Target("rest3")
    if match := WEBHOOK_PATH.fullmatch(path):
        return _Target(_method_name(match["method"]), int(match["user"]), match["code"])
    name = _method_name(match["method"]) if (match := OAUTH_PATH.fullmatch(path)) else ""
    return _Target(name if "." in name or name in ("batch", *METHODS) else "")


def _method_name(segment: str) -> str:
    """Return a method's name: lower case, the optional `.json` taken off."""
    return segment.lower().removesuffix(".json")


def _answer(
    portal: Portal, request: Request, target: _Target, params: Mapping[str, Any], outcome: _Outcome
) -> Response:
    """Answer a request as the portal in its present state does."""
    if portal.moved_to is not None:
        return Response(302, headers={"Location": portal.moved_to + request.url.removeprefix(request.base_url)})
    try:
        if portal.deleted:
            raise known("PORTAL_DELETED", portal.quirks)
        if target.method == TOKEN_METHOD:
            return json_response(200, portal.oauth.token(params, request.base_url, portal.quirks), commands=1)
        if target.method == "rest3":
            return _rest3()
        return _call(portal, request, target, params, outcome)
    except RestError as error:
        outcome.error = error.code
        return json_response(error.status, error.body())


def _call(portal: Portal, request: Request, target: _Target, params: Mapping[str, Any], outcome: _Outcome) -> Response:
    """Carry out a REST call: limits, method, authorisation, effect."""
    started = portal.clock()
    portal.limits.admit(started, portal.quirks)
    if target.method != "batch":
        invoke.find(target.method, portal)
    caller = _caller(portal, request, target, params)
    outcome.user_id = caller.user_id
    portal.limits.check_blocks(portal.quirks)
    envelope: dict[str, Any]
    if target.method == "batch":
        portal.limits.check_operating(caller.credential, "batch", started, portal.quirks)
        result, outcome.commands = batch(portal, caller, php.upper_keys(dict(params)))
        envelope = {"result": result}
    else:
        reply = invoke.run(portal, caller, target.method, params)
        envelope = {"result": reply.result}
        if reply.next is not None:
            envelope["next"] = reply.next
        if reply.total is not None:
            envelope["total"] = reply.total
    if portal.quirks.time != "missing":
        envelope["time"] = invoke.timing(portal, started, caller.credential, target.method)
    return json_response(200, envelope, commands=max(1, len(outcome.commands)))


def _caller(portal: Portal, request: Request, target: _Target, params: Mapping[str, Any]) -> Caller:
    """Return who calls, by webhook or by token."""
    caller = _webhook_caller(portal, request, target) if target.code else _token_caller(portal, request, params)
    user = portal.users.get(caller.user_id)
    if user is None or not user.active:
        raise known("authorization_error", portal.quirks)
    if not portal.paid:
        raise known("ACCESS_DENIED", portal.quirks)
    return caller


def _webhook_caller(portal: Portal, request: Request, target: _Target) -> Caller:
    """Check a webhook: HTTPS, the code, its user id, its state."""
    quirks = portal.quirks
    if quirks.https_required and not request.secure:
        raise known("INVALID_REQUEST", quirks)
    webhook = portal.webhooks.get(target.code or "")
    expired = webhook is not None and webhook.expires_at is not None and portal.clock() >= webhook.expires_at
    if webhook is None or webhook.url_user_id != target.user_id or not webhook.enabled or expired:
        raise known("INVALID_CREDENTIALS", quirks)
    return Caller(webhook.owner_id, webhook.scopes, f"webhook of {webhook.url_user_id}")


def _token_caller(portal: Portal, request: Request, params: Mapping[str, Any]) -> Caller:
    """Check an access token: the parameter `auth` (or `access_token`), or a bearer header."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = params.get("auth") or params.get("access_token") or (bearer if scheme.lower() == "bearer" else "")
    if not isinstance(token, str) or not token:
        raise known("NO_AUTH_FOUND", portal.quirks)
    found = portal.oauth.user_of(token)
    if isinstance(found, str):
        raise known(found, portal.quirks)
    user_id, app = found
    return Caller(user_id, app.scopes, f"app {app.client_id} of {user_id}", app=True)


def _rest3() -> Response:
    """Answer as REST 3.0 does: `im` is not part of it, and `error` is an object."""
    error = {"code": "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION", "message": "Method not found"}
    return json_response(404, {"error": error})
