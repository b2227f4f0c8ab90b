"""Two accounts on one portal, with everything there can be; and what must be true of each answer."""

import io
import json
import logging
import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from chat_mute.observability import SERVICE
from local.portal import Fault
from local.virtual import STATE
from tests.conftest import WEBHOOK_MARK
from tests.fuzz.gateway import Route, Sent, event, route
from tests.unit.contract.document import Operation, document, faults, faults_of_answer, operations
from tests.unit.contract.world import HOST, World

BEN = 547
ACCOUNTS = {"default": f"{WEBHOOK_MARK}1", "team-b": f"{WEBHOOK_MARK}2"}
_CODES: list[Any] = ["DIALOG_ID_EMPTY", "CHAT_ID_EMPTY", "SOMETHING_NEW", 7, {"a": []}, "a b", "x" * 65]
_RESULTS: list[Any] = [False, None, 1, [], {}, "true", 1e400, [[]] * 99]
_TIMES: list[Any] = ["now", [], {"start": "x" * 65}, {"start": 10**400}, {"a": True}]
FAULTS = [
    *(Fault.error("QUERY_LIMIT_EXCEEDED", "Too many requests", status=status) for status in (503, 401)),
    *(Fault.error(code, status=429) for code in ("OPERATION_TIME_LIMIT", "OVERLOAD_LIMIT")),
    *(Fault.error(code, status=401) for code in ("INVALID_CREDENTIALS", "expired_token", "insufficient_scope")),
    *(Fault.error(code, status=403) for code in ("ACCESS_ERROR", "ACCESS_DENIED", "user_access_error")),
    *(Fault.error(code) for code in _CODES),
    Fault.error("ERROR_CORE", "<b>\r\nSet-Cookie: a=b</b>\u2028\x00\ud83d" + "x" * 5000, status=500),
    Fault.error_quoting_url(),
    *(Fault.result(value) for value in _RESULTS),
    Fault.no_result(),
    *(Fault.time(value) for value in _TIMES),
    *(Fault.html(status) for status in (200, 404, 500, 502)),
    *(Fault.empty(status) for status in (200, 204, 500)),
    Fault.redirect("https://evil.example/\r\nx: y"),
    Fault.bad_json(), Fault.php_warning(), Fault.deep_json(), Fault.bad_utf8(), Fault.bom(), Fault.oversized(),
    Fault.slow_before_effect(40), Fault.slow_after_effect(7), Fault.reset_before_effect(), Fault.reset_after_effect(),
    Fault.truncated(), Fault.trickle(),
]  # fmt: skip
_HEADER = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)
_NO_ROUTE = {"error": "NOT_FOUND", "error_description": "There is no such route."}


