"""A story in steps, played with and without the process being killed."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from local.virtual import ACCOUNTS, VirtualStack
from tests.unit.crash.fuse import Fuse, Killed, When

if TYPE_CHECKING:
    from local.portal import Portal

ANN, BEN = 503, 547
HOST = "portal.example"
CODE = "c0de5ecretcrash"
LEASE_IS_OVER = timedelta(seconds=200)
"""After so long a dead worker's lease, its message's invisibility and an API call's guard have all ended."""
State = frozenset[int]


@dataclass(frozen=True)
class Step:
    """What happens at one moment.

    Attributes:
        at: when.
        act: what; an invocation of the service, or something that people do.
        retried: somebody waits for the answer and asks again if none comes.
        given_up: somebody waits, and does not ask again.
    """

    at: datetime
    act: "Callable[[Play], Any]"
    retried: bool = False
    given_up: bool = False


class Play:
    """One account on one portal, and the messages that have ever been delivered to it."""

    def __init__(self, prepare: "Callable[[Play], None]") -> None:
        self.fuse = Fuse()
        self.stack = VirtualStack(wrap=self.fuse.wrap)
        self.portal: Portal = self.stack.add_portal(HOST)
        self.delivered: list[str] = []
        prepare(self)

    @property
    def muted(self) -> State:
        """What Ann has muted, whoever did it."""
        return frozenset(self.portal.muted_chats(ANN))

    @property
    def half_done(self) -> list[Any]:
        """Records of what was begun and not ended; after a look there are none."""
        holds = self.call("GET", "/default/holds")["holds"]
        return [hold for hold in holds if hold["state"] in {"muting", "releasing"}]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A request to the API that must succeed."""
        answer = self.stack.call(method, path, body)
        assert answer.status < 300, answer
        return answer.body

    def look(self) -> None:
        """A tick, and whatever the queue delivers."""
        self.stack.tick()
        self.deliver()

    def deliver(self) -> None:
        """Every message that is to be had; one that kills the process stays in the queue."""
        while messages := self.stack.queues.receive_message(QueueUrl=ACCOUNTS).get("Messages"):
            (message,) = messages
            self.delivered.append(message["Body"])
            self.stack.handle(message["Body"])
            self.stack.queues.delete_message(QueueUrl=ACCOUNTS, ReceiptHandle=message["ReceiptHandle"])

    def come_round(self) -> None:
        """After a kill: old messages come once more and in the wrong order, and time goes on until the next tick."""
        self.fuse.mend()
        self.stack.new_process()
        for body in reversed(self.delivered):
            self.stack.handle(body)
        self.stack.clock.set(self.stack.clock.now() + LEASE_IS_OVER)
        self.look()


def play(prepare: Callable[[Play], None], steps: Iterable[Step]) -> tuple[list[State], list[str]]:
    """Without a crash: the portal's state after each step, and the calls that were made."""
    game, states = Play(prepare), []
    for step in steps:
        game.stack.clock.set(step.at)
        step.act(game)
        states.append(game.muted)
    return states, game.fuse.calls


def play_killed(  # noqa: PLR0917  a kill and what it must come to
    prepare: Callable[[Play], None], steps: Sequence[Step], expected: list[State], at: int, when: When,
    mend: Callable[[Play], None] = Play.come_round,
) -> None:  # fmt: skip
    """Kills the process once; after the next tick, and ever after, the portal must be as if nothing had been.

    Where somebody was waiting for an answer, each chat is, before they ask again, as if they had or had not asked.
    """
    game = Play(prepare)
    game.fuse.set(at, when)
    given_up = False
    befores, followings = [frozenset[int](), *expected], [*expected[1:], expected[-1]]
    for step, before, state, following in zip(steps, befores, expected, followings, strict=False):
        game.stack.clock.set(max(step.at, game.stack.clock.now()))
        try:
            step.act(game)
        except Killed:
            where = f"killed {when} call {at}, {game.fuse.calls[at]}, at {step.at}"
            mend(game)
            assert not game.half_done, where
            if step.retried or step.given_up:
                assert before & state & following <= game.muted <= before | state | following, where
                given_up = step.given_up
                if step.retried:
                    step.act(game)
                continue  # the look after the kill may have done what was asked for before the next step
        if given_up and step is not steps[-1]:
            continue  # it was done or it was not; what it came to in the end is what counts
        assert game.muted == state, f"after call {at} {when}: {game.fuse.calls[at : at + 1]}, at {step.at}"
    holds = game.call("GET", "/default/holds")["holds"]
    assert holds == [], json.dumps(holds)
