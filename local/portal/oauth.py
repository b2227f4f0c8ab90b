"""The OAuth side: applications, one-time tokens, and the token server at `/oauth/token/`.

An access token lives an hour. A refresh token lives 180 days and works once: refreshing ends it and the access token
it came with.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.portal.errors import RestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.portal.quirks import Quirks

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 180 * 86400
CODE_SECONDS = 30


@dataclass
class App:
    """An application installed on the portal; `users` limits who may use it (`None`: everyone)."""

    client_id: str
    client_secret: str
    scopes: frozenset[str]
    installed: bool = True
    paid: bool = True
    users: frozenset[int] | None = None


@dataclass
class _Pair:
    """A token pair, or an authorisation code, of one user and one application."""

    client_id: str
    user_id: int
    access: str
    expires: float
    refresh_expires: float


@dataclass
class OAuth:
    """Applications and tokens of one portal; `clock` gives Unix seconds."""

    clock: Callable[[], float]
    member_id: str = "a223c6b3710f85df22e9377d6c4f7553"
    apps: dict[str, App] = field(default_factory=dict)
    _access: dict[str, _Pair] = field(default_factory=dict)
    _refresh: dict[str, _Pair] = field(default_factory=dict)
    _codes: dict[str, _Pair] = field(default_factory=dict)

    def add_app(
        self, client_id: str = "local.app", client_secret: str | None = None, scopes: tuple[str, ...] = ("im",)
    ) -> App:
        """Install an application; a secret is made up if none is given."""
        app = App(client_id, client_secret or secrets.token_hex(25), frozenset(scopes))
        self.apps[client_id] = app
        return app

    def code(self, app: App, user_id: int) -> str:
        """Return an authorisation code for a user; it lives 30 s."""
        code = secrets.token_hex(35)
        self._codes[code] = _Pair(app.client_id, user_id, "", self.clock() + CODE_SECONDS, 0.0)
        return code

    def issue(self, app: App, user_id: int, base_url: str = "https://127.0.0.1") -> dict[str, Any]:
        """Return a new token pair for a user as the token server's answer; earlier pairs stay valid."""
        now = self.clock()
        access, refresh = secrets.token_hex(35), secrets.token_hex(35)
        pair = _Pair(app.client_id, user_id, access, now + ACCESS_SECONDS, now + REFRESH_SECONDS)
        self._access[access] = pair
        self._refresh[refresh] = pair
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires": int(pair.expires),
            "expires_in": ACCESS_SECONDS,
            "client_endpoint": f"{base_url}/rest/",
            "server_endpoint": f"{base_url}/rest/",
            "domain": base_url.partition("://")[2],
            "member_id": self.member_id,
            "scope": ",".join(sorted(app.scopes)),
            "status": "L",
            "user_id": user_id,
        }

    def expire(self, access_token: str | None = None) -> None:
        """Let one access token expire now, or all."""
        for token, pair in self._access.items():
            if access_token in (None, token):
                pair.expires = self.clock()

    def revoke(self) -> None:
        """Forget every token, as uninstalling and installing again does."""
        self._access.clear()
        self._refresh.clear()

    def forget_refresh_tokens(self) -> None:
        """Let every refresh token be used up, as by another process; access tokens stay."""
        self._refresh.clear()

    def user_of(self, access_token: str) -> tuple[int, App] | str:
        """Return the user and application of an access token, or the error code of a call with it."""
        pair = self._access.get(access_token)
        if pair is None:
            return "NO_AUTH_FOUND"
        if self.clock() >= pair.expires:
            return "expired_token"
        app = self.apps.get(pair.client_id)
        if app is None or not app.installed:
            return "APPLICATION_NOT_FOUND"
        if app.users is not None and pair.user_id not in app.users:
            return "user_access_error"
        return pair.user_id, app

    def token(self, params: Mapping[str, Any], base_url: str, quirks: Quirks) -> dict[str, Any]:
        """Answer the token server's request (grants `refresh_token` and `authorization_code`).

        Raises:
            RestError: `invalid_request`, `WRONG_CLIENT` (HTTP 200) or `invalid_client`, `invalid_grant`,
                `NOT_INSTALLED`, `PAYMENT_REQUIRED`.
        """
        grant, app = str(params.get("grant_type", "")), self.apps.get(str(params.get("client_id", "")))
        if grant not in ("refresh_token", "authorization_code"):
            raise RestError("invalid_request", "Unsupported grant type", 400)
        if app is None or not secrets.compare_digest(app.client_secret, str(params.get("client_secret", ""))):
            if quirks.wrong_client_is_200:
                raise RestError("WRONG_CLIENT", "Wrong client", 200)
            raise RestError("invalid_client", "Invalid client", 401)
        if not app.installed:
            raise RestError("NOT_INSTALLED", "Application not installed", 400)
        if not app.paid:
            raise RestError("PAYMENT_REQUIRED", "Payment required", 402)
        if grant == "authorization_code":
            return self._first(app, str(params.get("code", "")), base_url)
        return self._next(app, str(params.get("refresh_token", "")), base_url)

    def _first(self, app: App, code: str, base_url: str) -> dict[str, Any]:
        """Trade an authorisation code; the first answer lacks `expires` and `user_id`."""
        pair = self._codes.pop(code, None)
        if pair is None or pair.client_id != app.client_id or self.clock() >= pair.expires:
            raise RestError("invalid_grant", "Invalid authorization code", 400)
        answer = self.issue(app, pair.user_id, base_url)
        return {key: value for key, value in answer.items() if key not in ("expires", "user_id")}

    def _next(self, app: App, refresh_token: str, base_url: str) -> dict[str, Any]:
        """Trade a refresh token, which works once and ends its access token."""
        pair = self._refresh.get(refresh_token)
        if pair is None or pair.client_id != app.client_id or self.clock() >= pair.refresh_expires:
            raise RestError("invalid_grant", "Invalid refresh token", 400)
        del self._refresh[refresh_token]
        self._access.pop(pair.access, None)
        return self.issue(app, pair.user_id, base_url)
