"""Messages of the account queue: one account to look at each."""

import json
from collections.abc import Mapping
from typing import Any

from bitrix24 import Clock
from chat_mute.budget import Budget, LambdaContext
from chat_mute.observability import Telemetry
from chat_mute.reconcile import Reconcile
from chat_mute.request import instant

SPARE_SECONDS = 10.0
"""Kept back from Lambda's own limit: to store what has been done, and to plan the next look."""


def is_message(event: Mapping[str, Any]) -> bool:
    """Whether an event is SQS's."""
    records = event.get("Records")
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(one, dict) and one.get("eventSource") == "aws:sqs" for one in records)
    )


class Worker:
    """Reconciles what is queued."""

    def __init__(self, reconcile: Reconcile, telemetry: Telemetry, clock: Clock) -> None:
        self._reconcile = reconcile
        self._telemetry = telemetry
        self._clock = clock

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> None:
        """Looks at each account. Only a crash raises: then SQS delivers again, and after five times puts it aside.

        The later of the clock and the tick's time counts: a message that has waited never applies a past state.
        """
        for record in event["Records"]:
            self._telemetry.trigger("queue", record["messageId"])
            message = json.loads(record["body"])
            now = max(self._clock.now(), instant("at", message["at"]))
            self._reconcile.account(
                message["account"], now=now, time_left=Budget(context, self._clock, spare=SPARE_SECONDS)
            )
