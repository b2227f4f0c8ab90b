"""A portal's request limit, paced ahead of time, so that it is not met.

Bitrix24's cloud counts requests in a leaky bucket: it drains by 2 a second and refuses above 50 (Enterprise: 5 and 250)
with 503 ``QUERY_LIMIT_EXCEEDED``. The bucket is the portal's: all accounts on it, and all other programs, share it. Not
known is whether refused requests count too; a client that comes back at the drain's pace would then keep it full for
ever, so after a refusal the bucket is taken for full and everybody pauses.
"""

import threading
from dataclasses import dataclass

from bitrix24.clock import Clock, TimeLeft
from bitrix24.errors import NoRoom

MARGIN_BURST, MARGIN_PER_SECOND = 0.96, 0.99
"""Clocks differ, and others may use the portal too: of the burst two requests are left, of the pace a hundredth."""
PAUSE_SECONDS = 2.0
_INSTANT = 1e-6  # less than a clock can tell


@dataclass(frozen=True)
class Rate:
    """A portal's limit: ``burst`` requests at once, ``per_second`` in the long run."""

    burst: float = 50
    per_second: float = 2


class PortalLimits:
    """What this process knows of one portal's limits; share it among all clients of the portal. Thread-safe.

    Attributes:
        rate: what the portal allows.
        refused_in_batch: methods the portal takes in single calls only.
    """

    def __init__(self, rate: Rate | None = None, clock: Clock | None = None) -> None:
        self.rate = rate = rate or Rate()
        self._burst = max(1.0, rate.burst * MARGIN_BURST)
        self._per_second = rate.per_second * MARGIN_PER_SECOND
        self._clock = clock or Clock()
        self.refused_in_batch: set[str] = set()
        self._lock = threading.Lock()
        self._level = 0.0
        self._refusals = 0
        self._seen = self._clock.monotonic()

    def take(self, time_left: TimeLeft) -> None:
        """Reserves room for one more request and waits until it is there.

        Raises:
            NoRoom: it will not be within ``time_left``; nothing was reserved.
        """
        while True:
            with self._lock:
                self._drain()
                wait = (self._level + 1 - self._burst) / self._per_second
                if wait > _INSTANT and wait >= time_left():
                    raise NoRoom
                self._level += 1
                refusals = self._refusals
            if wait <= _INSTANT:
                return
            self._clock.sleep(wait)
            if refusals == self._refusals:
                return

    @property
    def level(self) -> float:
        """How full the bucket is, in requests; for somebody else to `resume` from."""
        with self._lock:
            self._drain()
            return self._level

    def resume(self, level: float, age: float) -> None:
        """Takes the bucket for at least as full as another process knew it ``age`` seconds ago."""
        with self._lock:
            self._drain()
            self._level = max(self._level, level - max(0.0, age) * self._per_second)

    def refused(self) -> None:
        """The portal refused a request: reservations are void, and the bucket will be full when the pause is over."""
        with self._lock:
            self._drain()
            self._level = self._burst + PAUSE_SECONDS * self._per_second
            self._refusals += 1

    def _drain(self) -> None:
        now = self._clock.monotonic()
        self._level = max(0.0, self._level - (now - self._seen) * self._per_second)
        self._seen = now
