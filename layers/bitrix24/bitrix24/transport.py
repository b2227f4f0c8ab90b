"""HTTPS to portals over requests: kept connections, one parsed CA bundle, bounded answers, no secret out.

What is used is requests' adapter. A session on top of it would follow redirects, keep cookies that accounts would
share, and read proxies, passwords and CA bundles from the environment: unwanted here, and a fifth of a call's cost.
"""

import logging
import ssl
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from bitrix24.clock import TimeLeft
from bitrix24.errors import Bitrix24Error, PortalTimeout, PortalUnreachable, UnreadableAnswer
from bitrix24.redaction import RedactingFilter

CONNECT_SECONDS = 3.05
"""A little over TCP's first retransmission after 3 s (the advice of requests' own documentation)."""
IDLE_SECONDS = 60
ANSWER_BYTES = 1024 * 1024
USER_AGENT = "quiet-hours-for-bitrix24/1.0"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
_CHUNK = 64 * 1024
_LOGGERS_WITH_URLS = ("urllib3.connectionpool", "urllib3.connection")
_redacting = RedactingFilter()
_this_thread = threading.local()


class Reply(NamedTuple):
    """One HTTP answer."""

    status: int
    body: bytes


class Transport:
    """Posts JSON to portals. Keeps connections alive between calls; safe to use from several threads.

    Args:
        ca_bundle: a PEM file of the certificate authorities to trust, or a folder of them by the hashes of their names,
            of which only what is needed is read; certifi's bundle by default.
    """

    def __init__(self, ca_bundle: str | None = None) -> None:
        for name in _LOGGERS_WITH_URLS:
            logging.getLogger(name).addFilter(_redacting)
        trusted = ca_bundle or certifi.where()
        is_folder = Path(trusted).is_dir()
        context = ssl.create_default_context(
            cafile=None if is_folder else trusted, capath=trusted if is_folder else None
        )
        context.sslsocket_class = _DeadlineSocket
        self._adapter = _SharedContextAdapter(context)
        self._used = time.time()

    def close(self) -> None:
        """Closes the connections that are kept."""
        self._adapter.close()

    def post(self, url: str, body: bytes, time_left: TimeLeft, content_type: str = JSON) -> Reply:
        """Posts ``body`` and reads the answer, both within ``time_left``.

        Raises:
            PortalTimeout: the time is over.
            PortalUnreachable: no HTTP answer came.
            UnreadableAnswer: the answer was cut short, compressed though we asked for it plain, or over 1 MiB.
        """
        failure: Bitrix24Error
        try:
            return self._exchange(url, body, time_left, content_type)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            failure = PortalTimeout()
        except requests.exceptions.SSLError:
            failure = PortalUnreachable("TLS failed: the portal's certificate is not trusted, or it speaks no TLS.")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            failure = PortalUnreachable("The portal refused or broke the connection, or its name does not resolve.")
        raise failure  # outside of the handlers, so that no __context__ carries the URL

    def _drop_idle(self) -> None:
        """Forgets connections that have been idle too long: a network may have dropped them without telling anybody.

        By the wall clock, because a Lambda's monotonic clock stands still while it is frozen.
        """
        now = time.time()
        if not 0 <= now - self._used <= IDLE_SECONDS:
            self._adapter.close()
        self._used = now

    def _exchange(self, url: str, body: bytes, time_left: TimeLeft, content_type: str) -> Reply:
        left = time_left()
        if left <= 0:
            raise PortalTimeout
        _this_thread.deadline = time.monotonic() + left
        self._drop_idle()
        headers = {
            "User-Agent": USER_AGENT,
            "Content-Type": content_type,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "keep-alive",
        }
        request = requests.Request("POST", url, headers=headers, data=body).prepare()
        # In total: what connecting takes is not there for the answer. requests takes this object, its stubs do not.
        budget: Any = urllib3.Timeout(connect=min(CONNECT_SECONDS, left), total=left)
        with self._adapter.send(request, stream=True, timeout=budget) as response:
            if 300 <= response.status_code < 400:
                return Reply(response.status_code, b"")
            return Reply(response.status_code, _read(response))


def _read(response: requests.Response) -> bytes:
    """The whole body, or an error: asked for plain and bounded, a compressed bomb or an endless answer ends here."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise UnreadableAnswer("The portal's answer was compressed, which was not asked for.")
    body = bytearray()
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            body += chunk
            if len(body) > ANSWER_BYTES:
                raise UnreadableAnswer("The portal's answer was over 1 MiB.")
        complete = True
    except urllib3.exceptions.ProtocolError:
        complete = False
    if not complete:
        raise UnreadableAnswer("The portal's answer was cut short.")
    return bytes(body)


class _DeadlineSocket(ssl.SSLSocket):
    """Receives until its thread's deadline. A socket's own timeout begins anew with each byte that trickles in."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Waits for what is left until the deadline, for headers and body alike."""
        left = _this_thread.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self.settimeout(left)
        return super().recv_into(*args, **kwargs)


class _SharedContextAdapter(HTTPAdapter):
    """Hands urllib3 one ready SSL context; requests would have the CA bundle parsed for each new connection."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(pool_connections=64, pool_maxsize=32, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Every pool gets the context."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        """The pool's key holds the context instead of the path of a CA bundle."""
        host, _ = super().build_connection_pool_key_attributes(*args, **kwargs)
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, *_args: Any) -> None:
        """Leaves the connection to the shared context, which verifies."""
        conn.cert_reqs = "CERT_REQUIRED"
