"""Calling a portal's REST methods for one account, as Bitrix24's documentation and a real portal want it."""

import json
import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakSet

from bitrix24 import errors
from bitrix24.answer import Answer, Refusal, read
from bitrix24.auth import Credentials, OAuth
from bitrix24.batch import SIZE, Command, read_batch, request
from bitrix24.clock import Clock, TimeLeft
from bitrix24.limits import PortalLimits
from bitrix24.refresh import TOKEN_HOSTS, Refresher
from bitrix24.store import Store
from bitrix24.transport import Transport

EVERY_METHOD = "*"
CROWD = "QUERY_LIMIT_EXCEEDED"
"""Beside methods' pauses: until when those who are short of time do not even wait for the portal's full bucket."""
MAX_TRIES = 4
CROWD_SECONDS = 10.0
"""The tries of a call that the portal refuses take about so long; what the bucket drains meanwhile, may wait."""
_SHORT_SECONDS = 30.0
"""Who has less time than this is a call with somebody at its other end, and API Gateway gives it 29 s."""
_BACKOFF_SECONDS, _BACKOFF_MAX_SECONDS = 0.5, 8.0
_OPERATION_PAUSE, _OVERLOAD_PAUSE = timedelta(seconds=300), timedelta(seconds=900)
_OPERATION_PAUSE_MAX = timedelta(hours=1)  # ten minutes are documented; a strange clock must not stop us for long
_GONE = (
    "The access token is gone: the app was removed, or a refresh's answer was lost."
    " Install the app again and replace the account's secret."
)
_EXPIRED = frozenset({"expired_token", "invalid_token"})
_jitter = random.SystemRandom()

Outcome = Answer | errors.Bitrix24Error


