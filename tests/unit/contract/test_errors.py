"""Every example of an error is what the service says, to the letter, when that error is provoked."""

from collections.abc import Callable
from typing import Any

import pytest

from chat_mute import errors
from local.portal import Fault
from tests.unit.contract.document import answering, answers, faults_of_answer, operations
from tests.unit.contract.world import ANN, MUTE, MUTES, NIGHT, World
from tests.unit.function.conftest import Lines

PLAIN = {"CHAT_ID": 1489}
KEY = {"Idempotency-Key": "release-42"}
Provoke = Callable[[World], Any]
OF_THE_GATEWAY = {"FORBIDDEN", "TOO_MANY_REQUESTS"}


def _busy(*_: Any, **__: Any) -> None:
    raise errors.Busy


def _in_progress(*_: Any, **__: Any) -> None:
    raise errors.IdempotencyInProgress


def _fault(fault: Fault) -> Provoke:
    return lambda world: world.portal.faults.add(fault, method="im.chat.mute", times=9)


def _twice(world: World) -> None:
    world.stack.call("POST", MUTE, {"CHAT_ID": 99}, KEY)


def _says(code: str, description: str, status: int) -> Provoke:
    return _fault(Fault.error(code, description, status=status))


def _nothing(_: World) -> None:
    """It is as it is."""


