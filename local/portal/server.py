"""The portal on a loopback address: HTTP/1.1 with keep-alive, over TLS, one thread per connection."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from local.portal.rest import dispatch
from local.portal.wire import Delivery, Request, Response

if TYPE_CHECKING:
    from types import TracebackType

    from local.portal.state import Portal

LOOPBACK = "127.0.0.1"
IDLE_SECONDS = 120.0
TRICKLE_SECONDS = 0.05
_GONE = (ConnectionError, TimeoutError, ssl.SSLError)


class PortalServer:
    """Serves one portal; a context manager around a daemon thread.

    Args:
        portal: what is served.
        ssl_context: a server-side context with its certificate; `None` serves plain HTTP (to see a portal refuse it).
        port: 0 takes a free one.
        latency: seconds every answer takes, for benchmarks.
        command_latency: seconds every method carried out takes on top (a batch of 50 takes 50 of them).
    """

    def __init__(
        self,
        portal: Portal,
        ssl_context: ssl.SSLContext | None,
        port: int = 0,
        *,
        latency: float = 0.0,
        command_latency: float = 0.0,
    ) -> None:
        """Bind the port at once; serving starts with `start` or on entering the context."""
        self.portal = portal
        self.ssl_context = ssl_context
        self.latency = latency
        self.command_latency = command_latency
        self.connections = 0
        self.requests = 0
        self.counting = threading.Lock()
        self._server = _Server((LOOPBACK, port), _Handler)
        self._server.owner = self
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="portal")

    @property
    def url(self) -> str:
        """Return the base URL, without a slash at the end."""
        return f"{'https' if self.ssl_context else 'http'}://{LOOPBACK}:{self.port}"

    def webhook_url(self, user_id: int) -> str:
        """Return the URL of the user's newest webhook, with a slash at the end; it is a secret."""
        return f"{self.url}/rest/{user_id}/{self.portal.webhook_of(user_id).code}/"

    def start(self) -> None:
        """Serve in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting and close every connection still open."""
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()
        self._thread.join(5)

    def close_idle_connections(self) -> None:
        """Close every open connection without a word, as a portal's proxy does with idle ones."""
        self._server.close_connections()

    def __enter__(self) -> Self:
        """Serve."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


class _Server(ThreadingHTTPServer):
    """Accepts connections; the TLS handshake is left to the connection's own thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    owner: PortalServer

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def server_bind(self) -> None:
        """Bind without looking up the host's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands and serve one connection."""
        with self.owner.counting:
            self.owner.connections += 1
        connection: socket.socket = request
        with contextlib.suppress(*_GONE, OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(IDLE_SECONDS)
            if self.owner.ssl_context is not None:
                connection = self.owner.ssl_context.wrap_socket(connection, server_side=True)
            with self._open_lock:
                self._open.add(connection)
            try:
                _Handler(connection, client_address, self)
            finally:
                with self._open_lock:
                    self._open.discard(connection)
                _close(connection)

    def close_connections(self) -> None:
        """Shut every open connection down."""
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client went away; anything else is a defect of the simulator and is shown."""
        if not isinstance(sys.exception(), _GONE):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads requests from one connection and delivers the responses as they want to be delivered."""

    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve()

    do_POST = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: the request line holds the webhook code."""

    def _serve(self) -> None:
        owner = self.server.owner
        with owner.counting:
            owner.requests += 1
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        base = f"{'https' if owner.ssl_context else 'http'}://{headers.get('host', f'{LOOPBACK}:{owner.port}')}"
        secure = owner.ssl_context is not None
        request = Request(self.command, url.path, url.query, headers, self._body(headers), secure, base)
        response = dispatch(owner.portal, request)
        wait = response.delay + owner.latency + owner.command_latency * response.commands
        if wait > 0:
            owner.portal.sleep(wait)
        self._deliver(response)

    def _body(self, headers: dict[str, str]) -> bytes:
        """Read the request's body, chunked or with a length."""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        length = headers.get("content-length", "0")
        return self.rfile.read(int(length)) if length.isdigit() else b""

    def _deliver(self, response: Response) -> None:
        if response.delivery is Delivery.RESET:
            self._reset()
            return
        length = str(len(response.body) * (2 if response.delivery is Delivery.TRUNCATED else 1))
        headers = {"Content-Type": response.content_type, "Connection": "keep-alive", **response.headers}
        chunked = response.delivery in (Delivery.CHUNKED, Delivery.TRICKLE)
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers.setdefault("Content-Length", length)
        self.send_response(response.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if response.delivery is Delivery.TRICKLE:
            self._trickle(response)
        elif chunked:
            for part in response.stream or iter((response.body,)):
                self._chunk(part)
            self.wfile.write(b"0\r\n\r\n")
        else:
            for part in response.stream or iter((response.body,)):
                self.wfile.write(part)
        if response.delivery in (Delivery.TRUNCATED, Delivery.CLOSE_SILENTLY, Delivery.TRICKLE):
            self.close_connection = True

    def _chunk(self, part: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))

    def _trickle(self, response: Response) -> None:
        """Send the body but for its last byte, then white space, until the client has gone."""
        self._chunk(response.body[:-1])
        with contextlib.suppress(*_GONE, OSError):
            while True:
                self._chunk(b" ")
                self.wfile.flush()
                self.server.owner.portal.sleep(TRICKLE_SECONDS)

    def _reset(self) -> None:
        """Close the connection so that the client sees a reset, not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def finish(self) -> None:
        """Flush what is left; the client may be gone."""
        with contextlib.suppress(*_GONE, OSError, ValueError):
            super().finish()


def _close(connection: socket.socket) -> None:
    """Close a connection the TLS way where the client still listens."""
    with contextlib.suppress(OSError, ValueError):
        connection.close()
