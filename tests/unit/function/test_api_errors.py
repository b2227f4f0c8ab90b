"""Api.handle: the contract's status table, Retry-After, and what a fault of our own says."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from bitrix24 import errors as portal
from chat_mute import errors
from tests.unit.function.doubles import Context, FakeAccountCheck, FakeMuting
from tests.unit.function.events import api_event, post
from tests.unit.function.test_api_routes import CHAT, Service
from tests.unit.layer.doubles import START

# Not the marked code: what is logged on purpose here stays in pytest's own raw records.
CODE = "s3cr3tc0de7x9"
URL = f"https://portal.example/rest/503/{CODE}/"

pytestmark = pytest.mark.usefixtures("telemetry")


def paused(code: str, seconds: float) -> portal.Paused:
    return portal.Paused(code, "", START + timedelta(seconds=seconds))


STATUS_TABLE: list[tuple[Exception, int, str, dict[str, str]]] = [
    # what is raised, status, code, headers besides the Content-Type
    (errors.InvalidParameter("MUTE", "no"), 400, "INVALID_PARAMETER", {}),
    (errors.InvalidId("CHAT_ID", "no"), 400, "CHAT_ID_EMPTY", {}),
    (errors.InvalidId("DIALOG_ID", "no"), 400, "DIALOG_ID_EMPTY", {}),
    (portal.InvalidChatId("CHAT_ID_EMPTY"), 400, "CHAT_ID_EMPTY", {}),
    (portal.InvalidChatId("DIALOG_ID_EMPTY"), 400, "DIALOG_ID_EMPTY", {}),
    (portal.AccessRefused("ACCESS_ERROR"), 403, "ACCESS_ERROR", {}),
    (errors.AccountNotFound(), 404, "ACCOUNT_NOT_FOUND", {}),
    (errors.NotFound(), 404, "NOT_FOUND", {}),
    (errors.MethodNotAllowed("POST"), 405, "METHOD_NOT_ALLOWED", {"Allow": "POST"}),
    (errors.IdempotencyInProgress(), 409, "IDEMPOTENCY_IN_PROGRESS", {"Retry-After": "1"}),
    (errors.TooLarge("too large"), 413, "TOO_LARGE", {}),
    (errors.IdempotencyKeyReused(), 422, "IDEMPOTENCY_KEY_REUSED", {}),
    *[
        (portal.CredentialError(code), 502, code, {})
        for code in (
            "NO_AUTH_FOUND",
            "INVALID_CREDENTIALS",
            "expired_token",
            "insufficient_scope",
            "user_access_error",
            "authorization_error",
        )
    ],
    *[
        (portal.AccountBlocked(code), 502, code, {})
        for code in ("ACCESS_DENIED", "PORTAL_DELETED", "PAYMENT_REQUIRED", "QUERY_LIMIT_EXCEEDED")
    ],
    (portal.Bitrix24Error("INVALID_REQUEST"), 502, "INVALID_REQUEST", {}),
    (portal.Bitrix24Error("Brand_New"), 502, "Brand_New", {}),
    (portal.UnexpectedAnswer("x"), 502, "ERROR_UNEXPECTED_ANSWER", {}),
    (portal.UnreadableAnswer("x"), 502, "ERROR_UNEXPECTED_ANSWER", {}),
    (portal.PortalFailed("INTERNAL_SERVER_ERROR"), 502, "INTERNAL_SERVER_ERROR", {}),
    (portal.PortalFailed("CONNECTION_ERROR"), 502, "CONNECTION_ERROR", {}),
    (portal.PortalMoved(), 502, "PORTAL_MOVED", {}),
    (portal.PortalUnreachable("x"), 502, "PORTAL_UNREACHABLE", {}),
    (portal.QueryLimitExceeded("QUERY_LIMIT_EXCEEDED"), 503, "QUERY_LIMIT_EXCEEDED", {"Retry-After": "2"}),
    (paused("OPERATION_TIME_LIMIT", 300), 503, "OPERATION_TIME_LIMIT", {"Retry-After": "300"}),
    (paused("OPERATION_TIME_LIMIT", 41.2), 503, "OPERATION_TIME_LIMIT", {"Retry-After": "42"}),
    (paused("OPERATION_TIME_LIMIT", 0.001), 503, "OPERATION_TIME_LIMIT", {"Retry-After": "1"}),
    (paused("OPERATION_TIME_LIMIT", -3), 503, "OPERATION_TIME_LIMIT", {"Retry-After": "1"}),
    (paused("OVERLOAD_LIMIT", 900), 503, "OVERLOAD_LIMIT", {"Retry-After": "900"}),
    (portal.PortalTimeout(), 504, "PORTAL_TIMEOUT", {}),
]


@pytest.mark.parametrize(("error", "status", "code", "headers"), STATUS_TABLE)
@pytest.mark.parametrize("key", [None, "key-1"])
def test_each_error_has_its_status_code_and_headers(
    error: Any, status: int, code: str, headers: dict[str, str], key: str | None
) -> None:
    service = Service(FakeMuting(error))
    event = post(CHAT, headers={"Idempotency-Key": [key]} if key else None)
    response = service.api.handle(event, Context())
    assert response["statusCode"] == status
    assert json.loads(response["body"]) == {"error": code, "error_description": error.description}
    assert response["headers"] == {"Content-Type": "application/json", **headers}
    assert service.dynamodb.items("idempotency") == [], "an error is never kept"


def test_the_account_route_has_the_same_errors() -> None:
    service = Service(check=FakeAccountCheck(errors.AccountNotFound()))
    status, body = service.answer(api_event("GET", "/{account}", {"account": "none"}))
    assert (status, body["error"]) == (404, "ACCOUNT_NOT_FOUND")


@pytest.mark.parametrize(
    "fault",
    [RuntimeError(f"at {URL}"), KeyError(CODE), GetParameterError("throttled"), RecursionError(), MemoryError()],
)
def test_a_fault_of_our_own_says_nothing_and_is_logged_and_counted(
    fault: Exception, lines: Callable[[], list[dict[str, Any]]], counts: Callable[[], dict[str, int]]
) -> None:
    response = Service(FakeMuting(fault)).api.handle(post(CHAT), Context())
    assert response["statusCode"] == 500
    assert json.loads(response["body"]) == {
        "error": "INTERNAL_SERVER_ERROR",
        "error_description": "This is our own fault.",
    }
    (line,) = lines()
    assert (line["level"], line["message"]) == ("ERROR", "internal error")
    assert line["exception_name"] == type(fault).__name__
    assert "Traceback" in line["exception"]
    assert URL not in json.dumps(line)
    assert counts() == {"InternalError": 1}


def test_a_refused_request_is_one_line_and_no_error_of_ours(
    lines: Callable[[], list[dict[str, Any]]], counts: Callable[[], dict[str, int]]
) -> None:
    Service().api.handle(post("{"), Context())
    (line,) = lines()
    assert (line["level"], line["message"], line["outcome"]) == ("INFO", "refused", "INVALID_PARAMETER")
    assert counts() == {}
