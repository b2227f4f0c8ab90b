"""What one chat should be, by design.md's third section: a set of possibilities, because not everything can be known.

A call whose answer was lost was done or was not, two calls at once came in either order, a job does its chats when it
comes to them. Each is an `Ask` that is open for a while; every possibility is followed until the portal rules it out.
Times are minutes since 1970, as in `hours`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from local.prove.hours import Hours

TRIES = 4
"""How often a call is tried on a portal; a look tries once more."""
FORGET, MANY = 300, 1500
"""More possibilities than that, at rest and on its way, are not followed: nothing is said of the chat any more."""


@dataclass(frozen=True)
class Ask:
    """What somebody asked for about a chat.

    Attributes:
        number: its own.
        what: ``mute`` (for good, or until ``until`` for ``owner``), ``unmute``, or ``let go``: unmute if held.
        may_fail: it may come to nothing though it is answered as done.
    """

    number: int
    what: str
    owner: str = ""
    until: float | None = None
    may_fail: bool = False


@dataclass(frozen=True)
class Truth:
    """One possibility.

    Attributes:
        muted: whether the chat is muted where nobody holds it: it was before, or somebody wants it so for good.
        callers: until when each caller wants it muted.
        audible_until: people want it audible in the windows up to then.
        known: whether policies for all chats see it, though it is not on the list.
        open: asks not yet done.
    """

    muted: bool = False
    callers: Mapping[str, float] = field(default_factory=dict)
    audible_until: float = 0.0
    known: bool = True
    open: frozenset[int] = frozenset()

    def __hash__(self) -> int:
        """Callers are few; two of the same hash are compared."""
        return hash((self.muted, self.audible_until, self.known, self.open, len(self.callers)))

    def window(self, hours: Hours, at: float) -> bool:
        """Whether policies hold it."""
        return hours.at(at) is not None and at >= self.audible_until

    def held(self, hours: Hours, at: float) -> bool:
        """Whether the service holds it."""
        return self.window(hours, at) or any(until > at for until in self.callers.values())

    def wants(self, hours: Hours, at: float) -> bool:
        """Whether it should be muted."""
        return self.muted or self.held(hours, at)

    def owners(self, at: float) -> dict[str, float]:
        """The callers who hold it."""
        return {name: until for name, until in self.callers.items() if until > at}

    def edges(self, hours: Hours, since: float, until: float) -> Iterator[float]:
        """Instants in ``(since, until]`` at which what it wants may change."""
        yield from hours.edges(since, until)
        yield from (end for end in (*self.callers.values(), self.audible_until) if since < end <= until)

    def next_change(self, hours: Hours, at: float, last: float) -> tuple[float, bool] | None:
        """When what it wants changes next, up to ``last``, and whether it is muted from then on."""
        if self.muted:
            return None
        now = self.wants(hours, at)
        edges = sorted(edge for edge in self.edges(hours, at, last) if self.wants(hours, edge) != now)
        return (edges[0], not now) if edges else None

    def override(self, hours: Hours, at: float) -> float | None:
        """Until when the window that runs leaves it alone."""
        window = hours.at(at)
        return min(self.audible_until, window[1]) if window and self.audible_until > at else None

    def aged(self, at: float) -> "Truth":
        """Without what is over, so that equals are equal."""
        return replace(
            self, callers=self.owners(at), audible_until=self.audible_until if self.audible_until > at else 0.0
        )


def unmuted(truth: Truth, hours: Hours, at: float) -> Truth:
    """Every owner lets go, and the window that runs leaves it alone."""
    window = hours.at(at)
    return replace(truth, muted=False, callers={}, audible_until=float(window[1]) if window else 0.0)


def done(
    truth: Truth, ask: Ask, hours: Hours, at: float, *, restless: bool, look_by: float
) -> Iterable[Truth]:  # fmt: skip
    """What an ask makes of a possibility.

    It makes several of it where the chat is ``restless``: on its way to where it should be. What is let go of is left
    alone by the window that runs at the next look, which comes before ``look_by``.
    """
    truth = replace(truth, open=truth.open - {ask.number})
    if ask.what == "unmute":
        yield unmuted(truth, hours, at)
    elif ask.what == "let go":
        held = truth.held(hours, at)
        if held or restless:
            yield unmuted(truth, hours, at)
            for edge in hours.edges(at, look_by):
                yield replace(unmuted(truth, hours, edge), open=truth.open)
        if not held or restless:
            yield truth
    elif ask.until is None:
        yield replace(truth, muted=True, audible_until=0.0)
    elif ask.until > at:
        yield replace(truth, callers={**truth.callers, ask.owner: ask.until})
    else:
        yield truth
    if ask.may_fail:
        yield truth


def clicked(
    truth: Truth, hours: Hours, at: float, *, muted: bool, restless: bool, ghosts: Iterable[Truth]
) -> Iterable[Truth]:
    """What a person's click on the bell makes of it.

    A mute of what is held cannot be seen, unless no look has come to it yet; nor can one that takes back an unmute
    which no look has seen (``ghosts`` is what was true before that).
    """
    if muted:
        yield replace(truth, muted=True)
        if truth.held(hours, at) or restless:
            yield truth
        yield from ghosts
        return
    yield unmuted(truth, hours, at)
    if restless:
        yield replace(unmuted(truth, hours, at), audible_until=truth.audible_until)
