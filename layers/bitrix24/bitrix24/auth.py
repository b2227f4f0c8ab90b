"""Credentials: an inbound webhook, or an OAuth application's tokens for one user."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from bitrix24.errors import CredentialError

_WEBHOOK_PATH = re.compile(r"/rest/(?P<user_id>[1-9][0-9]{0,18})/(?P<code>[A-Za-z0-9_-]{1,128})/?", re.ASCII)


@dataclass(frozen=True)
class Webhook:
    """An inbound webhook: it acts as the user who owns it, and whoever has its URL is that user.

    Attributes:
        portal: host, with the port where it is not 443.
        user_id: the owner named in the URL.
    """

    portal: str
    user_id: int
    _code: str = field(repr=False)

    @classmethod
    def parse(cls, url: object) -> "Webhook":
        """Reads a webhook's URL, ``https://PORTAL/rest/USER_ID/CODE/``, strictly.

        Raises:
            CredentialError: the URL is not an ``https`` webhook of the classic REST; the reason never quotes it.
        """
        parts = _https("webhook_url", url)
        if parts.path.startswith("/rest/api/"):
            reason = "it is a REST 3.0 webhook, which has no im methods; a classic one is /rest/USER_ID/CODE/"
            raise _unusable("webhook_url", reason)
        path = _WEBHOOK_PATH.fullmatch(parts.path)
        if path is None or parts.query or parts.fragment:
            raise _unusable("webhook_url", "it is not of the form https://PORTAL/rest/USER_ID/CODE/")
        return cls(_portal(parts), int(path["user_id"]), path["code"])

    def url(self, method: str) -> str:
        """Where ``method`` is called. Secret: not for logs, exceptions or answers."""
        return f"https://{self.portal}/rest/{self.user_id}/{self._code}/{method}"

    @property
    def params(self) -> dict[str, str]:
        """What every call's parameters carry; nothing, the URL says it all."""
        return {}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never come out."""
        return (self._code,)


@dataclass(frozen=True)
class OAuth:
    """An OAuth application's tokens for one user.

    Attributes:
        portal: host, with the port where it is not 443; from ``client_endpoint``.
        user_id: whom the tokens act for.
        token_host: the token server's host; from ``server_endpoint``.
        document: what is stored: the token server's answer as it came, plus ``client_id`` and ``client_secret``.
    """

    portal: str
    user_id: int
    token_host: str
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "OAuth":
        """Reads a stored document strictly.

        Raises:
            CredentialError: naming the field and the reason, never its value.
        """
        for name in ("client_id", "client_secret", "access_token", "refresh_token"):
            if not isinstance(document.get(name), str) or not 0 < len(document[name]) <= 4096:
                raise _unusable(name, "it must be a text")
        user_id = document.get("user_id")
        if user_id is None:  # Bitrix24's documentation: an app's first tokens may come without it
            raise _unusable("user_id", "it is missing; the method profile tells it to who has the tokens")
        if isinstance(user_id, str) and user_id.isascii() and user_id.isdigit() and len(user_id) < 20:
            user_id = int(user_id)
        if not isinstance(user_id, int) or isinstance(user_id, bool) or user_id < 1:
            raise _unusable("user_id", "it must be a positive integer")
        endpoint = _https("client_endpoint", document.get("client_endpoint"))
        if endpoint.path.rstrip("/") != "/rest":
            raise _unusable("client_endpoint", "it is not of the form https://PORTAL/rest/")
        token_server = _https("server_endpoint", document.get("server_endpoint"))
        return cls(_portal(endpoint), user_id, _portal(token_server), dict(document))

    def url(self, method: str) -> str:
        """Where ``method`` is called; without a secret."""
        return f"https://{self.portal}/rest/{method}"

    @property
    def token_url(self) -> str:
        """Where tokens are refreshed."""
        return f"https://{self.token_host}/oauth/token/"

    @property
    def params(self) -> dict[str, str]:
        """What every call's parameters carry: the access token, in the body only."""
        return {"auth": self.document["access_token"]}

    @property
    def refresh_form(self) -> dict[str, str]:
        """What the token server is asked, as a form: secrets do not belong into a query, where servers log them."""
        names = ("client_id", "client_secret", "refresh_token")
        return {"grant_type": "refresh_token", **{name: self.document[name] for name in names}}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never come out."""
        return tuple(self.document[name] for name in ("access_token", "refresh_token", "client_secret"))


Credentials = Webhook | OAuth


def _https(name: str, url: object) -> SplitResult:
    if not isinstance(url, str) or len(url) > 2048:
        raise _unusable(name, "it is not a text")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        is_url = True
    except ValueError:
        is_url = False  # and raised below: the exception's text quotes the URL
    if not is_url:
        raise _unusable(name, "it is not a URL")
    if parts.scheme != "https":
        raise _unusable(name, "it must begin with https://")
    if not host or "@" in parts.netloc or not parts.netloc.isascii() or re.search(r"[\x00-\x20\x7f\\%]", parts.netloc):
        raise _unusable(name, "it names no plain host")
    return parts


def _portal(parts: SplitResult) -> str:
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    return bracketed if parts.port in {None, 443} else f"{bracketed}:{parts.port}"


def _unusable(name: str, reason: str) -> CredentialError:
    return CredentialError("INVALID_CREDENTIALS", f"The account's {name} is not usable: {reason}.")
