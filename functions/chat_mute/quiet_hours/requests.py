"""What people and callers ask for directly. The portal is always told, also where we believe the state is right."""

from dataclasses import replace
from datetime import datetime

from chat_mute.quiet_hours.decision import Action, Because, Decision, leave
from chat_mute.quiet_hours.holds import Hold, Owner, State
from chat_mute.quiet_hours.situation import Situation
from chat_mute.quiet_hours.windows import FOREVER


def with_caller(situation: Situation, owner: str, until: datetime, reason: str | None = None) -> Decision:
    """A caller's or a schedule's mute until an instant; it replaces what the same owner asked for before.

    It is obeyed in spite of an override, which goes on for the windows. A chat whose state the portal did not tell
    counts as audible before: a mute too many can be mended by hand, one that nobody undoes goes unnoticed.

    Args:
        situation: the chat.
        owner: ``caller:ID`` or ``schedule:NAME``.
        until: aware, in the future.
        reason: in the caller's words.

    Returns:
        A mute; or ``leave`` because the record belongs to somebody else, for without a record it would never end.

    Raises:
        ValueError: ``until`` is past, or naive.
    """
    if until.utcoffset() is None or until <= situation.now:
        raise ValueError("until must be a moment in the future with its offset from UTC")
    if situation.foreign:
        return leave(situation.hold, Because.FOREIGN, (owner,))
    hold = situation.seen()
    muting = situation.updated(hold, State.MUTING, situation.owners(hold) | {owner: Owner(until, reason)})
    return Decision(Action.MUTE, muting, replace(muting, state=State.HELD), Because.CALLER, (owner,))


def explicit_mute(situation: Situation, who: str) -> Decision:
    """A mute without end: it stays when the owners let go, and ends an override.

    Where nobody holds the chat it needs no record: from then on it is a chat that was muted before we came. A record of
    a release stays until the next look, for that release may be on its way to the portal and come later than the mute.
    """
    if situation.foreign:
        return Decision(Action.MUTE, situation.hold, situation.hold, Because.EXPLICIT_MUTE, (who,))
    hold = situation.seen()
    hold = replace(hold, overridden_until=None) if hold else None
    owners = situation.owners(hold)
    if hold is None and not owners:
        return Decision(Action.MUTE, None, None, Because.EXPLICIT_MUTE, (who,))
    muting = replace(situation.updated(hold, State.MUTING, owners), keep=True)
    stays = owners or (hold and hold.state is State.RELEASING)
    held = replace(muting, state=State.HELD) if stays else None
    return Decision(Action.MUTE, muting, held, Because.EXPLICIT_MUTE, (who,))


def explicit_unmute(situation: Situation, who: str) -> Decision:
    """An unmute: every owner lets go, and inside a window the chat stays audible until the united window ends.

    From then on the chat counts as audible before, whatever it was: that is what was asked for.
    """
    if situation.foreign or (situation.hold is None and situation.wish.until is None):
        return Decision(Action.UNMUTE, situation.hold, situation.hold, Because.EXPLICIT_UNMUTE, (who,))
    releasing = Hold(
        situation.chat_id, situation.dialog_id, situation.identity, prior_muted=False, state=State.RELEASING,
        overridden_until=situation.wish.until,
    )  # fmt: skip
    return Decision(Action.UNMUTE, releasing, situation.remaining(releasing), Because.EXPLICIT_UNMUTE, (who,))


def let_go(hold: Hold) -> Hold:
    """An explicit unmute to be carried out later, when it is not known yet what the policies want of the chat.

    The override has no end of its own; the next look gives it that of the window that runs then, if one does.
    """
    return replace(hold, state=State.RELEASING, owners={}, keep=False, prior_muted=False, overridden_until=FOREVER)
