"""A real run on the local stack: many accounts on many portals, whose windows open and close together.

Everything is real but AWS and the portals: HTTPS, the runtime, the FIFO queue, TLS. Workers may be killed meanwhile.
What MiniStack does otherwise than AWS counts here: it runs the queue's groups one after the other, so how long a run
takes says nothing about AWS. That nothing is lost and nothing is muted twice does.
"""

import contextlib
import itertools
import os
import random
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.portal import Portal, PortalServer
from local.stack import Stack, running
from local.terminal import say
from local.world import ANN, DEAL, furnish

OPENING = datetime(2030, 1, 7, 22, tzinfo=UTC)  # far enough ahead that no test's own windows are near
CLOSING = OPENING + timedelta(hours=9)
LEASE_IS_OVER = timedelta(minutes=4)
_POLICY = {
    "timezone": "UTC",
    "windows": [{"days": ["mon"], "start": "22:00", "end": "07:00"}],
    "chats": {"all": True},
}
_ROUNDS = 12
"""Ticks after which everything has to be done; each is as much later as a dead worker's lease lasts."""


@dataclass(frozen=True)
class Size:
    """How many."""

    portals: int
    accounts: int
    chats: int


@dataclass(frozen=True)
class Report:
    """What a run came to.

    Attributes:
        lost: chats that are not as they should be.
        twice: chats that went the same way more than once, or that were muted by hand and touched.
        wrong: accounts in the dead-letter queue.
        killed: workers killed meanwhile.
        api_ms: median of an API call for another account: before, and while the crowd is worked on.
    """

    accounts: int
    chats: int
    lost: int
    twice: int
    wrong: int
    killed: int
    opening_seconds: float
    closing_seconds: float
    api_ms: tuple[float, float]


class Crowd:
    """Portals with users, one account each, whose chats are their own; one chat in ten is muted by hand."""

    def __init__(self, stack: Stack, size: Size, servers: list[PortalServer]) -> None:
        self._stack = stack
        self._size = size
        self._servers = servers
        for server in servers:
            for user in range(1, size.accounts + 1):
                server.portal.add_user(user)
                server.portal.add_webhook(user)
                for chat in self._chats(user):
                    server.portal.add_chat(chat, members=[user])
                    if chat % 10 == 0:
                        server.portal.mute_by_hand(user, chat)

    def settle_in(self) -> None:
        """Makes the accounts and their policies, the latter through the API."""
        caller = self._stack.caller("crowd")

        def settle(place: tuple[int, int]) -> None:
            number, user = place
            account = f"crowd-{number}-{user}"
            self._stack.put_account(account, {"webhook_url": self._servers[number].webhook_url(user)})
            answer = caller.call("PUT", f"/{account}/quiet-hours/night", _POLICY)
            if answer.status_code != 201:
                raise RuntimeError(answer.text)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(settle, itertools.product(range(self._size.portals), range(1, self._size.accounts + 1))))
        for server in self._servers:
            server.portal.journal.events.clear()

    def play(self, at: datetime, *, done: Callable[[], bool], seconds: float) -> float:
        """Ticks at a moment, and as often as it takes. Returns how many seconds it took."""
        began = time.monotonic()
        for number in range(_ROUNDS):
            self._stack.invoke_tick(at + number * LEASE_IS_OVER)
            self._stack.wait_for_queue(seconds)
            if done():
                break
        return time.monotonic() - began

    def quiet(self) -> bool:
        """Whether every chat is muted."""
        return self.not_as(lambda _: True) == 0

    def restored(self) -> bool:
        """Whether exactly those are muted that were so by hand."""
        return self.not_as(lambda chat: chat % 10 == 0) == 0

    def not_as(self, muted: Callable[[int], bool]) -> int:
        """How many chats are not as they should be."""
        return sum(
            server.portal.is_muted(user, chat) != muted(chat)
            for server in self._servers
            for user in range(1, self._size.accounts + 1)
            for chat in self._chats(user)
        )

    def changed_twice(self) -> int:
        """How many chats went the same way more than once, or were muted by hand and touched."""
        wrong = 0
        for server in self._servers:
            events = Counter((event.chat_id, event.muted) for event in server.portal.events)
            wrong += sum(times > 1 or chat % 10 == 0 for (chat, _), times in events.items())
        return wrong

    def _chats(self, user: int) -> range:
        return range(user * 10_000, user * 10_000 + self._size.chats)


