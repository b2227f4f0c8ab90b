"""The time, passed in, so that nothing waits for real in a test."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

TimeLeft = Callable[[], float]
"""Seconds left of a time budget; it shrinks by itself and may fall below zero."""


class Clock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds from some fixed point, never backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)
