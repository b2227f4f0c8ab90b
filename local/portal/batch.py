"""The method `batch`: up to 50 commands in one request, one after the other, and the odd shapes of its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.portal import invoke, php
from local.portal.errors import RestError, known
from local.portal.journal import Call, without_secrets
from local.portal.method import Caller, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.portal.faults import Fault
    from local.portal.state import Portal

MAX_COMMANDS = 50

_REFERENCE = re.compile(r"\$result((?:\[[^\]]+\])+)")
_STEP = re.compile(r"\[([^\]]+)\]")

_Key = int | str


@dataclass
class _Answer:
    """The five maps of a batch answer; PHP makes lists or `[]` of them when they are written."""

    result: dict[_Key, Any] = field(default_factory=dict)
    error: dict[_Key, Any] = field(default_factory=dict)
    total: dict[_Key, int] = field(default_factory=dict)
    next: dict[_Key, int] = field(default_factory=dict)
    time: dict[_Key, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)


def batch(portal: Portal, caller: Caller, params: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Call, ...]]:
    """Carry out a batch.

    A command that is not a string is skipped without a trace. The first failure ends the batch if `HALT` is true to
    PHP. Commands after the fiftieth are not carried out.

    Returns:
        The `result` object, and the journal entries of the commands.
    """
    answer, halt = _Answer(), php.truthy(params.get("HALT"))
    for index, (key, command) in enumerate(php.items(params.get("CMD"))):
        if index >= MAX_COMMANDS:
            answer.error[key] = known("ERROR_BATCH_LENGTH_EXCEEDED", portal.quirks).body()
        elif isinstance(command, str):
            _command(portal, caller, key, command, answer)
        if halt and key in answer.error:
            break
    if portal.quirks.batch_operating == "batch":
        shared = {name: invoke.timing(portal, portal.clock(), caller.credential, "batch") for name in answer.time}
        answer.time.update(shared)
    maps = {"result": answer.result, "result_error": answer.error, "result_total": answer.total}
    return {**maps, "result_next": answer.next, "result_time": answer.time}, tuple(answer.calls)


def _command(portal: Portal, caller: Caller, key: _Key, command: str, answer: _Answer) -> None:
    """Carry out one command and file what came of it."""
    path, _, query = command.partition("?")
    method = path.strip("/").lower()
    params = _substituted(php.parse_str(query.partition("#")[0]), answer.result)
    number, started = portal.journal.number(), portal.clock()
    fault = portal.faults.take(method, params, in_batch=True)
    status, code = 200, None
    try:
        reply = _outcome(portal, caller, method, params, fault)
    except RestError as error:
        status, code = error.status, error.code
        answer.error[key] = {**error.body(), **({"error_description": ""} if code == "insufficient_scope" else {})}
    else:
        if reply is None:
            status = 0
        elif fault is not None and fault.command and "error" in fault.command:
            answer.error[key] = fault.command["error"]
            status, code = 400, str(fault.command["error"]["error"])
        else:
            _file(answer, key, reply, invoke.timing(portal, started, caller.credential, method))
    name = fault.name if fault else None
    answer.calls.append(
        Call(number, method, without_secrets(params), caller.user_id, status, code, key=str(key), fault=name)
    )


def _outcome(
    portal: Portal, caller: Caller, method: str, params: Mapping[Any, Any], fault: Fault | None
) -> Reply | None:
    """Return a command's reply, the fault's in its place, or `None` if the command leaves no trace."""
    if fault is not None and fault.command is not None:
        return Reply(fault.command.get("result")) if fault.command else None
    if method == "batch" or method in portal.quirks.batch_refuses:
        raise known("ERROR_BATCH_METHOD_NOT_ALLOWED", portal.quirks)
    pays = "batch" if portal.quirks.batch_operating == "batch" else None
    return invoke.run(portal, caller, method, params, pays=pays)


def _file(answer: _Answer, key: _Key, reply: Reply, time: dict[str, Any]) -> None:
    """Put a success into the maps; only successes have a `result_time`."""
    answer.result[key] = reply.result
    answer.time[key] = time
    if reply.total is not None:
        answer.total[key] = reply.total
    if reply.next is not None:
        answer.next[key] = reply.next


def _substituted(value: Any, results: Mapping[_Key, Any]) -> Any:
    """Replace every `$result[key][field]` in the values by what earlier commands returned; what is missing is empty."""
    if isinstance(value, dict):
        return {key: _substituted(item, results) for key, item in value.items()}
    return _REFERENCE.sub(lambda match: _looked_up(match.group(1), results), value)


def _looked_up(path: str, results: Any) -> str:
    """Return the earlier result at `[a][b]`, as PHP writes a scalar."""
    for step in _STEP.findall(path):
        results = dict(php.items(results)).get(php.array_key(step))
    return "" if isinstance(results, (list, dict)) else php.to_string(results)
