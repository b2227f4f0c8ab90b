"""A portal that means harm, over real TLS, before the whole service: an honest error soon, and little of it is read."""

import contextlib
import gzip
import json
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bitrix24 import TimeLeft, Transport
from bitrix24.transport import JSON, Reply
from local.stack import wait_until
from local.virtual import VirtualStack, WiredTransport
from tests.conftest import WEBHOOK_MARK
from tests.integration.rawserver import OK, RawServer, Script, head_only, http

CODE = f"{WEBHOOK_MARK}portal"
SOON = 0.15
"""Seconds a try has where its answer does not end; the service's own clock is virtual, and stands still meanwhile."""
HUGE = 100 * 2**20
PIECE = b" " * 64 * 1024
READ_AT_MOST = 16 * 2**20
"""The bound of an answer, and what the sockets between hold."""


Ask = Callable[..., tuple[int, str, str]]


class Impatient(Transport):
    """The real one, with as much time as a test says."""

    seconds = 20.0

    def post(self, url: str, body: bytes, time_left: TimeLeft, content_type: str = JSON) -> Reply:
        return super().post(url, body, lambda: min(self.seconds, time_left()), content_type)


@pytest.fixture
def ask(ca_file: Path, context: ssl.SSLContext) -> Iterator[Ask]:
    """Mutes a chat of a portal that answers with scripts; status, code and description of the service's answer."""
    transport = Impatient(str(ca_file))

    def wrap(client: Any) -> Any:
        return transport if isinstance(client, WiredTransport) else client

    stack = VirtualStack(wrap=wrap)
    with contextlib.ExitStack() as servers:

        def of(*scripts: Script, seconds: float = Impatient.seconds) -> tuple[int, str, str]:
            transport.seconds = seconds
            server = servers.enter_context(RawServer(context, *scripts))
            stack.put_account("default", {"webhook_url": f"{server.url}/rest/503/{CODE}/"})
            status, body, _ = stack.call("POST", "/default/im.chat.mute", {"CHAT_ID": 1})
            assert CODE not in json.dumps(body)
            return status, body.get("error", ""), body.get("error_description", "")

        yield of
    transport.close()


class Flood:
    """Sends a head, then pieces, up to a hundred megabytes; counts what the other side let through."""

    def __init__(self, head: bytes, piece: bytes = PIECE) -> None:
        self._head = head
        self._piece = piece
        self.sent: list[int] = []

    def __call__(self, connection: socket.socket) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            connection.sendall(self._head)
            while sent < HUGE:
                connection.sendall(self._piece)
                sent += len(self._piece)
        self.sent.append(sent)


CHUNK = b"10000\r\n" + PIECE + b"\r\n"
FLOODS = {
    "100 MB": Flood(head_only(f"Content-Length: {HUGE}")),
    "without a length": Flood(head_only("Connection: close")),
    "chunks": Flood(head_only("Transfer-Encoding: chunked"), CHUNK),
    "a chunk of 100 MB": Flood(head_only("Transfer-Encoding: chunked") + b"6400000\r\n"),
    "JSON": Flood(head_only(f"Content-Length: {HUGE}") + b'{"result": true, "x": "', b"x" * 65536),
    "under a 500": Flood(head_only(f"Content-Length: {HUGE}", status="500 Internal Server Error")),
    "a chunk's extension": Flood(head_only("Transfer-Encoding: chunked") + b"5;x=", b"x" * 65536),
    "one header": Flood(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
    "headers": Flood(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 1000),
    "a status line": Flood(b"HTTP/1.1 200 ", b"O" * 65536),
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_an_answer_of_100_mb_is_left_off_after_the_first(ask: Ask, flood: Flood) -> None:
    status, code, _ = ask(flood)
    assert (status, code) in {(502, "ERROR_UNEXPECTED_ANSWER"), (502, "PORTAL_UNREACHABLE")}
    assert wait_until(lambda: flood.sent)
    assert max(flood.sent) < READ_AT_MOST


@pytest.mark.parametrize("script", [
    Flood(head_only("Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n", b"X-Trailer: y\r\n" * 500),
    Flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
], ids=["trailers", "100 Continue"])  # fmt: skip
def test_what_goes_on_and_on_ends_with_the_time(ask: Ask, script: Flood) -> None:
    assert ask(script, seconds=SOON)[0] in {502, 504}


BOMB = gzip.compress(b'{"result": true, "x": "' + b"x" * HUGE + b'"}')
DEFLATED = zlib.compress(b" " * HUGE)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BOMB, ["Content-Encoding: gzip"]),
        (BOMB, ["Content-Encoding: x-gzip"]),
        (BOMB, ["content-encoding: GZIP"]),
        (BOMB, ["Content-Encoding: identity", "Content-Encoding: gzip"]),
        (BOMB, ["Content-Encoding: identity, gzip"]),
        (gzip.compress(BOMB), ["Content-Encoding: gzip, gzip"]),
        (DEFLATED, ["Content-Encoding: deflate"]),
        (DEFLATED[2:-4], ["Content-Encoding: deflate"]),
        (b"\xcf\xff\xff\xff" * 8, ["Content-Encoding: br"]),
        (b"\x28\xb5\x2f\xfd" * 8, ["Content-Encoding: zstd"]),
        (BOMB, []),
        (DEFLATED, []),
    ],
    ids=range(12),
)
def test_a_compressed_bomb_is_not_unpacked(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, body: bytes, headers: list[str]
) -> None:
    """It was asked for plain, and whoever sends it compressed all the same is not read: no decoder is ever made."""
    monkeypatch.setattr("urllib3.response._get_decoder", lambda mode: pytest.fail(f"unpacks {mode}"))
    status, code, _ = ask(http(body, "200 OK", *headers))
    assert (status, code) == (502, "ERROR_UNEXPECTED_ANSWER")


