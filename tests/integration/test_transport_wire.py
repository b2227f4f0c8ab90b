"""Transport over real TLS, against bytes written down: what is sent, kept and read."""

import json
import logging
import ssl
import time
from pathlib import Path

import pytest

from bitrix24 import Transport
from bitrix24.errors import Bitrix24Error, PortalTimeout, PortalUnreachable, UnreadableAnswer
from bitrix24.transport import ANSWER_BYTES, USER_AGENT, Reply
from tests.integration.rawserver import OK, RawServer, Script, head_only, http
from tests.unit.layer.doubles import CODE, assert_tells_nothing

PATH = f"/rest/503/{CODE}/im.chat.mute"


def plenty() -> float:
    return 10.0


def post(transport: Transport, server: RawServer) -> Reply:
    return transport.post(server.url + PATH, b'{"CHAT_ID": 1}', plenty)


def failure(
    transport: Transport, context: ssl.SSLContext | None, script: Script, seconds: float = 10.0
) -> Bitrix24Error:
    """The error that one request ends with; it says nothing secret."""
    end = time.monotonic() + seconds
    with RawServer(context, script) as server, pytest.raises(Bitrix24Error) as caught:
        transport.post(server.url + PATH, b"{}", lambda: end - time.monotonic())
    assert_tells_nothing(caught.value)
    assert caught.value.__context__ is None
    return caught.value


def test_a_request_is_json_names_its_sender_and_asks_for_a_plain_answer(
    transport: Transport, context: ssl.SSLContext
) -> None:
    with RawServer(context, http()) as server:
        assert post(transport, server) == Reply(200, OK)
    head, _, body = server.requests[0].decode().partition("\r\n\r\n")
    line, *fields = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    assert line == f"POST {PATH} HTTP/1.1"
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": USER_AGENT,
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "keep-alive",
    }
    assert json.loads(body) == {"CHAT_ID": 1}


@pytest.mark.parametrize(
    "answer",
    [
        http(),
        head_only("Transfer-Encoding: chunked") + b"10\r\n" + OK + b"\r\n0\r\n\r\n",
        head_only("Transfer-Encoding: chunked") + b"1\r\n{\r\nf;x=y\r\n" + OK[1:] + b"\r\n0\r\nTrailer: x\r\n\r\n",
        http(OK, "200 OK", "Content-Encoding: identity"),
        http(OK, "200 OK", "Content-Encoding:"),
    ],
)
def test_a_connection_serves_many_calls(transport: Transport, context: ssl.SSLContext, answer: bytes) -> None:
    with RawServer(context, answer) as server:
        assert [post(transport, server) for _ in range(4)] == [Reply(200, OK)] * 4
        assert server.connections == 1


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "500 Internal Server Error", "503 Busy"])
def test_errors_keep_their_status_and_body_and_the_connection(
    transport: Transport, context: ssl.SSLContext, status: str
) -> None:
    with RawServer(context, http(b'{"error":"X"}', status)) as server:
        assert post(transport, server) == Reply(int(status[:3]), b'{"error":"X"}')
        post(transport, server)
        assert server.connections == 1


def test_an_empty_body_is_an_answer(transport: Transport, context: ssl.SSLContext) -> None:
    with RawServer(context, http(b"")) as server:
        assert post(transport, server) == Reply(200, b"")


def test_a_body_that_ends_with_its_connection_is_read(transport: Transport, context: ssl.SSLContext) -> None:
    with RawServer(context, head_only("Connection: close") + OK) as server:
        assert post(transport, server) == Reply(200, OK)
        assert post(transport, server) == Reply(200, OK)
        assert server.connections == 2


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed_nor_read(transport: Transport, context: ssl.SSLContext, status: str) -> None:
    with RawServer(context, http()) as elsewhere:
        location = f"Location: {elsewhere.url}{PATH}"
        # Its body never comes, so reading any of it would end as a timeout.
        with RawServer(context, head_only(location, "Content-Length: 99999999", status=status)) as server:
            assert post(transport, server) == Reply(int(status[:3]), b"")
            assert len(server.requests) == 1
        assert elsewhere.connections == 0


@pytest.mark.parametrize("location", ["", "https://[", "https://\u00e9.example/", "gopher://x", "//", "https://a..b/"])
def test_a_redirect_to_nonsense_is_a_redirect(transport: Transport, context: ssl.SSLContext, location: str) -> None:
    with RawServer(context, head_only(f"Location: {location}", "Content-Length: 0", status="302 Found")) as server:
        assert post(transport, server) == Reply(302, b"")


def test_a_body_one_byte_too_long_is_unreadable(transport: Transport, context: ssl.SSLContext) -> None:
    assert isinstance(failure(transport, context, http(b"x" * (ANSWER_BYTES + 1))), UnreadableAnswer)


