"""Credentials: an inbound webhook, ``https://PORTAL/rest/USER_ID/CODE/``."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bitrix24.errors import CredentialError

_REST_PATH = re.compile(r"/rest/(?P<user_id>[1-9][0-9]{0,18})/(?P<code>[A-Za-z0-9_-]{1,128})/?", re.ASCII)


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
        """Reads a webhook's URL strictly.

        Raises:
            CredentialError: the URL is not an ``https`` webhook of the classic REST; the reason never quotes it.
        """
        if not isinstance(url, str) or len(url) > 2048:
            raise _unusable("it is not a text")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise _unusable("it is not a URL") from None
        if parts.scheme != "https":
            raise _unusable("it must begin with https://")
        if not host or "@" in parts.netloc or not parts.netloc.isascii() or re.search(r"[\s\\%]", parts.netloc):
            raise _unusable("it names no plain host")
        if parts.path.startswith("/rest/api/"):
            raise _unusable("it is a REST 3.0 webhook, which has no im methods; a classic one is /rest/USER_ID/CODE/")
        path = _REST_PATH.fullmatch(parts.path)
        if path is None or parts.query or parts.fragment:
            raise _unusable("it is not of the form https://PORTAL/rest/USER_ID/CODE/")
        bracketed = f"[{host}]" if ":" in host else host
        portal = bracketed if port in {None, 443} else f"{bracketed}:{port}"
        return cls(portal, int(path["user_id"]), path["code"])

    def url(self, method: str) -> str:
        """Where ``method`` is called. Secret: not for logs, exceptions or answers."""
        return f"https://{self.portal}/rest/{self.user_id}/{self._code}/{method}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never come out."""
        return (self._code,)


def _unusable(reason: str) -> CredentialError:
    return CredentialError("INVALID_CREDENTIALS", f"The account's webhook_url is not usable: {reason}.")
