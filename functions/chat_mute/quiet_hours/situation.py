"""One chat at one instant: recorded, observed and wanted, and what follows before anything is decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from chat_mute.quiet_hours.agenda import Wish
from chat_mute.quiet_hours.holds import POLICY, Hold, Identity, Owner, State


@dataclass(frozen=True)
class Situation:
    """What is known of one chat.

    The record must have been read before the portal, or a mute confirmed in between would look as if a person had
    undone it; and it must be written on the condition that it is still what was read.

    Attributes:
        chat_id: the chat's number.
        dialog_id: an id people know it by.
        identity: for whom we act.
        hold: its record.
        observed: whether the portal says it is muted; None where it was not asked or did not say.
        now: aware.
        wish: what the policies want.
    """

    chat_id: int
    dialog_id: str
    identity: Identity
    hold: Hold | None
    observed: bool | None
    now: datetime
    wish: Wish = field(default_factory=Wish)

    def __post_init__(self) -> None:
        """Refuses a naive time.

        Raises:
            ValueError: ``now`` has no offset.
        """
        if self.now.utcoffset() is None:
            raise ValueError("a moment needs its offset from UTC")

    @property
    def foreign(self) -> bool:
        """Whether the record belongs to another user or portal, so that we may not touch it."""
        return self.hold is not None and self.hold.identity != self.identity

    @property
    def undone_by_hand(self) -> bool:
        """Whether a person has unmuted, on the portal itself, what we held.

        A mute not confirmed may never have been made; but if the chat was muted before, only a person can have unmuted
        it, unless the mute now asked for is one for good.
        """
        if self.hold is None or self.observed is not False:
            return False
        before = self.hold.state is State.MUTING and self.hold.prior_muted and not self.hold.keep
        return before or self.hold.state is State.HELD

    def seen(self) -> Hold | None:
        """The record brought up to date with what the portal shows; None where nothing of it is left.

        A mute that shows is confirmed. A release that shows is over. Where a person unmuted what we held, all owners
        let go, and the chat is left alone until the united window ends, if it was a window that had muted it.
        """
        hold = self.hold
        if hold is None:
            return None
        if hold.state is State.MUTING and self.observed is True:
            hold = replace(hold, state=State.HELD)
        elif self.undone_by_hand:
            hold = replace(hold, state=State.OVERRIDDEN, overridden_until=self._window_muted(hold))
        elif hold.state is State.RELEASING and self.observed is False:
            hold = replace(hold, state=State.OVERRIDDEN)
        return self.remaining(hold) if hold.state is State.OVERRIDDEN else hold

    def owners(self, hold: Hold | None) -> dict[str, Owner]:
        """Who wants the chat muted now: callers who have not expired, and the policies unless people overrode them."""
        callers = hold.callers(self.now) if hold else {}
        return callers if hold and self.override(hold) else callers | self.policy_owners()

    def policy_owners(self) -> dict[str, Owner]:
        """The policies that want the chat quiet now."""
        return {f"{POLICY}{name}": Owner(until) for name, until in sorted(self.wish.policies.items())}

    def override(self, hold: Hold) -> datetime | None:
        """Until when people want the chat audible: to their instant, but no longer than the policies want quiet."""
        until = hold.overridden_until
        return min(until, self.wish.until) if until and until > self.now and self.wish.until else None

    def updated(self, hold: Hold | None, state: State, owners: Mapping[str, Owner]) -> Hold:
        """The record to store next: the known one with its prior state, or a new one where we had muted nothing."""
        if hold is None or hold.state is State.OVERRIDDEN:
            override = self.override(hold) if hold else None
            prior = self.observed is True
            return Hold(self.chat_id, self.dialog_id, self.identity, prior, state, owners, overridden_until=override)
        return replace(hold, state=state, owners=owners, overridden_until=self.override(hold))

    def remaining(self, hold: Hold) -> Hold | None:
        """What is left of a record when nobody holds the chat any more: people's override, while its window runs."""
        if (until := self.override(hold)) is None:
            return None
        return self.left_alone(until)

    def left_alone(self, until: datetime) -> Hold:
        """A record of a chat we do not mute before an instant: people want it audible, or the portal refuses."""
        return Hold(
            self.chat_id, self.dialog_id, self.identity, prior_muted=False, state=State.OVERRIDDEN,
            overridden_until=until,
        )  # fmt: skip

    def _window_muted(self, hold: Hold) -> datetime | None:
        """The end of the united window that runs, if it (and not only a caller) had muted the chat, or would have.

        The policy that did so may have ended meanwhile, and another may have taken over without a pause; so may
        people's override of it, inside which a caller had muted the chat.
        """
        since = self.wish.since or self.now
        ends = [owner.until for name, owner in hold.owners.items() if name.startswith(POLICY)]
        windows = any(until > since for until in (*ends, hold.overridden_until) if until)
        return self.wish.until if windows else None