class Client:
    """One account: one user of one portal. Thread-safe.

    For methods that are safe to repeat, as all those of this package are: setters to an absolute state, and reads.

    Args:
        credentials: the account's.
        transport: connections; share one among all clients.
        store: what the account must remember.
        clock: the time.
        limits: the portal's; share one among all clients of a portal.
        token_hosts: token servers that may be sent an app's secret.
    """

    def __init__(  # noqa: PLR0917  what an account stands on; all but the first three have defaults
        self,
        credentials: Credentials,
        transport: Transport,
        store: Store,
        clock: Clock | None = None,
        limits: PortalLimits | None = None,
        token_hosts: frozenset[str] = TOKEN_HOSTS,
    ) -> None:
        self.credentials = credentials
        self._transport = transport
        self._store = store
        self._clock = clock or Clock()
        self.limits = limits or PortalLimits(clock=self._clock)
        self._refresher = Refresher(transport, store, self._clock, token_hosts)
        self._operating_reset_at: dict[str, float] = {}
        self._told_to_pause: dict[str, datetime] = {}
        self._let_in: WeakSet[TimeLeft] = WeakSet()  # whoever has begun may go on, with as many requests as it needs

    def call(self, method: str, params: Mapping[str, Any] | None = None, *, time_left: TimeLeft) -> Answer:
        """Calls ``method``, and again where an error may pass and ``time_left`` allows.

        Waits between tries with full jitter, 0.5 s doubling to 8 s, at most four tries; keeps the portal's limits.

        Raises:
            Bitrix24Error: the last try's error; each meaning is a class of its own in `bitrix24.errors`.
        """
        paused = self._paused(self._store.pauses(), time_left, method)
        if paused is not None:
            raise paused
        return self._call(method, params or {}, time_left)

    def batch(self, commands: Mapping[str, Command], *, time_left: TimeLeft) -> dict[str, Outcome]:
        """Calls up to 50 methods in one request, and again those whose error may pass.

        A portal that refuses a method in batches gets it in single calls from then on.

        Returns:
            An outcome for each key; a failure of the whole request is the outcome of every command still open.
        """
        if len(commands) > SIZE:
            raise ValueError(f"at most {SIZE} commands")
        pauses = self._store.pauses()
        paused = {
            method: self._paused(pauses, time_left, "batch", method)
            for method in {one.method for one in commands.values()}
        }
        outcomes: dict[str, Outcome] = {
            key: pause for key, command in commands.items() if (pause := paused[command.method]) is not None
        }
        open_ = {key: command for key, command in commands.items() if key not in outcomes}
        for tries in range(1, MAX_TRIES + 1):
            single = {key for key, command in open_.items() if command.method in self.limits.refused_in_batch}
            told, final = self._together({key: open_[key] for key in open_ if key not in single}, time_left)
            single |= {key for key, outcome in told.items() if isinstance(outcome, errors.BatchRefused)}
            outcomes |= told
            outcomes |= self._one_by_one({key: open_[key] for key in open_ if key in single}, time_left)
            open_ = {} if final else {key: open_[key] for key in told.keys() - single if _may_pass(told[key], tries)}
            wait = self._wait(tries)
            if not open_ or wait >= time_left():
                break
            self._clock.sleep(wait)
        return outcomes

    def _together(self, commands: Mapping[str, Command], time_left: TimeLeft) -> tuple[dict[str, Outcome], bool]:
        """One `batch`: the outcomes, and whether it failed as a whole, after all its own tries."""
        if not commands:
            return {}, True
        try:
            answer = self._call("batch", request(commands), time_left)
        except errors.Bitrix24Error as error:
            outcomes: dict[str, Outcome] = dict.fromkeys(commands, error)
            final = True
        else:
            said = read_batch(answer.result, commands, self.credentials.secrets)
            outcomes = {key: self._understand(commands[key].method, one) for key, one in said.items()}
            final = False
        for key, outcome in outcomes.items():
            if isinstance(outcome, errors.BatchRefused):
                self.limits.refused_in_batch.add(commands[key].method)
        return outcomes, final

    def _one_by_one(self, commands: Mapping[str, Command], time_left: TimeLeft) -> dict[str, Outcome]:
        """Single calls; an error that concerns the account, not a command, is the outcome of all that follow."""
        outcomes: dict[str, Outcome] = {}
        stopped: errors.Bitrix24Error | None = None
        for key, command in commands.items():
            try:
                outcomes[key] = stopped or self._call(command.method, command.params, time_left)
            except errors.Bitrix24Error as error:
                outcomes[key] = error
                stopped = error if isinstance(error, errors.OF_THE_ACCOUNT) else None
        return outcomes

    def _call(self, method: str, params: Mapping[str, Any], time_left: TimeLeft) -> Answer:
        met: Counter[type[errors.Bitrix24Error]] = Counter()
        may_be_done = False
        while True:
            try:
                self.limits.take(time_left)
                used = self.credentials
                outcome = self._try(used, method, params, time_left)
                if isinstance(outcome, Answer):
                    return outcome
                outcome.may_be_done = may_be_done = may_be_done or outcome.may_be_done
                met[type(outcome)] += 1
                first = met[type(outcome)] == 1
                if first and isinstance(outcome, errors.CredentialError) and self._renew(used, outcome, time_left):
                    continue
            except errors.Bitrix24Error as error:  # this try was not made, or not taken: those before it count
                error.may_be_done = may_be_done
                raise
            if first and isinstance(outcome, errors.QueryLimitExceeded) and not self._may_wait(time_left):
                raise outcome
            wait = self._wait(met.total())
            if met[type(outcome)] >= outcome.tries or met.total() >= MAX_TRIES or wait >= time_left():
                raise outcome
            self._clock.sleep(wait)

    def _may_wait(self, time_left: TimeLeft) -> bool:
        """Whether there is hope for who met a full bucket: not many others wait, or it has more time than they."""
        if time_left() >= _SHORT_SECONDS:
            return True
        now, most = self._clock.now(), round(CROWD_SECONDS * self.limits.rate.per_second)
        return self._store.may_wait(now, now + timedelta(seconds=CROWD_SECONDS), most)

    @staticmethod
    def _wait(tries: int) -> float:
        return _jitter.uniform(0, min(_BACKOFF_MAX_SECONDS, _BACKOFF_SECONDS * 2 ** (tries - 1)))

    def _try(self, used: Credentials, method: str, params: Mapping[str, Any], time_left: TimeLeft) -> Outcome:
        try:
            body = json.dumps({**params, **used.params}).encode()
            reply = self._transport.post(used.url(method), body, time_left)
            outcome = self._understand(method, read(reply, used.secrets))
        except errors.Bitrix24Error as error:
            return error
        if isinstance(outcome, errors.QueryLimitExceeded):
            self.limits.refused()
        return outcome

    def _renew(self, used: Credentials, error: errors.CredentialError, time_left: TimeLeft) -> bool:
        """Whether there are other tokens than those ``used``; only an expired token is a reason to ask for some.

        Refreshing before that, or by a timer, gets an app blocked as automation (Bitrix24's documentation).
        """
        if not isinstance(used, OAuth):
            return False
        if self.credentials is not used:  # another thread has renewed them meanwhile
            return True
        find = self._refresher.renew if error.code in _EXPIRED else self._refresher.newer
        renewed = find(used, time_left)
        if renewed is None and error.code == "NO_AUTH_FOUND":
            raise errors.CredentialError(error.code, _GONE)
        if renewed is None:
            return False
        self.credentials = renewed
        return True

    def _understand(self, method: str, said: Answer | Refusal | errors.Bitrix24Error) -> Outcome:
        if isinstance(said, errors.Bitrix24Error):
            return said
        if isinstance(said, Answer):
            if said.operating_reset_at is not None:
                self._operating_reset_at[method] = said.operating_reset_at
            return said
        meaning = errors.MEANINGS.get(said.code, errors.Bitrix24Error)
        if meaning is errors.Paused:
            return self._pause(method, said)
        if said.code == "QUERY_LIMIT_EXCEEDED" and said.status == 401:
            meaning = errors.AccountBlocked  # some integrations get it for good, as a failure of authorisation
        return meaning(said.code, said.description)

    def _pause(self, method: str, refusal: Refusal) -> errors.Paused:
        """Errors tell no time: the last success's ``operating_reset_at`` counts, else the documented 300 or 900 s."""
        now = self._clock.now()
        if refusal.code == "OVERLOAD_LIMIT":
            what, until = EVERY_METHOD, now + _OVERLOAD_PAUSE
        else:
            told = self._operating_reset_at.get(method, 0)
            sane = 0 < told - now.timestamp() <= _OPERATION_PAUSE_MAX.total_seconds()
            what, until = method, datetime.fromtimestamp(told, UTC) if sane else now + _OPERATION_PAUSE
        known = self._told_to_pause.get(what, now)
        if known > now:  # each command of a batch says so; once is enough to remember
            return errors.Paused(refusal.code, refusal.description, known)
        self._store.pause(what, until)
        self._told_to_pause[what] = until
        return errors.Paused(refusal.code, refusal.description, until)

    def _paused(
        self, pauses: Mapping[str, datetime], time_left: TimeLeft, *methods: str
    ) -> errors.Paused | errors.NoRoom | None:
        now = self._clock.now()
        for what in (EVERY_METHOD, *methods):
            until = pauses.get(what)
            if until is not None and until > now:
                code = "OVERLOAD_LIMIT" if what == EVERY_METHOD else "OPERATION_TIME_LIMIT"
                return errors.Paused(code, "", until)
        if time_left() < _SHORT_SECONDS and time_left not in self._let_in:
            if pauses.get(CROWD, now) > now:
                return errors.NoRoom()
            self._let_in.add(time_left)
        return None


def _may_pass(outcome: Outcome, tries: int) -> bool:
    return isinstance(outcome, errors.Bitrix24Error) and tries < outcome.tries
