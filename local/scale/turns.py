"""Threads in virtual time: they take turns, and what waits at the same time does not add up."""

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import datetime
from heapq import heappop, heappush
from threading import Lock, Thread
from typing import Any, Self, TypeVar

from local.virtual import VirtualClock

T = TypeVar("T")
R = TypeVar("R")


class Turns(VirtualClock):
    """A clock whose threads run one at a time. Who sleeps hands over to whoever is due next, and time goes on to that.

    Only threads that `spawn` has made, and the one that made the clock, may sleep on it. The order of turns depends on
    nothing but the moments, so a run is the same each time.
    """

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._waiting: list[tuple[float, int, Lock]] = []
        self._numbers = itertools.count()
        self._failure: BaseException | None = None

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        self.until(self.seconds + max(0.0, seconds))

    def until(self, moment: float) -> None:
        """Sleeps until a moment of `monotonic`; a past one is now."""
        moment = max(self.seconds, moment)
        if self._waiting and self._waiting[0][0] <= moment:
            self._hand_over(self._wake_at(moment))
        self.seconds = max(self.seconds, moment)
        self._raise()

    @property
    def next_turn(self) -> float:
        """When the next thread that sleeps is due."""
        return self._waiting[0][0] if self._waiting else float("inf")

    def spawn(self, work: Callable[[], None]) -> None:
        """Runs ``work`` in a thread, whose first turn is now; what it raises is raised by whoever sleeps next."""
        turn = self._wake_at(self.seconds)

        def run() -> None:
            turn.acquire()
            try:
                work()
            except BaseException as error:  # noqa: BLE001  it is raised in the thread that can tell somebody
                self._failure = error
            self._next()

        Thread(target=run, daemon=True).start()

    def wait(
        self,
        futures: Iterable[Future[T]],
        return_when: str = "",  # noqa: ARG002  it is always the first
    ) -> tuple[set[Future[T]], set[Future[T]]]:
        """`concurrent.futures.wait` for the first of them."""
        futures = set(futures)
        if not any(future.done() for future in futures):
            turn = Lock()
            turn.acquire()
            done_before = itertools.count()

            def wake(_: Future[T]) -> None:
                if not next(done_before):
                    heappush(self._waiting, (self.seconds, next(self._numbers), turn))

            for future in futures:
                future.add_done_callback(wake)
            self._hand_over(turn)
        self._raise()
        done = {future for future in futures if future.done()}
        return done, futures - done

    def _wake_at(self, moment: float) -> Lock:
        turn = Lock()
        turn.acquire()
        heappush(self._waiting, (moment, next(self._numbers), turn))
        return turn

    def _hand_over(self, turn: Lock) -> None:
        self._next()
        turn.acquire()

    def _next(self) -> None:
        moment, _, turn = heappop(self._waiting)
        self.seconds = max(self.seconds, moment)
        turn.release()

    def _raise(self) -> None:
        if (failure := self._failure) is not None:
            self._failure = None
            raise failure


class Pool:
    """What the code wants of a ThreadPoolExecutor, its threads a clock's; nobody here submits more than may run."""

    def __init__(self, clock: Turns, _threads: int = 0) -> None:
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left running: all that was submitted has been waited for."""

    def submit(self, work: Callable[..., R], *arguments: Any) -> Future[R]:
        """Runs ``work`` in a thread of the clock."""
        future: Future[R] = Future()

        def run() -> None:
            try:
                future.set_result(work(*arguments))
            except BaseException as error:  # noqa: BLE001  it is the future's
                future.set_exception(error)

        self._clock.spawn(run)
        return future

    def each(self, work: Callable[[T], R], items: Iterable[T], threads: int) -> list[R]:
        """``work`` for each item, so many at a time; the results as they come."""
        waiting, results = list(items)[::-1], []
        flying: set[Future[R]] = set()
        while waiting or flying:
            while waiting and len(flying) < threads:
                flying.add(self.submit(work, waiting.pop()))
            landed, flying = self._clock.wait(flying)
            results += [future.result() for future in landed]
        return results
