"""Faults to inject: what networks, proxies and bad days make of a portal's answers.

`portal.faults.add(Fault.reset_after_effect(), method="im.chat.mute", times=1)` and the next direct call of
`im.chat.mute` is carried out, but its answer is lost. With `in_batch=True` the fault hits commands of batches.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.portal import php
from local.portal.wire import Delivery, Request, Response, json_bytes

HTML = "text/html; charset=UTF-8"
CHUNK = b"a" * 65536

Edit = Callable[[Request, Response], Response]


def _as_is(_: Request, response: Response) -> Response:
    return response


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong; use the constructors below.

    Attributes:
        name: appears in the journal as `Call.fault`.
        effect: whether the method is carried out.
        edit: makes the response from the request and the true response (an empty 200 without the effect).
        delay_before: seconds to wait before the effect.
        command: for commands of a batch, what becomes of the command: `{"error": ...}`, `{"result": ...}`, or `{}` for
            neither; `None` for a fault that a single command can not have.
    """

    name: str
    effect: bool
    edit: Edit = _as_is
    delay_before: float = 0.0
    command: Mapping[str, Any] | None = None

    # --- answers in place of the effect --------------------------------------------------------------------------

    @classmethod
    def error(cls, code: Any, description: Any = "", *, status: int = 400) -> Fault:
        """Answer an error, not done; `code` may be any JSON value, `description=None` leaves the description out."""
        body = {"error": code} if description is None else {"error": code, "error_description": description}
        return cls(f"error {code}", effect=False, edit=_answer(status, json_bytes(body)), command={"error": body})

    @classmethod
    def error_200(cls, code: Any = "WRONG_ENCODING", description: Any = "") -> Fault:
        """Answer an error with HTTP 200, not done."""
        return cls.error(code, description, status=200)

    @classmethod
    def error_quoting_url(cls, code: str = "ERROR_UNEXPECTED_ANSWER", *, status: int = 500) -> Fault:
        """Answer an error whose description quotes the request's URL, webhook code included."""

        def edit(request: Request, _: Response) -> Response:
            text = f"Request <b>{request.url}</b> failed ({request.body.decode('utf-8', 'replace')})"
            return Response(status, json_bytes({"error": code, "error_description": text}))

        return cls("error quoting the URL", effect=False, edit=edit)

    @classmethod
    def result(cls, value: Any) -> Fault:
        """Answer HTTP 200 with this `result`, not done."""
        body = json_bytes({"result": value, "time": {}})
        return cls(f"result {value!r}", effect=False, edit=_answer(200, body), command={"result": value})

    @classmethod
    def no_result(cls) -> Fault:
        """Answer HTTP 200 without `result` and without `error`; a batch command is in neither map. Not done."""
        return cls("no result", effect=False, edit=_answer(200, json_bytes({"time": {}})), command={})

    @classmethod
    def answer(cls, status: int, body: bytes = b"", content_type: str = HTML) -> Fault:
        """Answer any bytes with any status, not done."""
        return cls(f"answer {status}", effect=False, edit=_answer(status, body, content_type))

    @classmethod
    def html(cls, status: int = 502) -> Fault:
        """Answer a proxy's HTML page, not done."""
        page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>nginx</body></html>"
        return cls.answer(status, page.encode())

    @classmethod
    def empty(cls, status: int = 200) -> Fault:
        """Answer an empty body, not done."""
        return cls.answer(status)

    @classmethod
    def redirect(cls, location: str, *, status: int = 302) -> Fault:
        """Answer a redirect to `location`; a `{path}` in it becomes the request's path. Not done."""

        def edit(request: Request, _: Response) -> Response:
            return Response(status, b"", {"Location": location.replace("{path}", request.path)}, HTML)

        return cls(f"redirect {status}", effect=False, edit=edit)

    # --- spoilt answers of a call that was carried out -----------------------------------------------------------

    @classmethod
    def time(cls, value: Any) -> Fault:
        """Done, but `time` is this strange value."""
        return cls("strange time", effect=True, edit=_envelope(lambda answer: {**answer, "time": value}))

    @classmethod
    def no_time(cls) -> Fault:
        """Done, but the answer has no `time`."""
        return cls(
            "no time", effect=True, edit=_envelope(lambda answer: {k: v for k, v in answer.items() if k != "time"})
        )

    @classmethod
    def result_after_effect(cls, value: Any) -> Fault:
        """Done, but `result` is this value."""
        return cls("wrong result", effect=True, edit=_envelope(lambda answer: {**answer, "result": value}))

    @classmethod
    def bad_json(cls) -> Fault:
        """Done, but the JSON breaks off in the middle (with a matching `Content-Length`)."""
        return cls("bad JSON", effect=True, edit=_bytes(lambda body: body[: len(body) // 2]))

    @classmethod
    def php_warning(cls) -> Fault:
        """Done, but a PHP warning stands before the JSON."""
        warning = b"<br />\n<b>Warning</b>: Undefined array key 7<br />\n"
        return cls("PHP warning", effect=True, edit=_bytes(lambda body: warning + body))

    @classmethod
    def deep_json(cls, depth: int = 100_000) -> Fault:
        """Done, but the answer is nested this deep."""
        return cls("deep JSON", effect=True, edit=_bytes(lambda _: b'{"result":' + b"[" * depth + b"]" * depth + b"}"))

    @classmethod
    def bad_utf8(cls) -> Fault:
        """Done, but the answer holds bytes that are no UTF-8."""
        return cls("bad UTF-8", effect=True, edit=_bytes(lambda body: body[:-1] + b',"note":"\xff\xfe\x80"}'))

    @classmethod
    def bom(cls) -> Fault:
        """Done, but the answer starts with a UTF-8 byte order mark."""
        return cls("BOM", effect=True, edit=_bytes(lambda body: b"\xef\xbb\xbf" + body))

    @classmethod
    def oversized(cls, size: int = 2**20 + 1, *, chunked: bool = False) -> Fault:
        """Done, but the (valid JSON) answer has `size` bytes; `chunked` hides the length from the client."""

        def edit(_: Request, response: Response) -> Response:
            head, tail = response.body[:-1] + b',"pad":"', b'"}'
            headers = {} if chunked else {"Content-Length": str(size)}
            delivery = Delivery.CHUNKED if chunked else Delivery.WHOLE
            stream = _padded(head, tail, size)
            return replace(response, body=b"", stream=stream, headers=headers, delivery=delivery)

        return cls("oversized", effect=True, edit=edit)

    @classmethod
    def gzip_bomb(cls, size: int = 100 * 2**20) -> Fault:
        """Done, but the answer is a small gzip body of `size` bytes unpacked, whatever the client accepts."""

        def edit(_: Request, response: Response) -> Response:
            packer = zlib.compressobj(wbits=31)
            parts = [packer.compress(part) for part in _padded(response.body[:-1] + b',"pad":"', b'"}', size)]
            return replace(response, body=b"".join(parts) + packer.flush(), headers={"Content-Encoding": "gzip"})

        return cls("gzip bomb", effect=True, edit=edit)

    # --- time and connections ------------------------------------------------------------------------------------

    @classmethod
    def slow_before_effect(cls, seconds: float) -> Fault:
        """Wait, then carry the call out and answer."""
        return cls("slow before the effect", effect=True, delay_before=seconds)

    @classmethod
    def slow_after_effect(cls, seconds: float) -> Fault:
        """Carry the call out at once, but wait before the answer."""
        return cls("slow after the effect", effect=True, edit=lambda _, response: replace(response, delay=seconds))

    @classmethod
    def reset_before_effect(cls) -> Fault:
        """Reset the connection, not done."""
        return cls("reset before the effect", effect=False, edit=_deliver(Delivery.RESET))

    @classmethod
    def reset_after_effect(cls) -> Fault:
        """Done, then the connection is reset: the answer is lost."""
        return cls("reset after the effect", effect=True, edit=_deliver(Delivery.RESET))

    @classmethod
    def truncated(cls) -> Fault:
        """Done, but only half of the promised `Content-Length` arrives."""
        return cls("truncated", effect=True, edit=_deliver(Delivery.TRUNCATED))

    @classmethod
    def trickle(cls) -> Fault:
        """Done, but the chunked body never ends."""
        return cls("trickle", effect=True, edit=_deliver(Delivery.TRICKLE))

    @classmethod
    def stale_connection(cls) -> Fault:
        """Done and answered as keep-alive, but the connection is closed behind the answer."""
        return cls("stale connection", effect=True, edit=_deliver(Delivery.CLOSE_SILENTLY))


@dataclass
class _Armed:
    """A fault waiting for its calls; `left` is `None` for ever."""

    fault: Fault
    method: str | None
    in_batch: bool
    params: dict[str, str]
    skip: int
    left: int | None

    def matches(self, method: str, params: Mapping[str, Any], *, in_batch: bool) -> bool:
        """Say whether this call is meant."""
        sent = {key: php.to_string(value) for key, value in php.upper_keys(dict(params)).items()}
        wanted_method = self.method is None or self.method == method.lower()
        return self.in_batch == in_batch and wanted_method and self.params.items() <= sent.items()


class Faults:
    """The faults armed on one portal; thread-safe, first armed, first served."""

    def __init__(self) -> None:
        """Start without faults."""
        self._armed: list[_Armed] = []
        self._lock = threading.Lock()

    def add(
        self,
        fault: Fault,
        *,
        method: str | None = None,
        times: int | None = 1,
        after: int = 0,
        in_batch: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """Arm a fault.

        Args:
            fault: what happens.
            method: which method, any case (`batch` is the outer call, `oauth.token` the token server); `None` for any.
            times: how many matching calls it hits; `None` for all until `clear`.
            after: how many matching calls pass unharmed first.
            in_batch: hit commands of batches instead of top-level calls.
            params: parameters the call must have sent, compared as strings, names in any case.

        Raises:
            ValueError: a fault of the connection or the envelope can not hit a single command.
        """
        if in_batch and fault.command is None:
            raise ValueError(f"{fault.name!r} can not hit a command of a batch")
        wanted = {key: php.to_string(value) for key, value in php.upper_keys(dict(params or {})).items()}
        name = method.lower() if method else None
        with self._lock:
            self._armed.append(_Armed(fault, name, in_batch, wanted, after, times))

    def take(self, method: str, params: Mapping[str, Any], *, in_batch: bool = False) -> Fault | None:
        """Return the fault that hits this call, if any, and count it."""
        with self._lock:
            for armed in self._armed:
                if not armed.matches(method, params, in_batch=in_batch):
                    continue
                if armed.skip > 0:
                    armed.skip -= 1
                    continue
                if armed.left is not None:
                    armed.left -= 1
                    if armed.left <= 0:
                        self._armed.remove(armed)
                return armed.fault
        return None

    def pending(self) -> int:
        """Return how many armed faults still wait; a test asserts 0 to know that all of them struck."""
        with self._lock:
            return len(self._armed)

    def clear(self) -> None:
        """Disarm all."""
        with self._lock:
            self._armed.clear()


def _answer(status: int, body: bytes, content_type: str = "application/json; charset=utf-8") -> Edit:
    return lambda _, __: Response(status, body, content_type=content_type)


def _deliver(delivery: Delivery) -> Edit:
    return lambda _, response: replace(response, delivery=delivery)


def _bytes(change: Callable[[bytes], bytes]) -> Edit:
    return lambda _, response: replace(response, body=change(response.body))


def _envelope(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Edit:
    return _bytes(lambda body: json.dumps(change(json.loads(body))).encode())


def _padded(head: bytes, tail: bytes, size: int) -> Iterator[bytes]:
    """Yield exactly `size` bytes: head, padding, tail."""
    left = size - len(head) - len(tail)
    yield head
    while left > 0:
        yield CHUNK[: min(left, len(CHUNK))]
        left -= len(CHUNK)
    yield tail
