"""Many episodes, on every core, until the time is over; what they found, and the shortest way to see it again."""

import os
import random
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

from local.prove.episode import Episode, Outcome
from local.prove.plan import Step, plan

TRACE_LINES = 60
SHRINK_SECONDS = 60.0
EPISODE_SECONDS = 120.0
"""The longest takes a few, on a machine with nothing else to do."""


class Endless(BaseException):
    """An episode that goes on and on. Nothing that is tried may catch it."""


@dataclass
class Found:
    """A campaign so far."""

    seed: int
    episodes: int = 0
    days: float = 0.0
    steps: int = 0
    settled: int = 0
    lost_track: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[dict[str, Any]] = field(default_factory=list)

    def add(self, episode: int, outcome: Outcome) -> None:
        """One more episode."""
        self.episodes += 1
        self.days += outcome.days
        self.steps += outcome.steps
        self.settled += outcome.settled
        self.lost_track += outcome.lost_track
        self.faults += outcome.faults
        if outcome.violation:
            trace = outcome.trace[-TRACE_LINES:]
            self.violations.append({"episode": episode, "what": outcome.violation, "trace": trace})

    def document(self) -> dict[str, Any]:
        """What goes into ``build/prove.json``."""
        return {
            "seed": self.seed,
            "virtual_days": round(self.days, 1),
            "steps": self.steps,
            "faults": self.faults.total(),
            "violations": self.violations,
            "episodes": self.episodes,
            "judged_at_rest": self.settled,
            "chats_lost_track_of": self.lost_track,
            "faults_by_kind": dict(sorted(self.faults.items())),
        }


def seed_of(seed: int, episode: int) -> int:
    """Each episode's own."""
    return random.Random(f"{seed} {episode}").getrandbits(48)  # noqa: S311  no secret


def one(seed: int, episode: int, steps: tuple[Step, ...] | None = None) -> Outcome:
    """One episode; what the service or the campaign itself fails at is a violation too."""
    playing = Episode(plan(seed_of(seed, episode)))
    signal.signal(signal.SIGALRM, _endless)  # it reaches the main thread even while that waits for another one
    signal.setitimer(signal.ITIMER_REAL, EPISODE_SECONDS)
    try:
        return playing.play(steps)
    except (Exception, Endless) as error:  # noqa: BLE001  e.g. of patched code: it is what the campaign is to find
        where = traceback.format_exception(error)[-4:]
        return Outcome(f"{type(error).__name__}: {error}", [*playing.trace, *where], 0.0, 0, playing.world.weather.seen)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _endless(*_: object) -> None:
    raise Endless(f"no end after {EPISODE_SECONDS:.0f} seconds")


def run(
    seed: int, seconds: float, *, most: int | None = None, until_found: bool = False,
    workers: int | None = None, tell: Callable[[Found], None] = lambda _: None,
) -> Found:  # fmt: skip
    """Plays episodes.

    Args:
        seed: of the campaign; the same one plays the same episodes.
        seconds: how long new ones are begun.
        most: how many there are at most.
        until_found: stop at the first violation.
        workers: how many processes; as many as there are cores.
        tell: called after each episode.
    """
    found, end = Found(seed), time.monotonic() + seconds
    for episode, outcome in _outcomes(seed, end, most, workers or os.cpu_count() or 1):
        found.add(episode, outcome)
        tell(found)
        if until_found and found.violations:
            break
    found.violations.sort(key=lambda violation: int(violation["episode"]))
    return found


def _outcomes(seed: int, end: float, most: int | None, workers: int) -> Iterator[tuple[int, Outcome]]:
    if workers == 1:
        episode = 0
        while time.monotonic() < end and episode != most:
            yield episode, one(seed, episode)
            episode += 1
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        flying, episode = dict[Future[Outcome], int](), 0
        while True:
            while len(flying) < workers + 1 and time.monotonic() < end and episode != most:
                flying[pool.submit(one, seed, episode)] = episode
                episode += 1
            if not flying:
                return
            landed, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in landed:
                yield flying.pop(future), future.result()


def shrunk(seed: int, episode: int) -> tuple[tuple[Step, ...], Outcome]:
    """Leaves out what the violation does not need, for a minute at most: halves, quarters, ... single steps."""
    steps = plan(seed_of(seed, episode)).steps
    best, end = one(seed, episode), time.monotonic() + SHRINK_SECONDS
    size = len(steps) // 2
    while size and best.violation:
        start = 0
        while start < len(steps) and time.monotonic() < end:
            fewer = steps[:start] + steps[start + size :]
            outcome = one(seed, episode, fewer)
            if outcome.violation:
                steps, best = fewer, outcome
            else:
                start += size
        size //= 2
    return steps, best
