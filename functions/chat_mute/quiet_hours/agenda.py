"""What an account's policies want of each chat at one instant."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chat_mute.quiet_hours import windows
from chat_mute.quiet_hours.holds import POLICY, Hold
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import Chat
from chat_mute.quiet_hours.windows import PAUSE


@dataclass(frozen=True)
class Wish:
    """What the policies want of one chat.

    Attributes:
        policies: those that want it quiet now, by name, and until when each does.
        until: the end of the united window of all its policies; None if it is not to be quiet.
        since: that window's start, which changes nothing about what is wanted.
    """

    policies: Mapping[str, datetime] = field(default_factory=dict)
    until: datetime | None = None
    since: datetime | None = field(default=None, compare=False)


class Agenda:
    """An account's enabled policies at one instant; chats with the same policies share the arithmetic."""

    def __init__(self, policies: Iterable[Policy], now: datetime) -> None:
        self._policies = [policy for policy in policies if policy.enabled]
        self._now = now
        self._wishes: dict[tuple[str, ...], Wish] = {}

    def policies(self, chat: Chat) -> list[Policy]:
        """The enabled policies that want a chat quiet in their windows; none wants one that cannot be muted."""
        if chat.mutable is False:
            return []
        return [policy for policy in self._policies if policy.selection.means(chat)]

    @property
    def any(self) -> bool:
        """Whether there is an enabled policy at all."""
        return bool(self._policies)

    @property
    def running(self) -> bool:
        """Whether a window of any policy runs now."""
        return windows.is_quiet(self._policies, self._now)

    @property
    def running_until(self) -> datetime | None:
        """The end of the united window of all policies that runs now; no chat's own ends later."""
        return windows.quiet_until(self._policies, self._now)

    def wish(self, chat: Chat) -> Wish:
        """What is wanted of a chat now."""
        return self._wish(self.policies(chat))

    def wish_unseen(self, hold: Hold) -> Wish:
        """What is wanted of a chat the portal tells nothing about: the policies that hold it are taken to mean it.

        What people want is taken to be in the window that it was said in, until somebody can see.
        """
        found = self._wish([policy for policy in self._policies if f"{POLICY}{policy.name}" in hold.owners])
        override = hold.overridden_until
        if found.until is None and override is not None and override > self._now:
            return Wish(until=override)
        return found

    def _wish(self, policies: list[Policy]) -> Wish:
        key = tuple(policy.name for policy in policies)
        if key not in self._wishes:
            self._wishes[key] = wish(policies, self._now)
        return self._wishes[key]

    def next_change(self) -> datetime | None:
        """The first instant after now at which a window of any policy begins or ends."""
        changes = [windows.next_change([policy], self._now) for policy in self._policies]
        return min((change for change in changes if change), default=None)


def wish(policies: list[Policy], now: datetime) -> Wish:
    """What policies that select the same chat want of it together.

    In a short pause between the windows of two policies the chat stays quiet for the one about to begin.
    """
    window = windows.running_or_next(policies, now) if windows.is_quiet(policies, now) else None
    if window is None:
        return Wish()
    ends = {policy.name: windows.quiet_until([policy], now) for policy in policies}
    running = {name: end for name, end in ends.items() if end}
    if not running:
        coming = {policy.name: windows.running_or_next([policy], now) for policy in policies}
        soon = now + timedelta(seconds=PAUSE)
        running = {name: found.end for name, found in coming.items() if found and found.start <= soon}
    return Wish(running, window.end, window.start)
