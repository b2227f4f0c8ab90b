"""Some portals with their accounts, AWS and the service on one clock: a night of theirs, hour by hour.

What takes time, and how much of it, is said here once; docs/scale.md says why.
"""

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar
from unittest import mock
from urllib.parse import urlsplit

from bitrix24 import TimeLeft, client, limits, muting
from bitrix24.batch import SIZE
from bitrix24.errors import PortalTimeout, PortalUnreachable
from bitrix24.transport import JSON, Reply
from chat_mute import look, table, tick
from chat_mute.observability import Handler, Telemetry
from chat_mute.parallel import THREADS
from local.portal import Limits, Request, Response, dispatch
from local.portal.wire import Delivery
from local.scale.turns import Pool, Turns
from local.scale.weather import Weather
from local.virtual import ACCOUNTS, VirtualStack, WiredTransport

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
OPENING, CLOSING = datetime(2026, 3, 3, 22, tzinfo=UTC), datetime(2026, 3, 4, 7, tzinfo=UTC)
MIDNIGHT_LOOK = CLOSING - timedelta(minutes=15)
"""The last of the looks that come every quarter of an hour while a window runs; it stands for all of them."""
MINUTES = 14
"""How long there are ticks after an edge: until before the next look that comes anyway."""
POLICY = {"timezone": "UTC", "windows": [{"days": ["tue"], "start": "22:00", "end": "07:00"}], "chats": {"all": True}}
COLLEAGUE = 9999
BY_HAND = 25
"""Every so many-th chat was muted by its user before."""