SAME_TIMES = {
    "timezone": "UTC",
    "windows": [{"days": ["mon"], "start": "01:00", "end": "01:00"}],
    "chats": {"all": True},
}
MUTE_CHAT = ("muteChat", "POST", MUTE)
PROVOKED: list[tuple[str, tuple[str, str, str], Any, dict[str, str], Provoke]] = [
    ("INVALID_PARAMETER", MUTE_CHAT, {"CHAT_ID": 1489, "MUTE": "y"}, {}, _nothing),
    ("CHAT_ID_EMPTY", MUTE_CHAT, {"CHAT_ID": "1489abc"}, {}, _nothing),
    ("DIALOG_ID_EMPTY", MUTE_CHAT, {"DIALOG_ID": "deal7"}, {}, _nothing),
    ("ACCESS_ERROR", MUTE_CHAT, {"CHAT_ID": 4711}, {}, _nothing),
    ("ACCOUNT_NOT_FOUND", ("muteChat", "POST", "/nobody/im.chat.mute"), PLAIN, {}, _nothing),
    ("IDEMPOTENCY_KEY_REUSED", MUTE_CHAT, PLAIN, KEY, _twice),
    ("TOO_LARGE", MUTE_CHAT, " " * 300_000, {}, _nothing),
    ("TOO_LARGE", ("muteChats", "POST", MUTES), {"chats": [f"chat{n}" for n in range(1, 1002)]}, {}, _nothing),
    ("INVALID_PARAMETER", ("listHolds", "GET", "/default/holds?debug=1"), None, {}, _nothing),
    ("METHOD_NOT_ALLOWED", ("showJob", "PUT", "/default/jobs/5f0c9a1b2c3d4e5f"), None, {}, _nothing),
    ("NOT_FOUND", ("showPolicy", "GET", NIGHT), None, {}, _nothing),
    ("NOT_FOUND", ("muteChat", "POST", "/default/im.chat.unmute"), PLAIN, {}, _nothing),
    ("INVALID_POLICY", ("putPolicy", "PUT", NIGHT), SAME_TIMES, {}, _nothing),
    ("PRECONDITION_FAILED", ("putPolicy", "PUT", NIGHT), {**SAME_TIMES, "windows": [], "dates": {"2026-12-25": []}},
     {"If-Match": "*"}, _nothing),
    ("DIALOG_ID_EMPTY", ("showChat", "GET", "/default/chats/deal7"), None, {}, _nothing),
    ("INVALID_PARAMETER", ("showChat", "GET", "/default/chats/chat1489?debug=1"), None, {}, _nothing),
    ("CHAT_ID_EMPTY", ("showChat", "GET", "/default/chats/chat1489"), None, {},
     lambda world: world.portal.faults.add(Fault.error("CHAT_ID_EMPTY"), method="im.dialog.get", in_batch=True)),
    ("INVALID_CREDENTIALS", ("listHolds", "GET", "/default/holds"), None, {},
     lambda world: world.stack.put_account("default", {"webhook": "is missing"})),
    ("INVALID_CREDENTIALS", MUTE_CHAT, PLAIN, {}, lambda world: world.portal.delete_webhook(ANN)),
    ("insufficient_scope", MUTE_CHAT, PLAIN, {},
     _says("insufficient_scope", "The request requires higher privileges than provided by the webhook token", 403)),
    ("ERROR_UNEXPECTED_ANSWER", MUTE_CHAT, PLAIN, {}, _fault(Fault.bad_json())),
    ("PORTAL_MOVED", MUTE_CHAT, PLAIN, {}, _fault(Fault.redirect("https://elsewhere.example/"))),
    ("INTERNAL_SERVER_ERROR", MUTE_CHAT, PLAIN, {}, _fault(Fault.html(500))),
    ("USER_CHANGED", MUTE_CHAT, {**PLAIN, "FOR": "PT8H"}, {},
     lambda world: world.portal.change_webhook_owner(ANN, 547)),
    ("QUERY_LIMIT_EXCEEDED", MUTE_CHAT, PLAIN, {}, _says("QUERY_LIMIT_EXCEEDED", "Too many requests", 503)),
    ("OPERATION_TIME_LIMIT", MUTE_CHAT, PLAIN, {},
     _says("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429)),
    ("OVERLOAD_LIMIT", MUTE_CHAT, PLAIN, {}, _says("OVERLOAD_LIMIT", "REST API is blocked due to overload.", 503)),
    ("PORTAL_TIMEOUT", MUTE_CHAT, PLAIN, {}, _fault(Fault.slow_before_effect(40))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "route", "body", "headers", "provoke"),
    [pytest.param(*one, id=f"{one[1][0]}-{one[0]}") for one in PROVOKED],
)
def test_an_error_is_said_as_it_is_documented(
    code: str, route: tuple[str, str, str], body: Any, headers: dict[str, str], provoke: Provoke
) -> None:
    world = World()
    provoke(world)
    operation_id, method, target = route
    status, told, given = world.stack.call(method, target, body, headers)
    known = answering(operations()[operation_id], status)
    assert known is not None, (status, told)
    assert told == known.examples[code]
    assert faults_of_answer(operations()[operation_id], status, given, told) == []


@pytest.mark.parametrize(("code", "raises"), [("CONFLICT", _busy), ("IDEMPOTENCY_IN_PROGRESS", _in_progress)])
def test_others_at_the_same(monkeypatch: pytest.MonkeyPatch, code: str, raises: Callable[..., None]) -> None:
    world = World()
    monkeypatch.setattr("chat_mute.muting.Muting.mute", raises)
    status, told, given = world.stack.call("POST", MUTE, PLAIN)
    known = answering(operations()["muteChat"], status)
    assert known is not None
    assert told == known.examples[code]
    assert given["Retry-After"] == "1"


def test_our_own_fault(monkeypatch: pytest.MonkeyPatch, telemetry: Any, lines: Lines) -> None:
    world = World()
    monkeypatch.setattr("chat_mute.holding.Holding.list", lambda *_: 1 / 0)
    status, told, _ = world.stack.call("GET", "/default/holds")
    known = answering(operations()["listHolds"], status)
    assert known is not None
    assert (status, told) == (500, known.examples["INTERNAL_SERVER_ERROR"])
    assert "ZeroDivisionError" in lines()[-1]["exception"]


def test_every_code_that_is_documented_is_provoked_here_or_by_others() -> None:
    """Of other suites: RELEASE_ONLY, which is a mode of the whole stack, and what API Gateway says itself."""
    documented = {
        name
        for one in operations().values()
        for answer in answers(one)
        if answer.status >= 400
        for name in answer.examples
    }
    here = {code for code, *_ in PROVOKED} | {"CONFLICT", "IDEMPOTENCY_IN_PROGRESS", "INTERNAL_SERVER_ERROR"}
    assert documented - here == {*OF_THE_GATEWAY, "RELEASE_ONLY", "PORTAL_UNREACHABLE"}


@pytest.mark.parametrize(("code", "status"), [("ACCESS_ERROR", 403), ("DIALOG_ID_EMPTY", 400), ("CHAT_ID_EMPTY", 400)])
@pytest.mark.parametrize("operation_id", ["previewPolicy", "previewUnsaved"])
def test_a_portal_that_refuses_to_list_chats(operation_id: str, code: str, status: int) -> None:
    """`make fuzz` found it (seed 3): these were not documented of a preview that asks the portal."""
    world, operation = World(), operations()[operation_id]
    world.night()
    world.portal.faults.add(Fault.error(code), method="im.recent.list")
    got, told, headers = world.stack.call(operation.method, operation.target, operation.requests.get("spring"))
    assert (got, told["error"]) == (status, code)
    assert faults_of_answer(operation, got, headers, told) == []


@pytest.mark.parametrize("operation_id", sorted(operations()))
def test_what_every_route_says(operation_id: str) -> None:
    """The same faults on each route: an account that is not there, an unknown query parameter, a body too large."""
    operation = operations()[operation_id]
    path = operation.target.partition("?")[0]
    body = next(iter(operation.requests.values()), None)
    calls = [(400, "INVALID_PARAMETER", path + "?debug=1", body), (413, "TOO_LARGE", path, " " * 300_000)]
    if "{account}" in operation.path:
        calls.append((404, "ACCOUNT_NOT_FOUND", path.replace("default", "nobody", 1), body))
    for status, code, target, sent in calls:
        got, told, headers = World().stack.call(operation.method, target, sent)
        assert (got, told["error"]) == (status, code)
        assert faults_of_answer(operation, got, headers, told) == []
