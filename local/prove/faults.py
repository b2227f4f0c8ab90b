"""What becomes of a call to the outside: it takes its time, fails, takes effect twice, or is the caller's last.

Portals' own trouble is `local.portal.faults`; here are the network's to them, AWS's bad days, and Lambda's kills.
"""

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from bitrix24 import TimeLeft
from bitrix24.errors import PortalTimeout, PortalUnreachable, UnreadableAnswer
from bitrix24.transport import JSON, Reply
from local.inmemory import errors as aws
from local.portal import Request, dispatch
from local.portal.wire import Delivery
from local.prove.watch import Watch, sent_of
from local.scale.turns import Turns
from local.virtual import WiredTransport

_LATE_SECONDS = 2.0
LAMBDA_SECONDS = 120.0
_THROTTLED = {"query": "ThrottlingException", "send_message_batch": "RequestThrottled"}
_WRITES = {"put_item", "update_item", "delete_item", "transact_write_items"}


class Killed(BaseException):
    """The process is gone. Nothing catches it: a dead process handles no exceptions."""


@dataclass
class Weather:
    """How bad AWS's day is, and how many processes die.

    Attributes:
        failing: the share of calls of AWS that go wrong.
        dying: the share of invocations that are killed at one of their calls.
        deadly: what they are killed at; None for anything.
        seen: what has struck, by name.
        last: when something has last struck.
        struck: told of each kill and fault of AWS.
    """

    chance: random.Random
    clock: Turns
    struck: Callable[[str], None]
    failing: float = 0.0
    dying: float = 0.0
    deadly: "Call | None" = None
    seen: Counter[str] = field(default_factory=Counter)
    last: float = -math.inf

    def strike(self, name: str) -> None:
        """Something has struck."""
        self.seen[name] += 1
        self.last = self.clock.seconds
        self.struck(name)


_numbers = itertools.count(1)


class Call(Enum):
    """What a call to the outside is for."""

    READS = 0
    WRITES = 1
    TELLS = 2


class Fuse:
    """One process of Lambda's: its calls to the outside, and its death at one of them."""

    def __init__(self, clock: Turns, weather: Weather) -> None:
        self._clock = clock
        self._weather = weather
        self._calls = 0
        self._counted = Call.READS
        self._at, self._after = 0, False
        self._end = 0.0
        self.blown = False
        self.number = next(_numbers)

    def begin(self) -> None:
        """An invocation begins; it may be one that is killed: at any of its calls, or where it changes something."""
        chance = self._weather.chance
        self._calls, self._end = 0, self._clock.seconds + LAMBDA_SECONDS
        dies = chance.random() < self._weather.dying
        self._counted = self._weather.deadly or chance.choice(tuple(Call))
        most = {Call.READS: 30, Call.WRITES: 12, Call.TELLS: 2}[self._counted]
        self._at, self._after = (chance.randint(1, most) if dies else 0), chance.random() < 0.5

    def call(self, work: Callable[[], Any], took: tuple[float, float], what: Call) -> Any:
        """One call, with its way there and back in seconds. A dead process calls nothing, whichever of its threads."""
        counts = what.value >= self._counted.value
        self._calls += counts
        last = counts and self._calls == self._at
        self._die(now=last and not self._after)
        self._clock.sleep(self._weather.chance.uniform(*took))
        self._die()
        answer = work()
        self._die(now=last)
        self._clock.sleep(self._weather.chance.uniform(*took))
        self._die()
        return answer

    def _die(self, *, now: bool = False) -> None:
        if not self.blown and (now or self._clock.seconds >= self._end):
            self.blown = True
            self._weather.strike("killed" if now else "killed by its time-out")
        if self.blown:
            raise Killed


