"""Two at once: one invocation runs as a whole at one call of another, before or after that call took effect.

Whatever the order of their calls, each chat must end as if one of the two had come after the other.

    python -m tests.unit.crash.interleaving     # every pair, at every moment, at every call; `make races`
"""

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from aws_lambda_powertools.warnings import PowertoolsUserWarning

from local.virtual import VirtualStack
from tests.unit.crash.fuse import Counted, When

ANN, BEN, HOST, CODE = 503, 547, "portal.example", "c0de5ecretpair"
AUDIBLE, BY_HAND, NAMED = 1, 2, 3
NIGHT = {
    "timezone": "Europe/Berlin",
    "windows": [{"days": ["tue"], "start": "19:00", "end": "08:00"}],
    "chats": {"all": True},
}
Act = Callable[[VirtualStack], Any]
Course = dict[int, tuple[bool, ...]]
"""Each chat: muted or not at the moments that are looked at."""


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Pair:
    """Counts one invocation's calls, and runs another at one of them.

    Attributes:
        calls: the names of those counted.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._place: tuple[int, When] | None = None
        self._inner: Callable[[], Any] | None = None
        self._counting = False

    def wrap(self, client: Any) -> Any:
        """A client whose calls are counted."""
        return Counted(client, self)

    def run(self, outer: Callable[[], Any], inner: Callable[[], Any] | None = None, place: Any = None) -> None:
        """Runs ``outer``, with ``inner`` at its call number ``place[0]``, before or after that."""
        self._place, self._inner, self._counting = place, inner, True
        try:
            outer()
        finally:
            self._counting = False

    def call(self, operation: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """One call of either."""
        if not self._counting:
            return operation(*args, **kwargs)
        mine = len(self.calls)
        self.calls.append(name)
        if (mine, "before") == self._place:
            self._run_inner()
        result = operation(*args, **kwargs)
        if (mine, "after") == self._place:
            self._run_inner()
        return result

    def _run_inner(self) -> None:
        assert self._inner
        self._counting = False
        self._inner()
        self._counting = True


# ---- what is done ---------------------------------------------------------------------------------------------------


def _call(method: str, path: str, body: Any = None) -> Act:
    def act(stack: VirtualStack) -> None:
        answer = stack.call(method, f"/default/{path}", body)
        assert answer.status != 500, answer

    return act


def _mute(chat: int, **fields: Any) -> Act:
    return _call("POST", "im.chat.mute", {"CHAT_ID": chat, **fields})


def _look(stack: VirtualStack) -> None:
    stack.tick()
    stack.work()


TEN = "2026-03-04T10:00:00Z"
ACTS: dict[str, Act] = {
    "mute until ten": _mute(NAMED, UNTIL=TEN),
    "mute": _mute(NAMED),
    "unmute": _mute(NAMED, MUTE="N"),
    "let go of all": _call("DELETE", "holds"),
    "skip": _call("POST", "quiet-hours/night/skip"),
    "remove the policy": _call("DELETE", "quiet-hours/night"),
    "job": _call("POST", "mutes", {"chats": [f"chat{NAMED}", f"chat{AUDIBLE}"], "until": TEN}),
    "look": _look,
    "unmute by hand": lambda stack: stack.portals[HOST].mute_by_hand(ANN, NAMED, muted=False),
}
OUTER = [name for name in ACTS if name != "unmute by hand"]


# ---- when it is done ------------------------------------------------------------------------------------------------


def _rest(stack: VirtualStack) -> None:
    stack.clock.set(at("2026-03-03 12:10"))


def _policy(stack: VirtualStack) -> None:
    _call("PUT", "quiet-hours/night", NIGHT)(stack)
    stack.minute()


def _start(stack: VirtualStack) -> None:
    _policy(stack)
    stack.clock.set(at("2026-03-03 18:00:01"))


def _middle(stack: VirtualStack) -> None:
    _policy(stack)
    stack.minute(at("2026-03-03 18:00:01"))
    stack.clock.set(at("2026-03-03 18:16"))


def _held_twice(stack: VirtualStack) -> None:
    _middle(stack)
    ACTS["mute until ten"](stack)
    stack.minute(at("2026-03-03 18:20"))
    stack.clock.set(at("2026-03-03 18:36"))


def _end(stack: VirtualStack) -> None:
    _policy(stack)
    stack.minute(at("2026-03-03 18:00:01"))
    stack.clock.set(at("2026-03-04 07:00:01"))


def _callers_end(stack: VirtualStack) -> None:
    _rest(stack)
    ACTS["mute until ten"](stack)
    stack.clock.set(at("2026-03-04 10:00:01"))


def _job_waits(stack: VirtualStack) -> None:
    _rest(stack)
    ACTS["job"](stack)


WHEN: dict[str, Act] = {
    "at rest": _rest,
    "at the window's start": _start,
    "in the window": _middle,
    "in the window, held by a caller too": _held_twice,
    "at the window's end": _end,
    "at a caller's end": _callers_end,
    "while a job waits": _job_waits,
}
_WITHOUT_POLICY = {"at rest", "at a caller's end", "while a job waits"}


class Case(NamedTuple):
    """One pair at one moment."""

    when: str
    outer: str
    inner: str


KNOWN = {
    *(Case(when, "mute until ten", "mute") for when in ("at rest", "while a job waits")),
    Case("at rest", "mute", "mute until ten"),
    *(Case(when, "mute", "let go of all") for when in ("at the window's end", "at a caller's end")),
}
"""What is left, within the milliseconds of two calls; docs/decisions.md says why."""


def cases() -> Iterator[Case]:
    """Every pair that makes sense, at every moment."""
    for when, outer, inner in product(WHEN, OUTER, ACTS):
        if not (when in _WITHOUT_POLICY and {outer, inner} & {"skip", "remove the policy"}):
            yield Case(when, outer, inner)


# ---- playing --------------------------------------------------------------------------------------------------------


def _world(when: str) -> tuple[Pair, VirtualStack]:
    pair = Pair()
    stack = VirtualStack(wrap=pair.wrap)
    portal = stack.add_portal(HOST)
    portal.add_user(ANN, "Ann")
    portal.add_user(BEN, "Ben")
    portal.add_webhook(ANN, CODE)
    for chat in (AUDIBLE, BY_HAND, NAMED):
        portal.add_chat(chat, members=[ANN, BEN], title=f"Deal {chat}")
    portal.mute_by_hand(ANN, BY_HAND)
    stack.put_account("default", {"webhook_url": f"https://{HOST}/rest/{ANN}/{CODE}/"})
    WHEN[when](stack)
    return pair, stack


def _course(stack: VirtualStack) -> Course:
    """What comes of it: twenty minutes later, before and after the night's end, and after the caller's."""
    soon = stack.clock.now() + timedelta(minutes=20)
    ends = ["2026-03-04 06:59", "2026-03-04 07:03", "2026-03-04 07:20", "2026-03-04 10:03", "2026-03-04 10:20"]
    muted = [_minutes(stack, moment) for moment in (soon, *(at(end) for end in ends))]
    assert stack.call("GET", "/default/holds").body["holds"] == [], "nothing is held in the end"
    return {chat: tuple(chat in chats for chats in muted) for chat in (AUDIBLE, BY_HAND, NAMED)}


def _minutes(stack: VirtualStack, until: datetime) -> set[int]:
    """A tick a minute for the last twenty minutes up to a moment. What is muted then."""
    minute = max(stack.clock.now(), until - timedelta(minutes=20))
    while minute < until:
        minute += timedelta(minutes=1)
        stack.minute(minute)
    return stack.portals[HOST].muted_chats(ANN)


def _alone(case: Case, first: str, second: str) -> tuple[Course, int]:
    pair, stack = _world(case.when)
    pair.run(partial(ACTS[first], stack))
    calls = len(pair.calls)
    ACTS[second](stack)
    return _course(stack), calls


def play(case: Case) -> Iterator[str]:
    """Every interleaving of one case; says where a chat has become what neither order makes of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PowertoolsUserWarning)  # the two share Powertools' metrics, which notices
        (one, calls), (other, _) = _alone(case, case.outer, case.inner), _alone(case, case.inner, case.outer)
        for call, when in product(range(calls), ("before", "after")):
            pair, stack = _world(case.when)
            pair.run(partial(ACTS[case.outer], stack), partial(ACTS[case.inner], stack), (call, when))
            for chat, muted in _course(stack).items():
                if muted not in {one[chat], other[chat]}:
                    yield (
                        f"{case.outer} {case.when}, {case.inner} {when} its call {call} ({pair.calls[call]}): "
                        f"chat {chat} {muted}, neither {one[chat]} nor {other[chat]}"
                    )


def main() -> int:
    """Plays every case. Returns 1 if there is anything that is not known."""
    found: dict[Case, list[str]] = {}
    played = list(cases())
    for case in played:
        with contextlib.redirect_stdout(io.StringIO()):
            found[case] = list(play(case))
    new = [text for case, texts in found.items() if case not in KNOWN for text in texts]
    for text in new:
        print(text)
    known = sum(map(len, found.values())) - len(new)
    print(f"{len(played)} pairs; {len(new)} interleavings end wrong, {known} as is known")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