def test_cookies_are_neither_kept_nor_sent(transport: Transport, context: ssl.SSLContext) -> None:
    cookie = "Set-Cookie: PHPSESSID=stolen; path=/; max-age=3600"
    with RawServer(context, http(OK, "200 OK", cookie)) as server:
        for _ in range(2):
            post(transport, server)
        other_account = server.url + "/rest/1/other0code/profile"
        transport.post(other_account, b"{}", plenty)
    assert len(server.requests) == 3
    assert not any(b"cookie" in request.lower() for request in server.requests)


@pytest.mark.parametrize("size", [ANSWER_BYTES - 1, ANSWER_BYTES])
def test_a_body_of_up_to_one_mebibyte_is_read(transport: Transport, context: ssl.SSLContext, size: int) -> None:
    with RawServer(context, http(b"x" * size)) as server:
        assert post(transport, server) == Reply(200, b"x" * size)


CUT = {
    "over 1 MiB": (http(b"x" * (2 * ANSWER_BYTES)), "over 1 MiB"),
    "over 1 MiB in chunks": (
        head_only("Transfer-Encoding: chunked") + b"10000\r\n%b\r\n" % (b"x" * 65536) * 17 + b"0\r\n\r\n",
        "over 1 MiB",
    ),
    "shorter than told": (head_only("Content-Length: 100", "Connection: close") + OK, "cut short"),
    "in the midst of a chunk": (
        head_only("Transfer-Encoding: chunked", "Connection: close") + b"ff\r\n" + OK,
        "cut short",
    ),
    "without its last chunk": (
        head_only("Transfer-Encoding: chunked", "Connection: close") + b"10\r\n" + OK + b"\r\n",
        "cut short",
    ),
    "a chunk's length is none": (
        head_only("Transfer-Encoding: chunked", "Connection: close") + b"zz\r\n" + OK + b"\r\n0\r\n\r\n",
        "cut short",
    ),
    "gzip": (http(b"\x1f\x8b\x08\x00", "200 OK", "Content-Encoding: gzip"), "compressed"),
    "gzip in capitals": (http(OK, "200 OK", "Content-Encoding: GZIP"), "compressed"),
    "brotli": (http(OK, "200 OK", "Content-Encoding: br"), "compressed"),
    "twice compressed": (http(OK, "200 OK", "Content-Encoding: identity, gzip"), "compressed"),
}


@pytest.mark.parametrize(("script", "why"), CUT.values(), ids=CUT)
def test_a_spoilt_body_is_unreadable(transport: Transport, context: ssl.SSLContext, script: bytes, why: str) -> None:
    error = failure(transport, context, script)
    assert isinstance(error, UnreadableAnswer)
    assert why in error.description


@pytest.mark.parametrize(
    "script",
    [
        b"",
        b"Connection: close",
        b"HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 abc OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\nConnection: close\r\n\r\n",
        head_only(*["X: y"] * 200, "Connection: close"),
    ],
)
def test_what_is_no_http_is_unreachable(transport: Transport, context: ssl.SSLContext, script: bytes) -> None:
    error = failure(transport, context, script or (lambda _: None))
    assert isinstance(error, PortalUnreachable)


def test_the_next_call_works_after_a_spoilt_one(transport: Transport, context: ssl.SSLContext) -> None:
    for script, _ in CUT.values():
        with RawServer(context, script, http()) as server:
            with pytest.raises(UnreadableAnswer):
                post(transport, server)
            assert post(transport, server) == Reply(200, OK)
            assert server.connections == 2, "a spoilt connection is not used again"


# ---- logs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        http(),
        http(OK, "302 Found", "Location: https://elsewhere.example/"),
        http(OK, "200 OK", "no colon in this header"),
        head_only("Content-Length: 16", "Transfer-Encoding: chunked") + b"10\r\n" + OK + b"\r\n0\r\n\r\n",
        CUT["shorter than told"][0],
        b"no HTTP at all, Connection: close",
    ],
)
def test_no_log_line_of_the_http_libraries_has_the_code(
    transport: Transport, context: ssl.SSLContext, script: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with RawServer(context, script) as server:
        for _ in range(2):
            try:
                post(transport, server)
            except Bitrix24Error as error:
                assert_tells_nothing(error)
    assert caplog.records, "else nothing is proved"
    assert CODE not in caplog.text
    assert CODE not in repr([vars(record) for record in caplog.records])


def test_a_plain_ca_file_is_read_once(ca_file: Path, monkeypatch: pytest.MonkeyPatch, context: ssl.SSLContext) -> None:
    parsed: list[object] = []
    original = ssl.SSLContext.load_verify_locations

    def count(self: ssl.SSLContext, *args: str, **options: str) -> None:
        parsed.append(args or options)
        original(self, *args, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", count)
    transport = Transport(str(ca_file))
    with RawServer(context, head_only("Connection: close") + OK) as server:
        for _ in range(3):
            post(transport, server)
        assert server.connections == 3
    transport.close()
    assert len(parsed) == 1


def test_without_time_nothing_is_asked(transport: Transport, context: ssl.SSLContext) -> None:
    with RawServer(context, http()) as server:
        for left in ([0.0], [-1.0]):
            with pytest.raises(PortalTimeout):
                transport.post(server.url + PATH, b"{}", left.pop)
        assert server.connections == 0
