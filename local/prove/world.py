"""The service as Lambda runs it: processes of their own, side by side in virtual time, before simulated portals."""

import json
import logging
import math
import random
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from io import StringIO
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar
from unittest import mock

from aws_lambda_powertools.utilities.idempotency import base as once
from aws_lambda_powertools.utilities.idempotency.persistence import base as records
from aws_lambda_powertools.utilities.idempotency.persistence import datarecord, dynamodb
from aws_lambda_powertools.utilities.parameters import base as parameters

from bitrix24 import client, muting, refresh
from chat_mute import holding, table, tick
from chat_mute.observability import Handler, Telemetry
from local.prove.faults import Aws, Fuse, Killed, Line, Weather
from local.prove.watch import Watch
from local.scale.turns import Pool, Turns
from local.virtual import ACCOUNTS, STATE, VirtualStack, WiredTransport

T = TypeVar("T")
R = TypeVar("R")
_WORKERS = 4


class Instance(NamedTuple):
    """One process."""

    handler: Handler
    fuse: Fuse


@dataclass
class Flight:
    """One invocation about an account, and the minutes it took; while it flies it has no end."""

    account: str
    start: float
    end: float = math.inf
    killed: bool = False


class World(VirtualStack):
    """AWS, Lambda and portals; time passes in `Turns`, whose threads the invocations are.

    Args:
        start: when it begins.
        chance: whose numbers decide how long calls take and what befalls them.
        struck: told of each kill and each fault of AWS.
        late: told of a portal whose answer has been held up.

    Attributes:
        said, told: what the service has logged, and answered or raised, where it is to be looked through.
        over: what processes should not have done, e.g. asked more of a portal than it allows.
        users: each account's host and user.
        with_jobs: accounts that have been given jobs, whose looks do those last.
        ticking: whether the schedule ticks.
        again: the share of messages that come twice.
    """

    def __init__(
        self, start: datetime, chance: random.Random, struck: Callable[[str], None],
        late: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.turns = Turns(start)
        self.over: list[str] = []
        self.users: dict[str, tuple[str, int]] = {}
        self.with_jobs: set[str] = set()
        self.chance = chance
        self.weather = Weather(chance, self.turns, struck)
        self.said, self.told = StringIO(), StringIO()
        self.net = Watch(self.over.append, lambda: self.weather.last)
        self.late = late
        self.ticking = True
        self.again = 0.0
        self.bodies: list[str] = []
        self.ticks: list[datetime] = []
        self.flying = 0
        self._flights: list[Flight] = []
        self._working = 0
        self._idle: list[Instance] = []
        self._fuse = Fuse(self.turns, self.weather)
        super().__init__(start=start, clock=self.turns, wrap=self._outside)
        self._idle.clear()

    def _outside(self, what: Any) -> Any:
        if isinstance(what, WiredTransport):
            return Line(what, self._fuse, self.turns, self.net, self.late)
        return Aws(what, self._fuse, self.weather)

    # ---- Lambda -----------------------------------------------------------------------------------------------------

    def invoke(self, event: Any) -> Any:
        """One invocation, by a process that has nothing else to do, or a new one.

        Raises:
            Killed: the process is gone.
        """
        if not self._idle:
            self._fuse = Fuse(self.turns, self.weather)
            self.new_process()
            self._idle.append(Instance(self._handler, self._fuse))
        instance = self._idle.pop()
        instance.fuse.begin()
        self._handler = instance.handler
        flight = Flight(_account(event), self.now)
        self._flights.append(flight)
        self.flying += 1
        before = self._calls(flight.account)
        try:
            answer = super().invoke(event)
            self.told.write(json.dumps(answer))
            if "Records" in event and len(self.met(flight.account, flight.start)) == 1:
                self._in_order(flight.account, before)
        except Exception as error:
            self.told.write("".join(traceback.format_exception(error)))  # Lambda logs it
            raise
        else:
            return answer
        finally:
            self.flying -= 1
            flight.end, flight.killed = self.now, instance.fuse.blown
            if not instance.fuse.blown:
                self._idle.append(instance)

    def met(self, account: str, since: float) -> list[Flight]:
        """The invocations about an account that have been under way since a moment."""
        self._flights = [flight for flight in self._flights if flight.end > self.now - 24 * 60]
        return [flight for flight in self._flights if flight.account == account and flight.end >= since]

    def _calls(self, account: str) -> int:
        host, _ = self.users.get(account, ("", 0))
        return len(self.portals[host].journal.calls) if host else 0

    def _in_order(self, account: str, before: int) -> None:
        """A look that nothing met releases first and then mutes; jobs come after both. Clicks are no calls."""
        host, user = self.users[account]
        calls = [one for call in self.portals[host].journal.calls[before:] for one in call.commands or (call,)]
        told = [call for call in calls if call.method == "im.chat.mute" and call.user_id == user and call.status == 200]
        changes = [call.params["MUTE"] == "Y" for call in told]
        if sorted(changes) != changes and account not in self.with_jobs:
            self.over.append(f"{account}: a look muted before it released")

    def deploy(self) -> None:
        """New processes from now on; those at work end as they are."""
        self._idle.clear()

    def spawn(self, work: Callable[[], object]) -> None:
        """Does something beside all else, from now on; if it dies, nobody hears of it."""

        def run() -> None:
            with suppress(Killed):
                work()

        self.turns.spawn(run)

    def tick_once(self, at: datetime | None = None) -> None:
        """The schedule's tick; what it raises is the schedule's and is tried again by the next."""

        def run() -> None:
            with suppress(Exception):
                self.tick(at)
            self.pump()

        self.ticks.append(at or self.clock.now())
        self.spawn(run)

    def pump(self) -> None:
        """Starts workers for what is in the queue."""
        while self._working < _WORKERS:
            messages = self.queues.receive_message(QueueUrl=ACCOUNTS).get("Messages", [])
            if not messages:
                return
            self._working += 1
            self.spawn(partial(self._work, *messages))

    def _work(self, message: dict[str, Any]) -> None:
        try:
            self.bodies.append(message["Body"])
            if self.chance.random() < self.again:
                self.spawn(lambda: self._late(message["Body"]))
            with suppress(Exception):  # the message comes again
                self.handle(message["Body"])
                self.queues.delete_message(QueueUrl=ACCOUNTS, ReceiptHandle=message["ReceiptHandle"])
        finally:
            self._working -= 1
        self.pump()

    def _late(self, body: str) -> None:
        """A message that is delivered once more, now or later."""
        self.turns.sleep(self.chance.choice((0.0, 0.05, 1.0, 70.0, 400.0)))
        with suppress(Exception):
            self.handle(body)

    # ---- time -------------------------------------------------------------------------------------------------------

    def due(self) -> float | None:
        """When an account is next due, in Unix seconds."""
        items = [item for item in self.dynamodb.items(STATE) if "due" in item and "queue" in item]
        return min((float(item["due"]["N"]) for item in items), default=None)

    def queued(self) -> float:
        """When a message may be received again, in minutes; a poller of SQS just waits for it."""
        queue = self.queues._queues[ACCOUNTS].messages  # noqa: SLF001
        visible = [message.visible_at / 60 for message in queue.by_number.values()]
        return min((at for at in visible if at > self.now), default=float("inf"))

    def until(self, moment: float) -> None:
        """Lets time pass, to a moment in Unix seconds."""
        self.turns.until(moment - self.turns.start.timestamp())

    def next_turn(self) -> float:
        """When the next invocation, person or trouble does something, in minutes."""
        return (self.turns.start.timestamp() + self.turns.next_turn) / 60

    @property
    def now(self) -> float:
        """In minutes since 1970."""
        return self.turns.unix() / 60

    @contextmanager
    def in_virtual_time(self) -> Iterator[None]:
        """The libraries' clocks are this one, the code's threads its turns, its jitter the seed's."""
        logger = logging.getLogger("chat-mute")
        shim = SimpleNamespace(datetime=_datetime(self.turns), timedelta=__import__("datetime").timedelta)
        with (
            mock.patch.multiple(muting, ThreadPoolExecutor=partial(Pool, self.turns), wait=self.turns.wait),
            mock.patch.object(tick, "each", self._each),
            mock.patch.object(holding, "each", self._each),
            mock.patch.object(client, "_jitter", self.chance),
            mock.patch.object(refresh, "_jitter", self.chance),
            mock.patch.object(table, "_jitter", self.chance),
            mock.patch.object(once, "dt", shim),
            mock.patch.object(records, "dt", shim),
            mock.patch.object(datarecord, "dt", shim),
            mock.patch.object(dynamodb, "dt", shim),
            mock.patch.object(parameters, "datetime", shim.datetime),
            mock.patch.multiple(Telemetry, trigger=_say_nothing, count=_say_nothing, raised_none=_say_nothing),
        ):
            for handler in logger.handlers:
                if isinstance(handler, logging.StreamHandler):
                    handler.setStream(self.said)
            yield

    def _each(self, work: Callable[[T], R], items: Iterable[T], _threads: int = 4) -> list[R]:
        """`parallel.each` in turns."""
        pool = Pool(self.turns)
        futures = [pool.submit(work, item) for item in items]
        while not all(future.done() for future in futures):
            self.turns.wait([future for future in futures if not future.done()])
        return [future.result() for future in futures]


def _account(event: dict[str, Any]) -> str:
    """Whom an invocation is about."""
    if "Records" in event:
        return str(json.loads(event["Records"][0]["body"])["account"])
    return str((event.get("pathParameters") or event).get("account", ""))


def _datetime(turns: Turns) -> type[datetime]:
    """A `datetime` whose ``now`` is virtual."""

    class Virtual(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Virtual":
            return cls.fromtimestamp(turns.unix(), tz)

    return Virtual


def _say_nothing(*_: object, **__: object) -> None:
    """Powertools' metrics are one set for all processes in this one."""
