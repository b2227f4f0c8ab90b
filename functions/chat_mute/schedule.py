"""Schedules that people write themselves: an `im.chat.mute` payload, invoked directly and asynchronously."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bitrix24 import Clock
from bitrix24.errors import AccessRefused, InvalidChatId
from chat_mute.budget import CALL_SECONDS, Budget, LambdaContext
from chat_mute.errors import AccountNotFound, IdempotencyKeyReused, InvalidId, InvalidParameter, PastUntil, ReleaseOnly
from chat_mute.idempotency import Idempotency
from chat_mute.muting import Muting
from chat_mute.observability import Telemetry
from chat_mute.queues import DeadLetters
from chat_mute.request import MUTE_FIELDS, MuteRequest, instant, refuse_past, refuse_unknown, upper_fields

SPARE_SECONDS = 10.0
"""Kept back from Lambda's own limit, so that a slow portal fails in the process and is told apart from a crash."""
_NAMING = frozenset({"CHAT_ID", "DIALOG_ID", "MUTE"})
_FIELDS = MUTE_FIELDS | {"ACCOUNT", "SCHEDULE", "AT"}
_HOPELESS = (InvalidParameter, InvalidId, AccountNotFound, IdempotencyKeyReused, InvalidChatId, AccessRefused)


def is_direct(event: Mapping[str, Any]) -> bool:
    """Whether an event is meant as an `im.chat.mute` payload: it names a chat or a state, or has no foreign key.

    EventBridge's own events have an ``account`` too, and must not be taken for one.
    """
    names = {name.upper() for name in event}
    return bool(names & _NAMING) or (bool(names) and names <= _FIELDS)


class Schedule:
    """Direct calls."""

    def __init__(
        self, muting: Muting, idempotency: Idempotency, dead_letters: DeadLetters, telemetry: Telemetry, clock: Clock
    ) -> None:
        self._muting = muting
        self._idempotency = idempotency
        self._dead_letters = dead_letters
        self._telemetry = telemetry
        self._clock = clock

    def direct(self, payload: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Mutes or unmutes one chat as the payload says, once per schedule and time.

        EventBridge Scheduler delivers at least once, and Lambda retries an asynchronous invocation that raised: so a
        failure that may pass is raised, and a payload that can never succeed goes to the dead-letter queue at once.

        Returns:
            The API's body: Bitrix24's answer, or ``error`` and ``error_description`` of a payload put aside; where the
            end that was asked for is past, ``{"result": False}``. A mute while nothing is muted is neither put aside
            nor repeated: the next run comes by itself.
        """
        self._telemetry.trigger("schedule", context.aws_request_id)
        try:
            return self._direct(payload, Budget(context, self._clock, spare=SPARE_SECONDS, at_most=CALL_SECONDS))
        except PastUntil:
            self._telemetry.logger.info("past its end", extra={"outcome": "nothing to do"})
            self._telemetry.count("PastUntil")
            return {"result": False}
        except ReleaseOnly as error:
            self._telemetry.logger.info("refused", extra={"account": payload.get("account"), "outcome": error.code})
            return {"error": error.code, "error_description": error.description}
        except _HOPELESS as error:
            self._dead_letters.put(payload, error.code, error.description)
            self._telemetry.logger.warning("schedule payload put aside", extra={"outcome": error.code})
            self._telemetry.count("ScheduleRejected")
            return {"error": error.code, "error_description": error.description}

    def _direct(self, payload: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
        fields = upper_fields(payload)
        refuse_unknown(fields, _FIELDS)
        now = self._clock.now()
        run = _run(fields)
        request = MuteRequest.parse(fields, now=now, since=run and run[1], past=True)
        account = fields.get("ACCOUNT")
        if account is None:
            account = "default"
        if not isinstance(account, str):
            raise InvalidParameter("account", "must be a text.")
        refuse_past("UNTIL", request.until, now)

        def work() -> dict[str, Any]:
            return self._muting.mute(account, request, by=_owner(run and run[0]), now=now, time_left=budget)

        if run is None:
            return work()
        key = run[0], run[1].isoformat()
        result, replayed = self._idempotency.once(key, {"account": account, **request.fields()}, work, budget)
        if replayed:
            self._telemetry.logger.info("delivered again", extra={"account": account, "chat": request.chat})
            self._telemetry.count("Replayed")
        return result


def _run(fields: Mapping[str, object]) -> tuple[str, datetime] | None:
    """The schedule and the time it was due, which together name one run; its attempts and deliveries share them."""
    schedule, at = fields.get("SCHEDULE"), fields.get("AT")
    if schedule is None and at is None:
        return None
    if schedule is None or at is None:
        raise InvalidParameter("schedule, at", "come together or not at all.")
    if not isinstance(schedule, str) or not 1 <= len(schedule) <= 512 or not schedule.isprintable():
        raise InvalidParameter("schedule", "must be a text of 1 to 512 printable characters.")
    return schedule, instant("at", at)


def _owner(schedule: str | None) -> str:
    """For whom a schedule mutes: its name, with its group's where it is in one of its own."""
    if schedule is None:
        return "schedule:direct"
    return f"schedule:{schedule.rpartition(':schedule/')[2].removeprefix('default/')}"
