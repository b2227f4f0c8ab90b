"""One chat of an account as the judge follows it, and the time the service has to bring it to rest."""

from dataclasses import dataclass, field

from local.prove.hours import Named
from local.prove.model import Truth


class Slack:
    """Minutes, after the last of what happened to the account or chat."""

    USUAL = 2.0
    """A tick a minute, and the look that follows."""
    KILLED = 4.0
    """Until a dead worker's message comes again, or its lease is over; twice as long for each more in a row."""
    NEW = 17.0
    """A window that runs is looked at every quarter of an hour."""
    TROUBLE = 17.0
    """After trouble an account waits for up to a quarter of an hour, where nothing is to be released."""


class Violation(Exception):
    """The service did what it promises not to do."""


class LostTrack(BaseException):
    """Nothing is known of any chat of an account any more, so nothing can be judged. Nothing else may catch it."""


@dataclass
class Sight:
    """One chat of an account.

    Attributes:
        named: as policies see it; None while the user is not in it.
        mutable: whether the portal takes a mute.
        listed: whether it is on the user's list.
        truths: what may be true of it.
        recent: what may have been right since it was last at rest.
        touched: when something last happened to it.
        mutes_by: by when a mute that is wanted must have been made, besides.
        before: what was true before a person's unmute that no look may have seen.
        half_done: what was recorded of a call may wait for a look, as its answer was lost or it met others.
        unmuted: a person has unmuted it since it was last at rest.
        changes: how often the service has changed it since it was last at rest, and how often it had reason to.
    """

    number: int
    named: Named | None
    mutable: bool
    listed: bool
    truths: frozenset[Truth]
    recent: set[bool] = field(default_factory=set)
    touched: float = 0.0
    mutes_by: float = 0.0
    before: frozenset[Truth] = frozenset()
    before_until: float = 0.0
    half_done: bool = False
    unmuted: bool = False
    changes: int = 0
    reasons: int = 0
    checked: float = 0.0


def word(muted: bool) -> str:  # noqa: FBT001
    """How people call it."""
    return "muted" if muted else "audible"


def same(shown: float | None, wanted: float | None, tolerance: float = 0.02) -> bool:
    """Whether two instants are the same, but for what is cut off seconds; a length counts from each try."""
    if shown is None or wanted is None:
        return shown == wanted
    return abs(shown - wanted) <= tolerance
