"""The console's server: plain HTTP on loopback, for one browser on this machine.

A browser cannot sign calls, so they go through here to the real API. Other pages of that browser must not use it: the
`Host` must be ours (a name that was rebound to 127.0.0.1 is not), and what is not a plain read needs our `Origin`.
"""

import contextlib
import json
import re
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from local.console.night import CannotPlay, Night
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*(\?[A-Za-z0-9._~=&:-]*)?")
_PASSED = ("Accept", "If-Match", "If-None-Match", "Idempotency-Key")
_RETURNED = ("Content-Type", "ETag", "Retry-After", "Idempotency-Replayed")
_BODY_BYTES = 512 * 1024
_LOOK_SECONDS, _SILENCE_SECONDS = 0.1, 10.0


class Console:
    """Listens on loopback while in its context.

    Args:
        stack: what is shown and called.
        account: the one account that is called.
        user: whose bells the simulated portal shows; None where the account's portal is a real one.
        port: 0 for any free one.
        pace: see `Night`.
    """

    def __init__(
        self, stack: Stack, *, account: str = "default", user: int | None = None, port: int = 0, pace: float = 0.12
    ) -> None:
        self.stack = stack
        self.account = account
        self.user = user
        self.caller = stack.caller(f"console-{account}", f"*/{account}*")
        self.night = Night(stack, self.caller, account, pace)
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.console = self
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="console", daemon=True)

    @property
    def travelling(self) -> bool:
        """Whether the played time is not now: then nobody else must tick."""
        return self.night.played.playing or self.night.played.at is not None

    def state(self) -> dict[str, Any]:
        """What the page shows without asking the service: bells, and played time."""
        return {"account": self.account, "chats": self._chats(), "night": self.night.played.to_json()}

    def _chats(self) -> list[dict[str, Any]] | None:
        if (user := self.user) is None:
            return None
        portal = self.stack.portal
        with portal.lock:
            return [
                {
                    "chat_id": chat.id,
                    "dialog_id": str(chat.dialog_id(user)),
                    "title": chat.title,
                    "type": chat.type,
                    "muted": user in chat.muted_by,
                    "mutable": chat.may_be_muted(),
                }
                for chat in portal.chats.values()
                if user in chat.members
            ]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.ended.set()
        self.night.pause()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    console: Console

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leaves browsers that went away alone."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "quiet-hours-console"
    sys_version = ""
    server: _Server

    @property
    def _console(self) -> Console:
        return self.server.console

    def _handle(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > _BODY_BYTES:
            self.close_connection = True
            self._refuse(413, "The body is too long.")
            return
        body = self.rfile.read(int(length))
        if (reason := self._unwanted()) is not None:
            self._refuse(403, reason)
        elif self.path == "/api" or self.path.startswith(("/api/", "/api?")):
            self._pass_on(self.path.removeprefix("/api"), body)
        elif self.command == "GET":
            self._get()
        else:
            self._act(body)

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  the base class's names

    def _unwanted(self) -> str | None:
        """Why a request is not our own page's."""
        if self.headers.get_all("Host") is None or self.headers.get_all("Host", [])[1:]:
            return "One Host is needed."
        if (host := self.headers["Host"]) not in self._console.hosts:
            return "This is not the console's name."
        origin = self.headers.get("Origin")
        if origin != f"http://{host}" and (origin is not None or self.command != "GET"):
            return "Only the console's own page may do that."
        if self.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"} and self.path != "/":
            return "Only the console's own page may read that."
        return None

    # ---- the page and what it follows -------------------------------------------------------------------------------

    def _get(self) -> None:
        if self.path == "/events":
            self._follow()
            return
        files = {f"/{file.name}": file for file in _PAGE.iterdir()}
        file = files.get("/index.html" if self.path == "/" else self.path)
        if file is None:
            self._refuse(404, "There is no such page.")
        else:
            self._send(200, file.read_bytes(), {"Content-Type": f"{_TYPES[file.suffix]}; charset=utf-8"})

    def _follow(self) -> None:
        """Server-sent events: the state, now and each time it is another."""
        self.close_connection = True
        self.send_response(200)
        for name, value in {**_HEADERS, "Content-Type": "text/event-stream"}.items():
            self.send_header(name, value)
        self.end_headers()
        said, silent_since = "", time.monotonic()
        with contextlib.suppress(ConnectionError):
            while not self._console.ended.is_set():
                state = json.dumps(self._console.state())
                if state != said or time.monotonic() - silent_since > _SILENCE_SECONDS:
                    self.wfile.write(f"data: {state}\n\n".encode() if state != said else b": still here\n\n")
                    said, silent_since = state, time.monotonic()
                self._console.ended.wait(_LOOK_SECONDS)

    # ---- what people do ---------------------------------------------------------------------------------------------

    def _act(self, body: bytes) -> None:
        """The portal's bell and the played time, which are not the service's."""
        actions: dict[str, Callable[[dict[str, Any]], None]] = {"/bell": self._press, "/night": self._play}
        if self.command != "POST" or self.path not in actions or self._console.user is None:
            self._refuse(404, "There is nothing to do here.")
            return
        try:
            actions[self.path](_object(body))
        except ValueError as error:
            self._refuse(400, f"That cannot be read: {error}.")
        except CannotPlay as error:
            self._refuse(409, str(error))
        else:
            self._send(204, b"", {})

    def _press(self, given: dict[str, Any]) -> None:
        user, chat, muted = self._console.user, given.get("chat_id"), given.get("muted")
        if user is None or not isinstance(chat, int) or not isinstance(muted, bool):
            raise ValueError("chat_id is a number, muted is true or false")
        try:
            self._console.stack.portal.mute_by_hand(user, chat, muted=muted)
        except LookupError as error:
            raise ValueError("no chat of this user") from error

    def _play(self, given: dict[str, Any]) -> None:
        night = self._console.night
        plays: dict[Any, Callable[[], None]] = {
            "pause": night.pause,
            "now": night.back,
            "change": partial(night.play, whole=False),
            "end": partial(night.play, whole=True),
        }
        if (to := given.get("to")) not in plays:
            raise ValueError(f"to is one of {', '.join(plays)}")
        plays[to]()

    def _pass_on(self, path: str, body: bytes) -> None:
        """Signs a call to the account and hands it on, and its answer back."""
        if not _PATH.fullmatch(path):
            self._refuse(400, "The console passes on no such path.")
            return
        headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
        answer = self._console.caller.call(self.command, f"/{self._console.account}{path}", body, headers)
        found = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
        self._send(answer.status_code, answer.content, found)

    def _refuse(self, status: int, reason: str) -> None:
        body = json.dumps({"error": "CONSOLE", "error_description": reason}).encode()
        self._send(status, body, {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the overridden method's name
        """Says nothing."""


def _object(body: bytes) -> dict[str, Any]:
    given = json.loads(body)
    if not isinstance(given, dict):
        raise ValueError("it is no object")  # noqa: TRY004  what came is not of a wrong type, it cannot be read
    return given
