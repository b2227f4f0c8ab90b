"""The limits of a cloud portal: call intensity, operating time, and the blocks a vendor puts on by hand.

The numbers are the documented ones: the bucket blocks above 50 and drains 2 a second (Enterprise 250 and 5); a method
may use 480 s of operating time in ten one-minute buckets. A portal on the customer's own server has no limits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.portal.errors import known

if TYPE_CHECKING:
    from local.portal.quirks import Quirks

BUCKET_SECONDS = 60
WINDOW_BUCKETS = 10
BAN_SECONDS = 300.0
COUNTED_FROM_SECONDS = 0.1
"""A call that took less does not count towards the operating time at all."""


@dataclass
class _Usage:
    """Operating seconds of one (credential, method): `[minute, seconds]` buckets, oldest first."""

    buckets: deque[list[float]] = field(default_factory=deque)
    blocked_until: float = 0.0

    def drop_old(self, now: float) -> None:
        """Forget the buckets that have left the window."""
        while self.buckets and self.buckets[0][0] + WINDOW_BUCKETS * BUCKET_SECONDS <= now:
            self.buckets.popleft()

    def total(self) -> float:
        """Return the seconds in the window."""
        return sum(seconds for _, seconds in self.buckets)

    def reset_at(self, now: float) -> float:
        """Return the instant the oldest bucket leaves; an empty window resets ten minutes from now."""
        oldest = self.buckets[0][0] if self.buckets else now
        return oldest + WINDOW_BUCKETS * BUCKET_SECONDS


@dataclass
class Limits:
    """The limits of one portal; every public field may be changed while it runs."""

    enabled: bool = True
    burst: float = 50.0
    per_second: float = 2.0
    operating_seconds: float = 480.0
    overloaded: bool = False
    permanently_limited: bool = False
    cost: dict[str, float] = field(default_factory=dict)
    """Operating seconds one call of a method takes, by lower-case name; 0 for a method not named."""

    _level: float = 0.0
    _checked_at: float | None = None
    _usage: dict[tuple[str, str], _Usage] = field(default_factory=dict)

    @classmethod
    def enterprise(cls) -> Limits:
        """Return the limits of the Enterprise plan."""
        return cls(burst=250.0, per_second=5.0)

    @classmethod
    def self_hosted(cls) -> Limits:
        """Return no limits."""
        return cls(enabled=False)

    def level(self, now: float) -> float:
        """Return how full the intensity bucket is."""
        passed = 0.0 if self._checked_at is None else max(0.0, now - self._checked_at)
        return max(0.0, self._level - passed * self.per_second)

    def fill(self, now: float) -> None:
        """Fill the bucket to the brim, as a neighbour on the same address does."""
        self._level, self._checked_at = self.burst, now

    def admit(self, now: float, quirks: Quirks) -> None:
        """Count one request (a batch is one).

        Raises:
            RestError: 503 `QUERY_LIMIT_EXCEEDED` above the burst. If refused calls count, each puts the bucket one
                call above the brim again.
        """
        if not self.enabled:
            return
        level = self.level(now)
        self._checked_at = now
        if level + 1 <= self.burst:
            self._level = level + 1
            return
        self._level = self.burst + 1 if quirks.rejected_calls_count else level
        raise known("QUERY_LIMIT_EXCEEDED", quirks)

    def check_blocks(self, quirks: Quirks) -> None:
        """Raise the vendor's manual blocks: `OVERLOAD_LIMIT`, or a permanent 401 `QUERY_LIMIT_EXCEEDED`."""
        if self.overloaded:
            raise known("OVERLOAD_LIMIT", quirks)
        if self.permanently_limited:
            raise known("QUERY_LIMIT_EXCEEDED", quirks, status=401)

    def check_operating(self, credential: str, method: str, now: float, quirks: Quirks) -> None:
        """Raise 429 `OPERATION_TIME_LIMIT` while this method is blocked for this credential."""
        usage = self._usage.get((credential, method))
        if self.enabled and usage is not None and now < usage.blocked_until:
            raise known("OPERATION_TIME_LIMIT", quirks)

    def charge(self, credential: str, method: str, seconds: float, now: float, quirks: Quirks) -> None:
        """Add the operating time of a finished call; what goes over the limit blocks the calls after it."""
        if not self.enabled or seconds < COUNTED_FROM_SECONDS:
            return
        usage = self._usage.setdefault((credential, method), _Usage())
        usage.drop_old(now)
        minute = now // BUCKET_SECONDS * BUCKET_SECONDS
        if not usage.buckets or usage.buckets[-1][0] != minute:
            usage.buckets.append([minute, 0.0])
        usage.buckets[-1][1] += seconds
        if usage.total() > self.operating_seconds:
            fixed = quirks.operating_ban == "fixed"
            usage.blocked_until = now + BAN_SECONDS if fixed else usage.reset_at(now)

    def operating(self, credential: str, method: str, now: float) -> tuple[float, float]:
        """Return what `time` tells: operating seconds in the window, and the instant the oldest bucket leaves."""
        usage = self._usage.get((credential, method), _Usage())
        usage.drop_old(now)
        return usage.total(), usage.reset_at(now)

    def block_method(self, credential: str, method: str, now: float, seconds: float = BAN_SECONDS) -> None:
        """Block a method at once, as if it had used up its operating time."""
        self._usage.setdefault((credential, method.lower()), _Usage()).blocked_until = now + seconds
