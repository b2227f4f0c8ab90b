"""`make reads`: what an idle tick reads, however many policies there are, and what an account's night costs.

The real code, counted by what DynamoDB itself says was consumed: the one in memory with up to 100,000 policies, and the
emulator's with a few, to show that both agree.
"""

import contextlib
import io
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bitrix24 import Clock
from chat_mute.observability import Telemetry
from chat_mute.policies import read
from chat_mute.queues import AccountQueue
from chat_mute.quiet_hours import windows
from chat_mute.store import Settlement, Store
from chat_mute.table import Table
from chat_mute.tick import Tick
from local.portal import Portal
from local.stack import running
from local.terminal import say
from local.virtual import LAMBDA_SECONDS, STATE, VirtualClock, VirtualStack
from local.world import ANN

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NIGHT = {
    "timezone": "Europe/Berlin",
    "windows": [{"days": WEEK, "start": "22:00", "end": "07:00"}],
    "chats": {"all": True},
}
NOON = datetime(2026, 3, 3, 11, tzinfo=UTC)
START, END = datetime(2026, 3, 3, 21, tzinfo=UTC), datetime(2026, 3, 4, 6, tzinfo=UTC)
_READS = frozenset({"get_item", "query", "batch_get_item", "scan"})


class Cost(NamedTuple):
    """What something has asked of DynamoDB and of the portal."""

    reads: float
    read_units: float
    writes: float = 0
    write_units: float = 0
    requests: float = 0

    def since(self, before: "Cost") -> "Cost":
        """What came after ``before``."""
        return Cost(*(now - then for now, then in zip(self, before, strict=True)))


class Counted:
    """A DynamoDB client that adds up what its calls have consumed, in DynamoDB's own words.

    Attributes:
        calls: how many there were.
        units: capacity units.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.exceptions = client.exceptions
        self.calls = 0
        self.units = 0.0

    def query(self, **request: Any) -> Any:
        """A tick reads by queries, and by nothing else where nothing is due."""
        answer = self._client.query(**request, ReturnConsumedCapacity="TOTAL")
        self.calls += 1
        self.units += answer["ConsumedCapacity"]["CapacityUnits"]
        return answer


class _Context:
    """Lambda's context object."""

    function_name = "chat-mute"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:000000000000:function:chat-mute"
    aws_request_id = "tick"

    def get_remaining_time_in_millis(self) -> int:
        """Plenty."""
        return int(LAMBDA_SECONDS * 1000)


def add_policies(dynamodb: Any, table: str, numbers: Sequence[int], clock: Clock) -> None:
    """A policy each for as many accounts, stored and then looked at once: now each waits for its window."""
    store, now = Store(Table(dynamodb, table, clock)), clock.now()
    policy = read("night", NIGHT)
    edge = windows.next_change([policy], now)
    for number in numbers:
        account, portal = f"account-{number}", f"portal-{number}.bitrix24.com"
        store.save_policy(account, policy, None, now=now, portal=portal)
        store.settle(account, Settlement(1, edge, active=False, portal=portal), now)


def idle_tick(dynamodb: Any, table: str, clock: Clock) -> Cost:
    """What one tick reads where nothing is due.

    Raises:
        RuntimeError: something was.
    """
    counted = Counted(dynamodb)
    store = Store(Table(counted, table, clock))  # type: ignore[arg-type]
    telemetry = Telemetry()
    tick = Tick(store, AccountQueue(_no_queue, ""), telemetry, clock, allow_time_travel=False)
    if telemetry.observe(tick.handle)({"tick": clock.now().isoformat()}, _Context())["queued"]:
        raise RuntimeError("the tick was not idle")
    return Cost(counted.calls, counted.units)


def _no_queue() -> Any:
    raise RuntimeError("an idle tick has nothing to queue")


def idle_in_memory(counts: Sequence[int]) -> Iterator[tuple[int, Cost]]:
    """The idle tick's cost with each number of policies, ascending."""
    stack = VirtualStack(start=NOON)
    clock, there = stack.clock, 0
    for count in counts:
        add_policies(stack.dynamodb, STATE, range(there, count), clock)
        there = count
        yield count, idle_tick(stack.dynamodb, STATE, clock)


def idle_on_emulator(counts: Sequence[int]) -> Iterator[tuple[int, Cost]]:
    """The same on the emulator, over HTTP, in the table that template.yaml makes."""
    with running(Portal()) as stack:
        dynamodb, table = stack.emulator.client("dynamodb"), stack.outputs["StateTableName"]
        clock, there = VirtualClock(NOON), 0
        for count in counts:
            add_policies(dynamodb, table, range(there, count), clock)
            there = count
            yield count, idle_tick(dynamodb, table, clock)


def looks(chats: int) -> Iterator[tuple[str, Cost]]:
    """What an account with that many chats costs: at its window's start, in the window, and at its end."""
    stack = VirtualStack(start=NOON)
    portal = stack.add_portal()
    portal.add_user(ANN, "Ann")
    for number in range(1, chats + 1):
        portal.add_chat(number, members=[ANN], title=f"Chat {number}")
    stack.put_account("default", {"webhook_url": f"https://portal.example/rest/{ANN}/{portal.add_webhook(ANN).code}/"})
    stack.call("PUT", "/default/quiet-hours/night", NIGHT)
    stack.minute()

    def so_far() -> Cost:
        calls, consumed = stack.dynamodb.calls, stack.dynamodb.consumed
        reads = sum(calls[name] for name in _READS)
        return Cost(reads, consumed.read, calls.total() - reads, consumed.write, len(portal.calls))

    def minute(at: datetime) -> Cost:
        before = so_far()
        stack.minute(at)
        return so_far().since(before)

    yield f"the window's start, {chats} chats muted", minute(START)
    yield "a look in the window, nothing new", minute(START + timedelta(minutes=15))
    yield f"the window's end, {chats} chats unmuted", minute(END)
    if portal.muted_chats(ANN):
        raise RuntimeError("the night did not end")


def tables(in_memory: Sequence[int], on_emulator: Sequence[int], chats: int) -> Iterator[str]:
    """Both tables, line by line, as docs/operations.md has them."""
    with contextlib.redirect_stdout(io.StringIO()):  # the service's own log and metrics
        idle = [("in memory", *one) for one in idle_in_memory(in_memory)]
        idle += [("emulator", *one) for one in idle_on_emulator(on_emulator)]
        looked = list(looks(chats))
    yield "| an idle tick with | DynamoDB | reads | read units |"
    yield "|---|---|--:|--:|"
    for where, count, cost in idle:
        what = "idle policy" if count == 1 else "idle policies"
        yield f"| {count:,} {what} | {where} | {cost.reads:g} | {cost.read_units:g} |"
    yield ""
    yield "| a minute with one account due | reads | read units | writes | write units | portal requests |"
    yield "|---|--:|--:|--:|--:|--:|"
    for what, cost in looked:
        yield f"| {what} | " + " | ".join(f"{number:g}" for number in cost) + " |"


def main() -> int:
    """Prints the tables."""
    for line in tables((1, 1_000, 100_000), (1, 300), 200):
        say(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
