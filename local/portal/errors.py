"""The errors a portal answers with: code, description and HTTP status in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.portal.quirks import Quirks


class RestError(Exception):
    """An error answer: `{"error": code, "error_description": description}` with an HTTP status."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        """Keep the three parts; nothing else ever goes into the answer."""
        super().__init__(code)
        self.code = code
        self.description = description
        self.status = status

    def body(self) -> dict[str, Any]:
        """Return the JSON object a portal sends; errors carry no `time`."""
        return {"error": self.code, "error_description": self.description}


@dataclass(frozen=True, slots=True)
class _Known:
    """A system error: what it says, and its status on servers and in the docs."""

    description: str
    server: int
    docs: int


_KNOWN = {
    "INVALID_CREDENTIALS": _Known("Invalid request credentials", 401, 403),
    "NO_AUTH_FOUND": _Known("Wrong authorization data", 401, 401),
    "insufficient_scope": _Known("The request requires higher privileges than provided by the token", 401, 403),
    "expired_token": _Known("The access token provided has expired.", 401, 401),
    "invalid_token": _Known("Unable to get application by token", 401, 401),
    "user_access_error": _Known("The user does not have access to the application.", 401, 403),
    "authorization_error": _Known("Unable to authorize user", 401, 401),
    "APPLICATION_NOT_FOUND": _Known("Application not found", 401, 401),
    "ACCESS_DENIED": _Known("REST is available only by subscription.", 401, 403),
    "OVERLOAD_LIMIT": _Known("REST API is blocked due to overload.", 401, 503),
    "PORTAL_DELETED": _Known("Portal was deleted", 403, 500),
    "INVALID_REQUEST": _Known("Https required.", 400, 400),
    "QUERY_LIMIT_EXCEEDED": _Known("Too many requests", 503, 503),
    "OPERATION_TIME_LIMIT": _Known("Method is blocked due to operation time limit.", 429, 429),
    "ERROR_METHOD_NOT_FOUND": _Known("Method not found!", 404, 404),
    "ERROR_BATCH_METHOD_NOT_ALLOWED": _Known("Method is not allowed for batch usage", 405, 405),
    "ERROR_BATCH_LENGTH_EXCEEDED": _Known("Max batch length exceeded", 400, 400),
}


def known(code: str, quirks: Quirks, *, status: int | None = None) -> RestError:
    """Return the system error `code` with the status this portal uses for it.

    Args:
        code: one of the codes above; another one is a `KeyError`.
        quirks: decides between the servers' and the docs' status.
        status: overrides both (the permanent `QUERY_LIMIT_EXCEEDED` is a 401).
    """
    error = _KNOWN[code]
    usual = error.server if quirks.auth_status == "server" else error.docs
    return RestError(code, error.description, status or usual)
