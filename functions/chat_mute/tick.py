"""The tick: every minute, the accounts whose time has come are queued."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bitrix24 import Clock
from chat_mute.budget import Budget, LambdaContext
from chat_mute.errors import InvalidParameter
from chat_mute.observability import Telemetry
from chat_mute.parallel import chunks, each
from chat_mute.queues import AccountQueue
from chat_mute.request import instant, refuse_unknown
from chat_mute.store import DueAccount, Store

AHEAD_MAX = timedelta(seconds=120)
_SPARE_SECONDS = 10.0
_BATCH = 10


def is_tick(event: Mapping[str, Any]) -> bool:
    """Whether an event is meant as a tick."""
    return "tick" in event


class Tick:
    """Ticks.

    Args:
        store: the due index.
        queue: where accounts go.
        telemetry: logs and counts.
        clock: the time.
        allow_time_travel: whether a tick may be far ahead of the clock, so that a night can be played in seconds.
    """

    def __init__(
        self, store: Store, queue: AccountQueue, telemetry: Telemetry, clock: Clock, *, allow_time_travel: bool
    ) -> None:
        self._store = store
        self._queue = queue
        self._telemetry = telemetry
        self._clock = clock
        self._allow_time_travel = allow_time_travel

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
        """Leases and queues every account that is due. An idle tick is one query, however many policies there are.

        The later of the clock and the tick's own time counts, so a late or reordered tick never applies a past state,
        and a tick delivered twice finds nothing the second time.

        Returns:
            How many accounts were queued.

        Raises:
            InvalidParameter: the tick is no instant, or too far ahead of the clock.
        """
        self._telemetry.trigger("tick", context.aws_request_id)
        refuse_unknown(event, frozenset({"tick"}))
        at, clock = instant("tick", event["tick"]), self._clock.now()
        if at - clock > AHEAD_MAX and not self._allow_time_travel:
            raise InvalidParameter("tick", "is more than 120 s ahead of the clock.")
        now = max(at, clock)
        budget = Budget(context, self._clock, spare=_SPARE_SECONDS)
        queued = sum(each(lambda found: self._put(found, now, budget), chunks(self._store.due(now), _BATCH)))
        self._telemetry.count("Tick")
        self._telemetry.raised_none("schedule")
        if queued:
            self._telemetry.count("AccountsQueued", queued)
            self._telemetry.logger.info("accounts queued", extra={"accounts": queued})
        return {"queued": queued}

    def _put(self, found: list[DueAccount], now: datetime, budget: Budget) -> int:
        """What there is no time for stays due, and is the next tick's; and so is what the queue does not take."""
        if budget() <= 0:
            return 0
        leases = [(account.name, self._store.lease(account, now)) for account in found]
        leased = [(name, lease) for name, lease in leases if lease is not None]
        taken: set[str] = set()
        try:
            taken = self._queue.put(leased, now) if leased else taken
        finally:
            for name in {name for name, _ in leased} - taken:
                self._store.give_back(name, now)
        return len(taken)
