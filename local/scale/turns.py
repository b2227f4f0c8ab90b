"""Threads in virtual time: they take turns, and what waits at the same time does not add up."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from heapq import heappop, heappush
from threading import Lock, Thread
from typing import Any, TypeVar
from unittest import mock

from bitrix24 import muting
from chat_mute import parallel
from local.virtual import VirtualClock

T = TypeVar("T")
R = TypeVar("R")


class Turns(VirtualClock):
    """A clock whose threads run one at a time. Who sleeps hands over to whoever is due next, and time goes on to that.

    Only threads that `spawn` has made, and the one that made the clock, may sleep on it. The order of turns depends on
    nothing but the moments, so a run is the same each time.
    """

    _waiting: list[tuple[float, int, Lock]]
    _failure: BaseException | None = None

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        self.until(self.seconds + max(0.0, seconds))

    def until(self, moment: float) -> None:
        """Sleeps until a moment of `monotonic`; a past one is now."""
        moment = max(self.seconds, moment)
        if self._others and self._others[0][0] <= moment:
            turn = self._wake_at(moment)
            self._hand_over(turn)
        self.seconds = max(self.seconds, moment)
        self._raise()

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

    def wait(self, futures: Iterable[Future[T]], return_when: str = "") -> tuple[set[Future[T]], set[Future[T]]]:  # noqa: ARG002
        """`concurrent.futures.wait` for the first of them."""
        futures = set(futures)
        if not any(future.done() for future in futures):
            turn = Lock()
            turn.acquire()
            woken = itertools.count()

            def wake(_: Future[T]) -> None:
                if not next(woken):
                    heappush(self._others, (self.seconds, next(self._numbers), turn))

            for future in futures:
                future.add_done_callback(wake)
            self._hand_over(turn)
        self._raise()
        done = {future for future in futures if future.done()}
        return done, futures - done

    @contextmanager
    def threads_of_the_code(self) -> Iterator[None]:
        """The threads that the layer and the function make are this clock's; those that write records go in a row."""
        with (
            mock.patch.multiple(muting, ThreadPoolExecutor=partial(_Pool, self), wait=self.wait),
            mock.patch.object(parallel, "ThreadPoolExecutor", _Row),
        ):
            yield

    @property
    def _others(self) -> list[tuple[float, int, Lock]]:
        if "_waiting" not in self.__dict__:
            self._waiting, self._numbers = [], itertools.count()
        return self._waiting

    def _wake_at(self, moment: float) -> Lock:
        turn = Lock()
        turn.acquire()
        heappush(self._others, (moment, next(self._numbers), turn))
        return turn

    def _hand_over(self, turn: Lock) -> None:
        self._next()
        turn.acquire()

    def _next(self) -> None:
        moment, _, turn = heappop(self._others)
        self.seconds = max(self.seconds, moment)
        turn.release()

    def _raise(self) -> None:
        if (failure := self._failure) is not None:
            self._failure = None
            raise failure


class _Pool:
    """What `mute_many` wants of a ThreadPoolExecutor; it never submits more than may run."""

    def __init__(self, clock: Turns, _threads: int) -> None:
        self._clock = clock

    def __enter__(self) -> "_Pool":
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


class _Row:
    """A ThreadPoolExecutor that does one thing after the other."""

    def __init__(self, _threads: int) -> None:
        """Has no threads."""

    def __enter__(self) -> "_Row":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left running."""

    @staticmethod
    def map(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """The results, in order."""
        return map(work, items)
