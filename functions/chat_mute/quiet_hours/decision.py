"""Desired x recorded x observed -> mute, unmute or leave, and because of what.

Every decision is carried out in three steps: store `Decision.before`, tell the portal, store `Decision.after`. Cut off
anywhere, deciding once more leads to where it would have led.

What cannot be seen: a chat that we hold muted and that a person mutes by hand looks the same as before, so it becomes
audible when its owners let go (a mute through this service is seen, and kept). Nor can a mute by hand between our
unmuting a chat and our noting it. Nor can what a person did and undid between two looks.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from chat_mute.quiet_hours.holds import Hold, Owner, State
from chat_mute.quiet_hours.situation import Situation


class Action(StrEnum):
    """What to tell the portal."""

    MUTE = "mute"
    UNMUTE = "unmute"
    LEAVE = "leave"


class Because(StrEnum):
    """Why, for logs and counts."""

    # mute
    WANTED = "wanted"
    UNCONFIRMED = "unconfirmed"
    CALLER = "caller"
    EXPLICIT_MUTE = "explicit_mute"
    # unmute
    LET_GO = "let_go"
    UNRELEASED = "unreleased"
    EXPLICIT_UNMUTE = "explicit_unmute"
    # leave
    IDLE = "idle"
    HELD = "held"
    CONFIRMED = "confirmed"
    ALREADY_MUTED = "already_muted"
    WAS_MUTED = "was_muted"
    KEPT = "kept"
    RELEASED = "released"
    NEVER_MUTED = "never_muted"
    UNMUTED_BY_HAND = "unmuted_by_hand"
    OVERRIDDEN = "overridden"
    OVERRIDE_ENDED = "override_ended"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Decision:
    """What to do about one chat.

    Attributes:
        action: what to tell the portal; nothing for ``leave``.
        before: the record to store before that; None for no record. Where it equals what was read, nothing is stored.
        after: the record to store once the portal has confirmed, None to remove it. For ``leave`` it is ``before``.
        because: why.
        who: the owners this is about, sorted.
    """

    action: Action
    before: Hold | None
    after: Hold | None
    because: Because
    who: tuple[str, ...] = ()


def decide(situation: Situation) -> Decision:
    """Brings one chat to where its policies and callers want it."""
    if situation.foreign:
        return leave(situation.hold, Because.FOREIGN)
    hold = situation.seen()
    owners = situation.owners(hold)
    return _hold(situation, hold, owners) if owners else _let_go(situation, hold)


def release(situation: Situation) -> Decision:
    """Lets go of one chat, whoever wants it muted, and mutes nothing, not even what was on its way.

    What people want of the chat stays noted. This is nobody's unmute: what wants the chat muted may do so again later.
    """
    if situation.foreign:
        return leave(situation.hold, Because.FOREIGN)
    decision = _let_go(situation, situation.seen())
    return leave(decision.after, Because.KEPT) if decision.action is Action.MUTE else decision


def leave(hold: Hold | None, because: Because, who: tuple[str, ...] = ()) -> Decision:
    """Nothing to tell the portal; the record becomes ``hold``."""
    return Decision(Action.LEAVE, hold, hold, because, who)


def refused(situation: Situation) -> Hold | None:
    """The record to store when the portal refused a mute for good (no such member, no such chat).

    What was there before, so that a mute of ours that still shows is not forgotten. If there is none, the chat is left
    alone until the window ends, so that one refusal is not asked for every quarter of an hour.
    """
    hold = situation.hold
    if hold is not None and (situation.observed or hold.state is not State.MUTING):
        return hold
    return situation.left_alone(situation.wish.until) if situation.wish.until else None


def overruled(stored: Hold, found: Hold | None, *, muted: bool) -> Hold | None:
    """What to store where the portal was told one thing while somebody else's record came to say another.

    The portal does what it was told last, and nobody knows whose word that was; the record is right, being newer. So it
    becomes one that is yet to be carried out, and the next look tells the portal once more.

    Args:
        stored: the record with which the portal was told.
        found: the record there is now.
        muted: what the portal was told.

    Returns:
        None if both say the same.
    """
    wanted = found is not None and found.state in {State.MUTING, State.HELD}
    if wanted == muted:
        return None
    if found is None and (stored.keep or stored.prior_muted):
        return None  # the mute was to outlast its record
    if found is None:
        return replace(stored, state=State.RELEASING, owners={}, overridden_until=None)
    return replace(found, state=State.MUTING if wanted else State.RELEASING)


def _hold(situation: Situation, hold: Hold | None, owners: dict[str, Owner]) -> Decision:
    """Somebody wants the chat muted."""
    who = tuple(sorted(owners))
    held = situation.updated(hold, State.HELD, owners)
    muting = situation.updated(hold, State.MUTING, owners)
    if hold is None:
        if situation.observed is None:
            return leave(None, Because.UNKNOWN, who)
        if situation.observed:
            return leave(held, Because.ALREADY_MUTED, who)
        return Decision(Action.MUTE, muting, held, Because.WANTED, who)
    if hold.state is State.HELD or situation.observed:
        return leave(held, Because.HELD if hold == situation.hold else Because.CONFIRMED, who)
    return Decision(Action.MUTE, muting, held, Because.UNCONFIRMED, who)


def _let_go(situation: Situation, hold: Hold | None) -> Decision:
    """Nobody wants the chat muted, or people do not let them."""
    who = tuple(sorted(situation.hold.owners)) if situation.hold else ()
    if hold is None or hold.state is State.OVERRIDDEN:
        return leave(hold, _nothing_held(situation, hold), who)
    rest = situation.remaining(hold)
    releasing = situation.updated(hold, State.RELEASING, {})
    if hold.state is State.RELEASING:
        return Decision(Action.UNMUTE, releasing, rest, Because.UNRELEASED, who)
    if hold.keep and hold.state is State.MUTING:
        return Decision(Action.MUTE, situation.updated(hold, State.MUTING, {}), rest, Because.UNCONFIRMED, who)
    if hold.keep or hold.prior_muted:
        return leave(rest, Because.KEPT if hold.keep else Because.WAS_MUTED, who)
    if situation.observed is False:
        return leave(rest, Because.NEVER_MUTED, who)
    return Decision(Action.UNMUTE, releasing, rest, Because.LET_GO, who)


def _nothing_held(situation: Situation, hold: Hold | None) -> Because:
    if situation.hold is None:
        return Because.IDLE
    if situation.undone_by_hand:
        return Because.UNMUTED_BY_HAND
    if situation.hold.state is State.RELEASING:
        return Because.RELEASED
    return Because.OVERRIDDEN if hold else Because.OVERRIDE_ENDED