class Aws:
    """A client of AWS behind a network."""

    def __init__(self, client: Any, fuse: Fuse, weather: Weather) -> None:
        self._client = client
        self._fuse = fuse
        self._weather = weather

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name == "exceptions" or not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            what = Call.WRITES if name in _WRITES else Call.READS
            return self._fuse.call(lambda: self._do(name, lambda: found(*args, **kwargs)), (0.002, 0.02), what)

        return call

    def _do(self, name: str, work: Callable[[], Any]) -> Any:
        weather = self._weather
        if weather.chance.random() >= weather.failing:
            return work()
        fault = weather.chance.choice(("throttled", "lost before", "lost after", "twice", "twice", "conflict"))
        if fault == "conflict" and name not in _WRITES:
            fault = "throttled"
        weather.strike(f"{name} {fault}")
        if fault == "twice":  # it took effect, its answer was lost, and boto3 made it again; a transaction has a token
            answer = _quietly(work)
            return answer if name == "transact_write_items" and answer is not None else work()
        if fault == "lost after":
            _quietly(work)
            raise ReadTimeoutError(endpoint_url="https://aws.example")
        if fault == "lost before":
            raise ConnectTimeoutError(endpoint_url="https://aws.example")
        if fault == "conflict":
            raise _conflict(name)
        raise aws.failure(ClientError, "Slow down.", name, code=_THROTTLED.get(name, "ThrottlingException"))


def _quietly(work: Callable[[], Any]) -> Any:
    """What comes of it, None if it fails: nobody hears."""
    try:
        return work()
    except ClientError:
        return None


def _conflict(name: str) -> ClientError:
    if name == "transact_write_items":
        reasons = [{"Code": "TransactionConflict"}]
        return aws.failure(aws.TransactionCanceledException, "conflict", name, CancellationReasons=reasons)
    return aws.failure(aws.TransactionConflictException, "ongoing transaction", name)


class Line(WiredTransport):
    """The network between a process and the portals, with somebody who watches it.

    Args:
        late: told of a host whose answer has been held up for long.
    """

    def __init__(
        self, wired: WiredTransport, fuse: Fuse, clock: Turns, watch: Watch, late: Callable[[str], None]
    ) -> None:  # fmt: skip
        super().__init__(wired.portals, clock)
        self._watch = watch
        self._late = late
        self._fuse = fuse
        self._turns = clock

    def post(self, url: str, body: bytes, time_left: TimeLeft, content_type: str = JSON) -> Reply:
        """See `Transport`."""
        telling = b"im.chat.mute" in body or "im.chat.mute" in url
        reply: Reply = self._fuse.call(
            lambda: self._post(url, body, time_left, content_type), (0.01, 0.1), Call.TELLS if telling else Call.READS
        )
        return reply

    def _post(self, url: str, body: bytes, time_left: TimeLeft, content_type: str) -> Reply:
        parts, began, left = urlsplit(url), self._turns.seconds, time_left()
        if left <= 0:
            raise PortalTimeout
        headers = {"content-type": content_type, "host": parts.netloc}
        request = Request("POST", parts.path, parts.query, headers, body, base_url=f"https://{parts.netloc}")
        host, portal = parts.netloc, self.portals[parts.netloc]
        sent = None
        if parts.path.startswith("/rest/"):
            sent = sent_of(self._fuse.number, lambda: self._fuse.blown, portal, url, body)
            self._watch.sends(sent, portal, began)
        else:
            self._watch.refreshes(portal, body, began)
        response = dispatch(portal, request)
        end = began + left
        trickles = response.delivery is Delivery.TRICKLE
        self._turns.until(end if trickles else min(end, self._turns.seconds + response.delay))
        if self._turns.seconds - began > _LATE_SECONDS:
            self._late(host)
        if trickles or self._turns.seconds >= end:
            raise PortalTimeout
        if response.delivery is Delivery.RESET:
            raise PortalUnreachable("reset")
        if response.delivery is Delivery.TRUNCATED:
            raise UnreadableAnswer("cut short")
        if sent is not None:
            self._watch.hears(sent, response.status, response.body, self._turns.seconds, portal.clock())
        return Reply(response.status, response.body if response.stream is None else b"".join(response.stream))
