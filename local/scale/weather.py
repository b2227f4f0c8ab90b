"""Portals on a bad day: a part of all calls fails, in whole or in some commands of a batch."""

import random
from collections.abc import Mapping
from typing import Any

from local.portal import Fault, Portal
from local.portal.faults import Faults

_COMMAND = Fault.error("INTERNAL_SERVER_ERROR", status=500)
_FAULTS = (
    Fault.error("INTERNAL_SERVER_ERROR", status=500),
    Fault.html(502),
    Fault.reset_before_effect(),
    Fault.reset_after_effect(),
    _COMMAND,
)
_COMMANDS_AT_MOST = 10


class Weather(Faults):
    """A portal's faults, the same each time for a seed. A call that fails fills the portal's bucket like any other.

    Attributes:
        failed: calls that have.
    """

    def __init__(self, portal: Portal, rate: float, chance: random.Random) -> None:
        super().__init__()
        self.failed = 0
        self._portal = portal
        self._rate = rate
        self._chance = chance
        self._doomed = range(0)
        self._command = 0

    def take(self, method: str, params: Mapping[str, Any], *, in_batch: bool = False) -> Fault | None:
        """See `Faults.take`; calls come here one at a time, each before its commands."""
        if in_batch:
            self._command += 1
            return _COMMAND if self._command - 1 in self._doomed else None
        self._command, self._doomed = 0, range(0)
        if self._chance.random() >= self._rate or self._is_full():
            return None
        self.failed += 1
        fault = self._chance.choice(_FAULTS)
        if method == "batch" and fault is _COMMAND:
            first = self._chance.randrange(len(params["cmd"]))
            self._doomed = range(first, first + self._chance.randint(1, _COMMANDS_AT_MOST))
            return None
        if not fault.effect:
            self._portal.limits.admit(self._portal.clock(), self._portal.quirks)
        return fault

    def _is_full(self) -> bool:
        """Whether the call is going to be refused anyway."""
        limits = self._portal.limits
        return limits.level(self._portal.clock()) + 1 > limits.burst