@contextlib.contextmanager
def crowd(stack: Stack, size: Size) -> Iterator[Crowd]:
    """A crowd on portals of its own."""
    with contextlib.ExitStack() as servers:
        context = stack.authority.server_context()
        yield Crowd(stack, size, [servers.enter_context(PortalServer(Portal(), context)) for _ in range(size.portals)])


def run(stack: Stack, size: Size, *, kill_every: float | None = None, seconds: float = 600) -> Report:
    """Opens and closes everybody's window.

    Args:
        stack: where.
        size: how many.
        kill_every: seconds between two killed workers, None for none.
        seconds: how long the queue may take at most.
    """
    with crowd(stack, size) as people:
        people.settle_in()
        call = _api(stack)
        before = statistics.median(call() for _ in range(20))
        with _killing(stack, kill_every) as killed, _calling(call) as during:
            opening = people.play(OPENING, done=people.quiet, seconds=seconds)
            lost = people.not_as(lambda _: True)
            closing = people.play(CLOSING, done=people.restored, seconds=seconds)
        return Report(
            accounts=size.portals * size.accounts,
            chats=size.portals * size.accounts * size.chats,
            lost=lost + people.not_as(lambda chat: chat % 10 == 0),
            twice=people.changed_twice(),
            wrong=len(stack.dead_letters("AccountDeadLettersUrl")),
            killed=len(killed),
            opening_seconds=round(opening, 1),
            closing_seconds=round(closing, 1),
            api_ms=(round(before * 1000, 1), round(statistics.median(during) * 1000, 1)),
        )


def _api(stack: Stack) -> Callable[[], float]:
    """A call of the API for an account that is not of the crowd; its seconds."""
    caller = stack.caller("bystander")
    stack.put_account("bystander", {"webhook_url": stack.server.webhook_url(ANN)})

    def call() -> float:
        began = time.monotonic()
        caller.call("POST", "/bystander/im.chat.mute", {"CHAT_ID": DEAL})
        return time.monotonic() - began

    return call


@contextlib.contextmanager
def _calling(call: Callable[[], float]) -> Iterator[list[float]]:
    """Calls twice a second, as its portal's limit allows."""
    times: list[float] = []
    ended = threading.Event()

    def loop() -> None:
        while not ended.wait(0.6):
            times.append(call())

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield times
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def _killing(stack: Stack, every: float | None) -> Iterator[list[int]]:
    """Kills a worker now and then, and lets SQS deliver again after seconds instead of minutes."""
    killed: list[int] = []
    if every is None:
        yield killed
        return
    queue = {"QueueUrl": stack.outputs["AccountQueueUrl"]}
    sqs = stack.emulator.client("sqs")
    sqs.set_queue_attributes(**queue, Attributes={"VisibilityTimeout": "3"})
    ended, chance = threading.Event(), random.Random(1)  # noqa: S311

    def loop() -> None:
        while not ended.wait(every):
            if workers := stack.emulator.workers():
                victim = chance.choice(workers)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                    killed.append(victim)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield killed
    finally:
        ended.set()
        thread.join()
        sqs.set_queue_attributes(**queue, Attributes={"VisibilityTimeout": "150"})


def main(arguments: list[str]) -> int:
    """`python -m local.crowd PORTALS ACCOUNTS CHATS`. Returns 1 if anything was lost, or told twice."""
    size = Size(*map(int, arguments))
    say(f"A real run on the local stack: {size.portals} portals x {size.accounts} accounts x {size.chats} chats ...")
    portal = Portal()
    furnish(portal)
    with running(portal) as stack:
        report = run(stack, size)
    say(f"  quiet after {report.opening_seconds} s, restored after {report.closing_seconds} s")
    say(f"  lost {report.lost}, told twice {report.twice}, dead letters {report.wrong}")
    before, during = report.api_ms
    say(f"  an API call for another account meanwhile: {during} ms instead of {before} ms")
    return 1 if report.lost or report.twice or report.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