# Seconds.
WAY_THERE, WAY_BACK, COMMAND = (0.005, 0.025), 0.015, 0.002
"""A call to a portal: there (it varies, so calls overtake each other), back, and each method that it carries out."""
HOP, COLD_START = 0.05, 1.0
"""From the queue to the function; and a new instance: three times the CPU that its imports and clients take here."""
AWS_CALL = 0.005
CALL_CPU, LOOK_CPU = 0.0007, 0.03
"""Of a whole core: boto3's work for a call of AWS (measured), and ours for a list of chats and batches (guessed)."""
CORE_MB = 1769
"""With so much memory a function has a whole core, and with less as much less of it."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Plan:
    """A run.

    Attributes:
        accounts: on each portal.
        chats: of each account.
        at_once: how many portals are worked on at a time, the template's `PortalsAtOnce`.
        memory: of the function, in MB, and so its CPU.
        failing: the share of calls to portals that fail.
        margins: other ones of the burst and of the pace than the layer's.
    """

    portals: int = 500
    accounts: int = 20
    chats: int = 200
    at_once: int = 500
    memory: int = 1024
    seed: int = 1
    failing: float = 0.05
    burst: float = 50
    per_second: float = 2
    margins: tuple[float, float] | None = None

    @property
    def audible(self) -> int:
        """Chats of an account that nobody has muted by hand."""
        return self.chats - len(range(0, self.chats, BY_HAND))

    @property
    def needed(self) -> int:
        """Calls that one portal's accounts need at an edge, if none fails: the list, and the batches."""
        return self.accounts * (1 + -(-self.audible // SIZE))

    def bound(self, calls: int) -> float:
        """Seconds in which nobody can make so many calls faster; at least one call's own."""
        return max((calls - self.burst) / self.per_second, WAY_THERE[0] + WAY_BACK + COMMAND * min(SIZE, self.audible))


@dataclass
class Seen:
    """What one portal has seen at an edge.

    Attributes:
        requests: calls to it, failed and refused ones included.
        failed: of those.
        throttled: of those, by its bucket.
        quiet_after: seconds from the edge to the last answer.
    """

    requests: int = 0
    failed: int = 0
    throttled: int = 0
    quiet_after: float = 0.0


@dataclass
class Part:
    """What came of an edge, or of a look in the night.

    Attributes:
        seen: by portal.
        lost: chats that are not as they should be.
        wrong: those that were muted by hand, or are other people's, and were touched; those changed more than once.
        spans: when workers ran, from the edge.
        depth: by how much the queue grew or shrank, and when.
        units: of AWS.
    """

    seen: dict[str, Seen] = field(default_factory=dict)
    lost: int = 0
    wrong: int = 0
    spans: list[tuple[float, float]] = field(default_factory=list)
    depth: list[tuple[float, int]] = field(default_factory=list)
    units: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class Cpu:
    """An instance's part of a core: its threads wait for each other.

    Args:
        clock: the time.
        part: how much of a core.
        wait: seconds that a call of AWS takes besides.
    """

    def __init__(self, clock: Turns, part: float, wait: float = AWS_CALL) -> None:
        self._clock = clock
        self._part = part
        self._wait = wait
        self._free_at = 0.0

    def work(self, seconds: float, wait: float = 0.0) -> None:
        """What takes a whole core so long, and something else to wait for after it."""
        self._free_at = max(self._free_at, self._clock.seconds) + seconds / self._part
        self._clock.until(self._free_at + wait)

    def call_aws(self) -> None:
        """A call of AWS."""
        self.work(CALL_CPU, self._wait)


class World(VirtualStack):
    """Some of a plan's portals.

    Args:
        plan: the run.
        mine: which of its portals.
        worlds: how many there are in the run, each with its part of the tick's speed and of the workers at once.
    """

    def __init__(self, plan: Plan, mine: Sequence[int], worlds: int = 1) -> None:
        self.plan = plan
        self.chance = random.Random(f"{plan.seed} {mine[:1]}")  # noqa: S311  no secret
        self.hosts = [f"portal{number}.example" for number in mine]
        self.part = Part()
        self.began = 0.0
        self._worlds = worlds
        self._at_once = max(1, plan.at_once // worlds)
        self._free = True
        self._working = 0
        self._idle: list[Instance] = []
        self._weather: dict[str, Weather] = {}
        self._turns = Turns(NOON)
        self._cpu = Cpu(self._turns, 1)
        super().__init__(start=NOON, clock=self._turns, wrap=self._with_time, threads=THREADS)

    # ---- the night --------------------------------------------------------------------------------------------------

    def night(self) -> dict[str, Part]:
        """Opens the windows, looks once in the night, and closes them."""
        with self._in_virtual_time():
            self._furnish()
            opening = self._play(OPENING)
            self._judge(opening, quiet=True)
            look_again = self._play(MIDNIGHT_LOOK)
            closing = self._play(CLOSING)
            self._judge(closing, quiet=False)
        return {"opening": opening, "look": look_again, "closing": closing}

    def _furnish(self) -> None:
        for host in self.hosts:
            portal = self.add_portal(host, limits=Limits(burst=self.plan.burst, per_second=self.plan.per_second))
            portal.faults = self._weather[host] = Weather(portal, self.plan.failing, self.chance)
            portal.add_user(COLLEAGUE)
            for user in range(1, self.plan.accounts + 1):
                portal.add_user(user)
                for number in range(self.plan.chats):
                    chat = portal.add_chat(members=[user, COLLEAGUE])
                    if number % BY_HAND == 0:
                        portal.mute_by_hand(user, chat.id)
                # An index tells what is due at the same instant in any order, so names say nothing about the portal.
                account = hashlib.sha256(f"{self.plan.seed} {host} {user}".encode()).hexdigest()[:16]
                code = portal.add_webhook(user, f"{account}").code
                self.put_account(account, {"webhook_url": f"https://{host}/rest/{user}/{code}/"})
                answer = self.call("PUT", f"/{account}/quiet-hours/night", POLICY)
                if answer.status != 201:
                    raise AssertionError(answer)
        self.minute()

    def _play(self, edge: datetime) -> Part:
        """A quarter of an hour from ``edge`` on; Lambda's instances have been forgotten since the last."""
        self._turns.set(edge)
        self.part, self.began = Part(seen={host: Seen() for host in self.hosts}), self._turns.seconds
        self._free = False
        self._idle.clear()
        for host, portal in self.portals.items():
            portal.journal.clear()
            self._weather[host].failed = 0
        before = self._units()
        # A world's part of the tick has no other threads to wait beside, as the whole has, whose CPU is always busy.
        ticking = self._instance(1 / self._worlds, AWS_CALL if self._worlds == 1 else 0.0)
        for _ in range(MINUTES):
            self._turns.spawn(partial(self._tick, ticking))
            self._turns.sleep(60)
        self._free = True
        for host, weather in self._weather.items():
            self.part.seen[host].failed = weather.failed
        for name, number in self._units().items():
            self.part.units[name] += number - before[name]
        return self.part

    def _judge(self, part: Part, *, quiet: bool) -> None:
        for portal in self.portals.values():
            changes = Counter((event.user_id, event.chat_id) for event in portal.events)
            for chat in portal.chats.values():
                (user,) = chat.members.keys() - {COLLEAGUE}
                by_hand = (chat.id - 1001) % self.plan.chats % BY_HAND == 0
                muted = user in chat.muted_by
                part.lost += not by_hand and muted != quiet
                part.wrong += by_hand and not muted
                part.wrong += max(0, changes[user, chat.id] - (not by_hand))
                part.wrong += COLLEAGUE in chat.muted_by or changes[COLLEAGUE, chat.id] > 0

    def _units(self) -> dict[str, float]:
        return {
            "dynamodb_read_units": self.dynamodb.consumed.read,
            "dynamodb_write_units": self.dynamodb.consumed.write,
            "sqs_requests": self.queues.calls.total(),
            "secrets_manager_calls": self.secrets.calls.total(),
        }

    # ---- Lambda -----------------------------------------------------------------------------------------------------

    def _instance(self, speed: float = 1.0, wait: float = AWS_CALL) -> "Instance":
        """A new one, for whose clients `_with_time` is asked."""
        self._cpu = Cpu(self._turns, speed * min(1.0, self.plan.memory / CORE_MB), wait)
        self.new_process()
        return Instance(self._handler, self._cpu)

    def _run(self, instance: "Instance", event: Any, began: float) -> None:
        """One invocation, paid for from when it ``began``."""
        self._handler = instance.handler
        self.invoke(event)
        self.part.units["lambda_requests"] += 1
        self.part.units["lambda_gb_seconds"] += (self._turns.seconds - began) * self.plan.memory / 1024

    def _tick(self, instance: "Instance") -> None:
        self.part.units["scheduler_invocations"] += 1
        self._run(instance, {"tick": self.clock.now().isoformat()}, self._turns.seconds)

    def _pump(self) -> None:
        """Starts workers for what is in the queue, as many as there may be."""
        while self._working < self._at_once:
            messages = self.queues.receive_message(QueueUrl=ACCOUNTS).get("Messages", [])
            if not messages:
                return
            self._working += 1
            self._turns.spawn(partial(self._work, *messages))

    def _work(self, message: dict[str, Any]) -> None:
        self._turns.sleep(HOP)
        began = self._turns.seconds
        if self._idle:
            instance = self._idle.pop()
        else:
            self._turns.sleep(COLD_START)
            instance = self._instance()
        instance.cpu.work(LOOK_CPU)
        record = {"messageId": message["MessageId"], "eventSource": "aws:sqs", "body": message["Body"]}
        self._run(instance, {"Records": [record]}, began)
        self.part.spans.append((began - self.began, self._turns.seconds - self.began))
        self._idle.append(instance)
        self._turns.sleep(AWS_CALL)
        self.queues.delete_message(QueueUrl=ACCOUNTS, ReceiptHandle=message["ReceiptHandle"])
        self._deepen(-1)
        self._working -= 1
        self._pump()

    def _deepen(self, messages: int) -> None:
        self.part.depth.append((self._turns.seconds - self.began, messages))

    # ---- what takes time --------------------------------------------------------------------------------------------

    def pay(self, cpu: Cpu) -> None:
        """Lets the time of one call of AWS pass."""
        if not self._free:
            cpu.call_aws()

    def sent(self, messages: int) -> None:
        """Messages have come into the queue."""
        if not self._free:
            self._deepen(messages)
            self._turns.spawn(self._pump)

    def _with_time(self, what: Any) -> Any:
        return Line(self, self._turns) if isinstance(what, WiredTransport) else Timed(what, self, self._cpu)

    def _records(self, work: Callable[[T], R], items: Iterable[T], _threads: int) -> list[R]:
        """Writes records one after the other, and then lets the time pass that eight threads take: their CPU's."""
        free, self._free, before = self._free, True, self.dynamodb.calls.total()
        results = [work(item) for item in items]
        self._free = free
        if (calls := self.dynamodb.calls.total() - before) and not free:
            self._turns.sleep(calls * CALL_CPU * CORE_MB / min(self.plan.memory, CORE_MB) + AWS_CALL)
        return results

    def _chunks(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """The tick's leases, by a world's part of its threads."""
        return Pool(self._turns).each(work, items, max(1, THREADS // self._worlds))

    @contextmanager
    def _in_virtual_time(self) -> Iterator[None]:
        """The code's threads are the clock's, its jitter is the seed's, and its metrics go nowhere."""
        burst, pace = self.plan.margins or (limits.MARGIN_BURST, limits.MARGIN_PER_SECOND)
        with (
            mock.patch.multiple(muting, ThreadPoolExecutor=partial(Pool, self._turns), wait=self._turns.wait),
            mock.patch.object(tick, "each", self._chunks),
            mock.patch.object(look, "each", self._records),
            mock.patch.object(client, "_jitter", self.chance),
            mock.patch.object(table, "_jitter", self.chance),
            mock.patch.multiple(Telemetry, trigger=_say_nothing, count=_say_nothing),
            mock.patch.multiple(limits, MARGIN_BURST=burst, MARGIN_PER_SECOND=pace),
        ):
            yield


class Instance(NamedTuple):
    """One of Lambda's."""

    handler: Handler
    cpu: Cpu


class Timed:
    """A client of AWS whose calls take time."""

    def __init__(self, client: Any, world: World, cpu: Cpu) -> None:
        self._client = client
        self._world = world
        self._cpu = cpu

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name == "exceptions":
            return found

        def call(**arguments: Any) -> Any:
            self._world.pay(self._cpu)
            answer = found(**arguments)
            if name == "send_message_batch":
                self._world.sent(len(answer["Successful"]))
            return answer

        setattr(self, name, call)
        return call


class Line(WiredTransport):
    """The way to the portals, which takes time and fails now and then."""

    def __init__(self, world: World, clock: Turns) -> None:
        super().__init__(world.portals, clock)
        self._world = world
        self._turns = clock

    def post(self, url: str, body: bytes, time_left: TimeLeft, content_type: str = JSON) -> Reply:
        """See `Transport`."""
        parts, left, began = urlsplit(url), time_left(), self._turns.seconds
        seen, portal = self._world.part.seen[parts.netloc], self.portals[parts.netloc]
        self._turns.sleep(self._world.chance.uniform(*WAY_THERE))
        headers, base_url = {"content-type": content_type}, f"https://{parts.netloc}"
        response = dispatch(portal, Request("POST", parts.path, headers=headers, body=body, base_url=base_url))
        portal.journal.calls.clear()
        self._turns.sleep(WAY_BACK + COMMAND * response.commands)
        seen.requests += 1
        seen.throttled += response.status == 503
        seen.quiet_after = self._turns.seconds - self._world.began
        return _delivered(response, in_time=self._turns.seconds - began < left)


def _say_nothing(*_: object) -> None:
    """Metrics of Powertools are one set for all instances in this process."""


def _delivered(response: Response, *, in_time: bool) -> Reply:
    if not in_time:
        raise PortalTimeout
    if response.delivery is Delivery.RESET:
        raise PortalUnreachable("reset")
    return Reply(response.status, response.body)
