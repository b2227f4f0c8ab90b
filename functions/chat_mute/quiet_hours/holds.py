"""The record of one chat that is, or was, kept muted by us: for whom, until when, and what it was before.

The record goes through four states. It is stored before the portal is told and again after the portal confirmed, so
that each state says what may be true of the portal when the work is cut off at any point:

* ``muting``: ours to mute; the portal may have been told or not.
* ``held``: the portal has confirmed the mute. If the chat is audible now, a person unmuted it.
* ``releasing``: to be unmuted, whatever it was before; the portal may have been told or not.
* ``overridden``: not muted by us; it remembers that people want the chat audible in the window that runs.

A chat without a record has nothing to do with us.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

POLICY = "policy:"
"""What the owner of a policy's hold begins with; callers are ``caller:ID``, people's schedules ``schedule:NAME``."""


class State(StrEnum):
    """How far a record has come; see the module."""

    MUTING = "muting"
    HELD = "held"
    RELEASING = "releasing"
    OVERRIDDEN = "overridden"


class Identity(NamedTuple):
    """One Bitrix24 user on one portal: the chats muted are theirs."""

    portal: str
    user_id: int


@dataclass(frozen=True)
class Owner:
    """Somebody who wants the chat muted.

    Attributes:
        until: when they let go; `windows.FOREVER` for a policy whose quiet has no end in sight.
        reason: in their words.
    """

    until: datetime
    reason: str | None = None


@dataclass(frozen=True)
class Hold:
    """One chat's record.

    Attributes:
        chat_id: its number, the record's key.
        dialog_id: an id people know it by.
        identity: whose chat it is; another identity's work never touches the record.
        prior_muted: whether it was muted before we came. Never rewritten, but by a person who unmutes the chat.
        state: see the module.
        owners: for whom it is muted, by ``policy:NAME``, ``caller:ID`` or ``schedule:NAME``; not to be changed.
        keep: somebody asked for a mute without end meanwhile, so it stays when the last owner lets go.
        overridden_until: people want it audible in the windows up to then.
    """

    chat_id: int
    dialog_id: str
    identity: Identity
    prior_muted: bool
    state: State
    owners: Mapping[str, Owner] = field(default_factory=dict, hash=False)
    keep: bool = False
    overridden_until: datetime | None = None

    def callers(self, now: datetime) -> dict[str, Owner]:
        """The callers and schedules that have not let go."""
        return {n: owner for n, owner in self.owners.items() if not n.startswith(POLICY) and owner.until > now}

    def next_due(self, now: datetime) -> datetime | None:
        """When this record itself needs a look again: now if unfinished or nobody's, else at its first expiry.

        Returns:
            None if only a window's edge can change it. The edges of policies are told by `agenda.Agenda.next_change`.
        """
        if self.state in {State.MUTING, State.RELEASING} or (self.state is State.HELD and not self.owners):
            return now
        ends = [owner.until for name, owner in self.owners.items() if not name.startswith(POLICY)]
        return min([*ends, *([self.overridden_until] if self.overridden_until else [])], default=None)
