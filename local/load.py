"""`make load`: twice what a bare handler sustains on the same stack, offered for a minute to one account.

Bare is ``GET /health``, which our handler answers without calling anything: what is left is the gateway, the runtime,
and this machine. Everything is told as a ratio to bare at the same pace, for the local stack's own speed is nobody's
business. As many processes as may be wanted are started before, as a cold start of one holds up all others here. The
API's throttle is out of the way: it would refuse most of it before we do.
"""

import json
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

from local.caller import Caller
from local.paths import BUILD
from local.portal import Portal, PortalServer
from local.stack import Stack, running
from local.terminal import say
from local.world import ANN, DEAL, furnish

WARM_UP, MEASURED, OFFERED = 30.0, 15.0, 60.0
"""Seconds."""
AT_ONCE, IN_FLIGHT = 16, 64
HONEST = frozenset({200, 429, 503})


class Answer(NamedTuple):
    """What came back, in how many seconds, and whether it says when to come again."""

    status: int
    seconds: float
    retry_after: bool


def closed_loop(call: Callable[[], Answer], seconds: float, threads: int = AT_ONCE) -> list[Answer]:
    """Calls one after the other, in each of some threads."""
    end = time.monotonic() + seconds

    def loop(_: int) -> list[Answer]:
        answers = []
        while time.monotonic() < end:
            answers.append(call())
        return answers

    with ThreadPoolExecutor(threads) as pool:
        return [answer for answers in pool.map(loop, range(threads)) for answer in answers]


def offered(call: Callable[[], Answer], per_second: float, seconds: float) -> tuple[list[Answer], int]:
    """Calls at a pace, whatever comes back; at most so many wait at once, and the rest is counted as not offered."""
    answers, missed, room = list[Answer](), 0, threading.Semaphore(IN_FLIGHT)

    def one() -> None:
        try:
            answers.append(call())
        finally:
            room.release()

    began = time.monotonic()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        for number in range(int(per_second * seconds)):
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            if room.acquire(blocking=False):
                pool.submit(one)
            else:
                missed += 1
    return answers, missed


class Bystander:
    """Another account, on another portal, calling once a second."""

    def __init__(self, call: Callable[[], Answer]) -> None:
        self._call = call
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._over.wait(1.0):
            self.answers.append(self._call())

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(answer.seconds for answer in self.answers)


def main() -> int:
    """Runs it once. Writes ``build/load.json``; returns 1 for an answer that is neither done nor an honest refusal."""
    portal = Portal()
    furnish(portal)
    with running(portal, log_level="WARN", parameters={"RequestsPerSecond": "10000"}) as stack:
        told = measure(stack)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "load.json").write_text(json.dumps(told, indent=2) + "\n")
    for name, value in told.items():
        say(f"{name:28} {value}")
    return 1 if told["dishonest"] or told["refused_without_retry_after"] else 0


def measure(stack: Stack) -> dict[str, Any]:
    """Bare, then twice as much for one account, beside another one whose calls are looked at."""
    neighbour = Portal()
    furnish(neighbour)
    with PortalServer(neighbour, stack.authority.server_context()) as server:
        stack.put_account("loaded", {"webhook_url": stack.server.webhook_url(ANN)})
        stack.put_account("other", {"webhook_url": server.webhook_url(ANN)})
        caller = stack.caller("load")
        nobody, loaded, other = (
            _calling(stack.caller_with(None), "GET", "/health"),
            _calling(caller, "POST", "/loaded/im.chat.mute"),
            _calling(caller, "POST", "/other/im.chat.mute"),
        )
        closed_loop(nobody, WARM_UP, IN_FLIGHT)
        pace = 2 * len(closed_loop(nobody, MEASURED)) / MEASURED
        with Bystander(other) as beside_bare:
            bare, _ = offered(nobody, pace, MEASURED)
        before = _memory(stack)
        with Bystander(other) as beside_load:
            answers, missed = offered(loaded, pace, OFFERED)
        return {
            "offered_per_second": round(pace, 1),
            **_told(stack, bare, answers, missed, before),
            "other_account_to_beside_bare": round(beside_load.median / beside_bare.median, 2),
        }


def _told(
    stack: Stack, bare: list[Answer], answers: list[Answer], missed: int, before: tuple[int, float]
) -> dict[str, Any]:
    base = statistics.median(answer.seconds for answer in bare)
    refused = [answer for answer in answers if answer.status in HONEST - {200}]
    processes, megabytes = _memory(stack)
    queue = {"QueueUrl": stack.outputs["AccountQueueUrl"], "AttributeNames": ["ApproximateNumberOfMessages"]}
    waiting = stack.emulator.client("sqs").get_queue_attributes(**queue)["Attributes"]

    def ratio(some: list[Answer], share: float) -> float | None:
        times = sorted(answer.seconds for answer in some)
        return round(times[int(share * (len(times) - 1))] / base, 1) if times else None

    return {
        "bare_median_ms": round(base * 1000, 1),
        "answered": len(answers),
        "not_offered": missed,
        "statuses": dict(Counter(answer.status for answer in answers)),
        "dishonest": sum(answer.status not in HONEST for answer in answers),
        "refused_without_retry_after": sum(not answer.retry_after for answer in refused),
        "refused_median_to_bare": ratio(refused, 0.5),
        "refused_p95_to_bare": ratio(refused, 0.95),
        "done_median_to_bare": ratio([answer for answer in answers if answer.status == 200], 0.5),
        "processes": [before[0], processes],
        "megabytes_each": [round(before[1], 1), round(megabytes, 1)],
        "queued": int(waiting["ApproximateNumberOfMessages"]),
    }


def _calling(caller: Caller, method: str, path: str) -> Callable[[], Answer]:
    body = {"CHAT_ID": DEAL} if method == "POST" else None

    def call() -> Answer:
        began = time.monotonic()
        answer = caller.call(method, path, body)
        return Answer(answer.status_code, time.monotonic() - began, "Retry-After" in answer.headers)

    return call


def _memory(stack: Stack) -> tuple[int, float]:
    """The function's processes, and the megabytes of each."""
    pids = stack.emulator.workers()
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids if Path(f"/proc/{pid}").exists()]
    return len(pages), sum(pages) * 4096 / 1024**2 / max(1, len(pages))


if __name__ == "__main__":
    sys.exit(main())
