"""A TLS server that answers exactly the bytes a test has written down."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Script = bytes | Callable[[socket.socket], None]

OK = b'{"result": true}'


def http(body: bytes = OK, status: str = "200 OK", *headers: str) -> bytes:
    """A well-formed answer."""
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def head_only(*headers: str, status: str = "200 OK") -> bytes:
    """A status line and headers, and whatever the test appends."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


class RawServer:
    """Answers the n-th request with the n-th script, the last one for ever; a script that is a function has the socket.

    A connection is closed after an answer that says so and after a function, else kept.
    """

    def __init__(self, context: ssl.SSLContext | None, *scripts: Script) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._context = context
        self._scripts = list(scripts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._connection, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _connection(self, connection: socket.socket) -> None:
        self._open.append(connection)
        with contextlib.suppress(OSError, ValueError):
            if self._context is None:  # a client that speaks TLS sends no request that could be read
                self.requests.append(connection.recv(65536))
                connection.sendall(http(b"", "400 Bad Request", "Connection: close"))
                connection.recv(65536)
                return
            connection = self._context.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            while self._answer(connection):
                pass
        with contextlib.suppress(OSError):
            connection.close()

    def _answer(self, connection: socket.socket) -> bool:
        received = b""
        while not received.partition(b"\r\n\r\n")[1]:
            part = connection.recv(65536)
            if not part:
                return False
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        if callable(script):
            script(connection)
            return False
        connection.sendall(script)
        return b"connection: close" not in script.lower()