def test_a_compressed_transfer_is_not_unpacked(ask: Ask) -> None:
    chunk = f"{len(BOMB):x}\r\n".encode() + BOMB + b"\r\n0\r\n\r\n"
    assert ask(head_only("Transfer-Encoding: gzip, chunked", "Connection: close") + chunk)[0] == 502


def _trickle(head: bytes, piece: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(head)
            connection.settimeout(0.02)
            while True:
                connection.sendall(piece)
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(1):
                        return

    return script


@pytest.mark.parametrize(
    "script",
    [
        _trickle(b"", b"H"),
        _trickle(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        _trickle(head_only("Content-Length: 1000000"), b" "),
        _trickle(head_only("Transfer-Encoding: chunked"), b"1\r\n \r\n"),
        _trickle(head_only("Connection: close"), b" "),
        _trickle(head_only("Content-Length: 18") + OK, b""),
    ],
    ids=["status", "header", "body", "chunks", "until closed", "nothing"],
)
def test_an_answer_that_trickles_ends_with_the_time(ask: Ask, script: Script) -> None:
    assert ask(script, seconds=SOON)[:2] == (504, "PORTAL_TIMEOUT")


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent", "300 Choices"]
)
@pytest.mark.parametrize("scheme", ["https", "http", "file", ""])
def test_a_redirect_is_told_and_nobody_goes_there(ask: Ask, context: ssl.SSLContext, status: str, scheme: str) -> None:
    with RawServer(context, http()) as elsewhere:
        place = {"file": "file:///etc/passwd", "": f"//127.0.0.1:{elsewhere.port}/"}
        location = place.get(scheme, f"{scheme}://127.0.0.1:{elsewhere.port}/rest/503/{CODE}/")
        told = ask(http(b"x", status, f"Location: {location}", f"Refresh: 0; url={location}", f"Set-Cookie: a={CODE}"))
    assert told[:2] == (502, "PORTAL_MOVED")
    assert str(elsewhere.port) not in told[2]
    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\x00", b"null", b"[]", b"{}", b'{"result": NaN}', b'{"result": Infinity}', b'{"result": 1e999}',
        b'{"result": "true"}', b'{"result": 1}',
        b'{"result": ' + b"9" * 10_000 + b"}", b"[" * 500_000, b'{"result": ' + b"[" * 500_000, b'{"a":' * 100_000,
        b"\xff\xfe", b"\xef\xbb\xbf{}",
        b'{"error": {"a": 1}}', b'{"error": ' + b"9" * 10_000 + b"}", b'{"error": "\\ud83d"}',
        b'{"error": "a\\r\\nb"}', b'{"error": "' + b"x" * 65 + b'"}',
        b'{"error": ["' + CODE.encode() + b'"]}', b'{"error": "' + CODE.encode() + b'"}',
    ],
    ids=range(23),
)  # fmt: skip
def test_an_answer_that_makes_no_sense(ask: Ask, body: bytes) -> None:
    assert ask(http(body))[:2] == (502, "ERROR_UNEXPECTED_ANSWER")


def test_an_error_that_quotes_the_secret_and_forges_headers_comes_out_as_one_plain_line(
    ask: Ask,
) -> None:
    text = f"<b>https://x/rest/503/{CODE}/</b>\r\nSet-Cookie: a=b\u2028\x00\x1b[31m" + "x" * 5000
    error = json.dumps({"error": "ERROR_CORE", "error_description": text}).encode()
    status, code, description = ask(http(error, "400 Bad Request", f"X-Echo: {CODE}"))
    assert (status, code) == (502, "ERROR_CORE")
    assert len(description) <= 300
    assert description.isprintable()


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next(
    ask: Ask,
) -> None:
    """Two answers to one request: the second would be the next request's, if the connection were used again."""
    refused = http(b'{"error": "ACCESS_ERROR", "error_description": "one"}', "403 Forbidden")
    assert ask(refused + http(OK), refused)[:2] == (403, "ACCESS_ERROR")
