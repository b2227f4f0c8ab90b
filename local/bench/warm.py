"""Warm calls: ours beside a bare handler that makes exactly the boto3 calls and requests that ours was seen to make.

Each has a world of its own, and both worlds go through the same states: what ours asks, setting-up included, the floor
asks too. They take turns every `BLOCK` calls, so that what else the machine does meets both.
"""

import json
import statistics
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from local.bench.cold import counted, under_callgrind
from local.bench.variants import HANDLERS, PYTHON, Place, Variant, mute_event
from local.bench.world import CHATS, Call
from local.paths import EVENTS

WARM_UP, BLOCK, BLOCKS = 20, 20, 15
_COUNTED = 10
SERVICES = ("portal", "dynamodb", "secretsmanager")
_EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_ALWAYS = {
    "timezone": "UTC",
    "windows": [{"days": _EVERY_DAY, "start": "00:00", "end": "24:00"}],
    "chats": {"all": True},
}


@dataclass(frozen=True)
class Warm:
    """A trigger's warm call.

    Attributes:
        p50_ms: wall.
        p99_ms: wall.
        cpu_ms: of all threads; the median.
        floor_cpu_ms: the bare handler's, in the same run.
        over_floor: CPU over the bare handler's; of the lower deciles, because what others do on the machine only adds.
            `instructions` does not know of them at all.
        calls: how many, by service.
    """

    p50_ms: float
    p99_ms: float
    cpu_ms: float
    floor_cpu_ms: float
    over_floor: float
    calls: dict[str, float]


class Driver:
    """A process with a handler, which answers events."""

    def __init__(self, variant: Variant, place: Place, counts: Path | None = None) -> None:
        self.place = place
        command = [str(PYTHON.resolve()), str(HANDLERS / "drive.py"), variant.handler]
        command = command if counts is None else [*under_callgrind(counts), *command]
        self._counts, self._parts = counts, 1
        self._process = subprocess.Popen(  # noqa: S603
            command, env=place.environment(variant), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if counts is None else subprocess.DEVNULL,
        )  # fmt: skip

    def run(self, events: list[Any]) -> dict[str, list[Any]]:
        """What `drive` says of these events."""
        assert self._process.stdin  # noqa: S101
        assert self._process.stdout  # noqa: S101
        self._process.stdin.write(json.dumps(events) + "\n")
        self._process.stdin.flush()
        seen: dict[str, list[Any]] = json.loads(self._process.stdout.readline())
        self._parts += 1
        return seen

    def minstr(self) -> float:
        """Millions of instructions of the last `run`, if they are counted."""
        assert self._counts  # noqa: S101
        return counted(self._counts, self._parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _mute(number: int) -> Any:
    return mute_event(chat=CHATS[number % len(CHATS)])


def _mute_once(number: int) -> Any:
    return mute_event(f"warm-{number}", CHATS[number % len(CHATS)])


def _schedule(number: int) -> Any:
    at = _instant(timedelta(seconds=number))
    return {
        "account": "default", "DIALOG_ID": f"chat{CHATS[number % len(CHATS)]}", "MUTE": "Y",
        "schedule": "arn:aws:scheduler:eu-west-1:000000000000:schedule/default/evening", "at": at,
    }  # fmt: skip


def _tick(_: int) -> Any:
    return {"tick": _instant(timedelta())}


def _look(number: int) -> Any:
    """A look at an account in its window, 16 minutes after the last one; it finds all chats as they should be."""
    event: Any = json.loads((EVENTS / "queue-account.json").read_text())
    event["Records"][0]["body"] = json.dumps({"account": "night", "at": _instant(timedelta(minutes=16 * number))})
    return event


def _instant(later: timedelta) -> str:
    return (datetime.now(UTC) + later).isoformat(timespec="seconds")


TRIGGERS: dict[str, Callable[[int], Any]] = {
    "api": _mute,
    "api_idempotent": _mute_once,
    "schedule": _schedule,
    "tick": _tick,
    "queue": _look,
}
"""A mute, one with an ``Idempotency-Key``, a schedule's, an idle tick, and a look in a window at 20 muted chats."""


def measure(ours: Driver, floor: Driver) -> dict[str, Warm]:
    """Every trigger.

    Raises:
        RuntimeError: a call did not do what it is measured for.
    """
    ours.place.taken()
    found = {}
    for trigger, event in TRIGGERS.items():
        if trigger == "queue":  # from here on, ticks are not idle any more
            _set_up(ours, floor)
        found[trigger] = _measure(trigger, event, ours, floor)
    return found


def instructions(ours: Driver, floor: Driver) -> dict[str, float]:
    """What an idle machine's CPU would tell: instructions over the floor's, without the look; both drivers count."""
    ours.place.taken()
    found = {}
    for trigger, event in TRIGGERS.items():
        if trigger != "queue":
            for numbers in (range(_COUNTED), range(_COUNTED, 2 * _COUNTED)):  # the first ones connect and warm up
                ours.run([event(number) for number in numbers])
                floor.run([ours.place.taken()])
            found[trigger] = ours.minstr() / floor.minstr()
    return found


def _set_up(ours: Driver, floor: Driver) -> None:
    """Gives the account ``night`` a window that never ends."""
    event = mute_event()
    event |= {"httpMethod": "PUT", "body": json.dumps(_ALWAYS)}
    event["pathParameters"] = {"account": "night", "proxy": "quiet-hours/always"}
    answer = ours.run([event])["answers"][0]
    if answer["statusCode"] >= 400:
        raise RuntimeError(f"setting up: {answer}")
    floor.run([ours.place.taken()])


def _measure(trigger: str, event: Callable[[int], Any], ours: Driver, floor: Driver) -> Warm:
    wall: list[int] = []
    cpu: list[int] = []
    floor_cpu: list[int] = []
    asked: Counter[str] = Counter()
    for block in range(-1, BLOCKS):
        numbers = range(WARM_UP) if block < 0 else range(WARM_UP + block * BLOCK, WARM_UP + (block + 1) * BLOCK)
        replayed: list[list[Call]] = []
        for number in numbers:
            seen = ours.run([event(number)])
            _check(trigger, seen["answers"][0])
            replayed.append(ours.place.taken())
            if block >= 0:
                wall += seen["wall_ns"]
                cpu += seen["cpu_ns"]
                asked.update(service for service, _, _ in replayed[-1])
        for calls in replayed:
            seen = floor.run([calls])
            if block >= 0:
                floor_cpu += seen["cpu_ns"]
    told = [(service, what) for service, what, _ in floor.place.taken()]
    if told[-len(replayed[-1]) :] != [(service, what) for service, what, _ in replayed[-1]]:
        raise RuntimeError(f"{trigger}: the floor has made other calls")
    return Warm(
        p50_ms=statistics.median(wall) / 1e6,
        p99_ms=statistics.quantiles(wall, n=100)[98] / 1e6,
        cpu_ms=statistics.median(cpu) / 1e6,
        floor_cpu_ms=statistics.median(floor_cpu) / 1e6,
        over_floor=statistics.quantiles(cpu, n=10)[0] / statistics.quantiles(floor_cpu, n=10)[0],
        calls={service: asked[service] / len(wall) for service in SERVICES},
    )


def _check(trigger: str, answer: Any) -> None:
    if trigger.startswith("api"):
        right = answer["statusCode"] == 200 and json.loads(answer["body"])["result"] is True
    else:
        right = answer in ({"queued": 0}, None) or answer.get("result") is True
    if not right:
        raise RuntimeError(f"{trigger}: {answer}")
