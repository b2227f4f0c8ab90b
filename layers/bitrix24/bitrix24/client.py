"""Calling a portal's REST methods for one account, as `im.chat.mute`'s documentation and a real portal want it."""

import json
import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bitrix24 import errors
from bitrix24.answer import Answer, Refusal, read
from bitrix24.auth import Webhook
from bitrix24.clock import Clock, TimeLeft
from bitrix24.transport import Transport

EVERY_METHOD = "*"
MAX_TRIES = 4
_BACKOFF_SECONDS, _BACKOFF_MAX_SECONDS = 0.5, 8.0
_OPERATION_PAUSE, _OVERLOAD_PAUSE = timedelta(seconds=300), timedelta(seconds=900)
_OPERATION_PAUSE_MAX = timedelta(days=1)  # ten minutes are documented; a strange clock must not stop us for years
_jitter = random.SystemRandom()


class Store(Protocol):
    """What a client must remember beyond its own process."""

    def pauses(self) -> Mapping[str, datetime]:
        """Until when a method, or ``EVERY_METHOD``, must not be called. Past instants may be among them."""

    def pause(self, method: str, until: datetime) -> None:
        """Remembers not to call ``method``, or ``EVERY_METHOD``, before ``until``."""


class Client:
    """One account: one user of one portal.

    Args:
        webhook: the account's credentials.
        transport: connections; share one among all clients.
        store: the account's pauses.
        clock: the time.
    """

    def __init__(self, webhook: Webhook, transport: Transport, store: Store, clock: Clock | None = None) -> None:
        self.webhook = webhook
        self._transport = transport
        self._store = store
        self._clock = clock or Clock()
        self._operating_reset_at: dict[str, float] = {}

    def call(self, method: str, params: Mapping[str, Any] | None = None, *, time_left: TimeLeft) -> Answer:
        """Calls ``method``, and again where an error may pass and ``time_left`` allows.

        Only for methods that are safe to repeat, as all those of this package are: a setter to an absolute state, or a
        read. Waits between tries with full jitter, 0.5 s doubling to 8 s, at most four tries.

        Raises:
            Bitrix24Error: the last try's error; each meaning is a class of its own in `bitrix24.errors`.
        """
        self._respect_pauses(method)
        body = json.dumps(params or {}).encode()
        met: Counter[type[errors.Bitrix24Error]] = Counter()
        while True:
            outcome = self._try(method, body, time_left)
            if isinstance(outcome, Answer):
                return outcome
            met[type(outcome)] += 1
            wait = _jitter.uniform(0, min(_BACKOFF_MAX_SECONDS, _BACKOFF_SECONDS * 2 ** (met.total() - 1)))
            if met[type(outcome)] >= outcome.tries or met.total() >= MAX_TRIES or wait >= time_left():
                raise outcome
            self._clock.sleep(wait)

    def _try(self, method: str, body: bytes, time_left: TimeLeft) -> Answer | errors.Bitrix24Error:
        try:
            reply = self._transport.post(self.webhook.url(method), body, time_left)
            outcome = read(reply, self.webhook.secrets)
        except errors.Bitrix24Error as error:
            return error
        if isinstance(outcome, Refusal):
            return self._meaning(method, outcome)
        if outcome.operating_reset_at is not None:
            self._operating_reset_at[method] = outcome.operating_reset_at
        return outcome

    def _meaning(self, method: str, refusal: Refusal) -> errors.Bitrix24Error:
        meaning = errors.MEANINGS.get(refusal.code, errors.Bitrix24Error)
        if meaning is errors.Paused:
            return self._pause(method, refusal)
        if refusal.code == "QUERY_LIMIT_EXCEEDED" and refusal.status == 401:
            meaning = errors.AccountBlocked  # some integrations get it for good, as a failure of authorisation
        return meaning(refusal.code, refusal.description)

    def _pause(self, method: str, refusal: Refusal) -> errors.Paused:
        """Errors tell no time: the last success's ``operating_reset_at`` counts, else the documented 300 or 900 s."""
        now = self._clock.now()
        if refusal.code == "OVERLOAD_LIMIT":
            what, until = EVERY_METHOD, now + _OVERLOAD_PAUSE
        else:
            told = self._operating_reset_at.get(method, 0)
            sane = 0 < told - now.timestamp() <= _OPERATION_PAUSE_MAX.total_seconds()
            what, until = method, datetime.fromtimestamp(told, UTC) if sane else now + _OPERATION_PAUSE
        self._store.pause(what, until)
        return errors.Paused(refusal.code, refusal.description, until)

    def _respect_pauses(self, method: str) -> None:
        pauses, now = self._store.pauses(), self._clock.now()
        for what, code in ((EVERY_METHOD, "OVERLOAD_LIMIT"), (method, "OPERATION_TIME_LIMIT")):
            until = pauses.get(what)
            if until is not None and until > now:
                raise errors.Paused(code, "", until)