@dataclass(frozen=True)
class Told:
    """One answer, read."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        """Its value in JSON, else its text, else None."""
        if self.headers.get("Content-Type") == "application/json":
            return json.loads(self.text)
        return self.text or None


class Broken(AssertionError):
    """An answer that breaks the contract."""


class Town:
    """It is evening: a policy holds a chat, a job waits, and Ben has an account of his own."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        with redirect_stdout(self.log):
            world = World()
            logging.getLogger(SERVICE).handlers[0].setStream(self.log)  # type: ignore[attr-defined]
            self.stack, self.portal = world.stack, world.portal
            code = self.portal.add_webhook(BEN, ACCOUNTS["team-b"]).code
            self.stack.put_account("team-b", {"webhook_url": f"https://{HOST}/rest/{BEN}/{code}/"})
            world.evening()
            world.job()

    def tell(self, sent: Sent) -> Told | None:
        """What the service answers; None where the gateway does not ask it. Raises `Broken` for what may not be."""
        to = route(sent)
        if to is None:
            return None
        before, asked = self._others(to.account), len(self.stack.transport.sent)
        self.log.seek(0)
        self.log.truncate()
        with redirect_stdout(self.log):
            answer = self.stack.invoke(event(sent, to))
        told = Told(answer["statusCode"], answer["headers"], answer["body"])
        problems = [
            *self._said(answer),
            *self._crossed(to, before, self.stack.transport.sent[asked:]),
            *check(sent, to, told),
        ]
        if problems:
            raise Broken("\n".join([f"{sent}"[:4000], f"{told}"[:2000], *problems, *self._tracebacks()]))
        return told

    def _said(self, answer: Mapping[str, Any]) -> list[str]:
        """Whether a secret came out, or a line of the log is not one object in JSON."""
        said = self.log.getvalue()
        found = ["a secret came out"] if WEBHOOK_MARK in said + json.dumps(answer) else []
        for line in said.splitlines():
            try:
                one = json.loads(line)
            except ValueError:
                one = None
            if not isinstance(one, dict):
                found.append(f"a line of the log is no object: {line[:200]!r}")
        return found

    def _tracebacks(self) -> list[str]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines() if line.startswith("{")]
        return [line["exception"] for line in lines if "exception" in line]

    def _others(self, account: str | None) -> list[Any]:
        """Everything stored that is not this account's."""
        return [item for item in self.stack.dynamodb.items(STATE) if item["pk"]["S"] != f"account#{account}"]

    def _crossed(self, to: Route, before: list[Any], asked: list[str]) -> list[str]:
        found = ["another account's records have changed"] if self._others(to.account) != before else []
        own = ACCOUNTS.get(to.account or "", "nobody's")
        return found + [f"the portal was asked for somebody else: {url}" for url in asked if f"/{own}/" not in url]


def check(sent: Sent, to: Route, told: Told) -> list[str]:
    """What is wrong with an answer, by the contract."""
    found = [f"header {name}: {value!r}" for name, value in told.headers.items()
             if not _HEADER.fullmatch(value) or not _HEADER.fullmatch(name)]  # fmt: skip
    if told.status == 500:
        found.append("our own fault")
    known = methods_at(to)
    if not known:
        if (told.status, told.body) != (404, _NO_ROUTE):
            found.append("there is no such route")
    elif sent.method not in known:
        allowed = set(told.headers.get("Allow", "").split(", "))
        if told.status != 405 or allowed != set(known) or told.body["error"] != "METHOD_NOT_ALLOWED":
            found.append(f"this path has {sorted(known)}")
    else:
        operation = known[sent.method]
        found += faults_of_answer(operation, told.status, told.headers, told.body)
        found += _wrongly_taken(operation, sent, told)
    return found


def methods_at(to: Route) -> dict[str, Operation]:
    """The operations of a path, by method; where two templates fit, the more concrete one's first."""
    if to.resource in document()["paths"] and to.account is None:
        parts = to.resource.split("/")
    else:
        parts = ["", "{account}", *(to.proxy.split("/") if to.proxy else [])]
    fitting = [one for one in operations().values() if _fits(one.path.split("/"), parts)]
    fitting.sort(key=lambda one: one.path.count("{"), reverse=True)
    return {one.method: one for one in fitting}


def _fits(pattern: list[str], parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(
        one == part or (one.startswith("{") and one != "{account}" and part)
        for one, part in zip(pattern, parts, strict=True)
    )


def _wrongly_taken(operation: Operation, sent: Sent, told: Told) -> list[str]:
    """A success for a body that breaks its schema; but ``null`` is absent, and the case of Bitrix24's keys is free."""
    if not operation.requests or told.status >= 300:
        return []
    fields = _fields(sent)
    if operation.id == "muteChat":
        fields = {name.upper(): value for name, value in fields.items()}
    return [f"taken, though {fault}" for fault in _faults_of_body(operation, _without_null(fields))]


def _fields(sent: Sent) -> Any:
    return json.loads(sent.body) if sent.body.strip(b" \t\n\r") else {}


def _faults_of_body(operation: Operation, fields: Any) -> list[str]:
    return faults(f"{operation.pointer}/requestBody/content/application~1json/schema", fields)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(one) for name, one in value.items() if one is not None}
    return [_without_null(one) for one in value] if isinstance(value, list) else value
