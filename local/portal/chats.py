"""Users, webhooks and chats as plain data, and what a chat's type allows."""

from __future__ import annotations

from dataclasses import dataclass, field

NEVER_MUTABLE = frozenset({"lines", "call", "support24Question", "networkDialog"})
"""Chat types whose permission "mute" always fails: open lines, calls, support questions, network dialogs."""

PRIVATE = "private"
GROUP_TYPES = frozenset({"chat", "open"})
"""The only types `SKIP_CHAT` leaves out."""

CHANNEL_TYPES = frozenset({"channel", "openChannel", "generalChannel"})


@dataclass
class User:
    """A person; inactive means dismissed."""

    id: int
    name: str
    active: bool = True


@dataclass
class Webhook:
    """An inbound webhook. `url_user_id` stands in its URL; `owner_id` is whose rights it has (usually the same)."""

    code: str
    url_user_id: int
    owner_id: int
    scopes: frozenset[str]
    enabled: bool = True
    expires_at: float | None = None


@dataclass
class Chat:
    """A chat of any type, private dialogs included.

    `type` is as the portal's JSON names it ("chat", "open", "general", "channel", "collab", "sonetGroup", "tasks",
    "calendar", "crm", "videoconf", "copilot", "private", "lines", "call", ...). `last_activity` is in Unix seconds.
    """

    id: int
    type: str
    title: str
    last_activity: float
    entity_type: str = ""
    entity_id: str = ""
    parent_id: int = 0
    has_messages: bool = True
    mutable: bool = True
    members: dict[int, str] = field(default_factory=dict)
    muted_by: set[int] = field(default_factory=set)
    hidden_by: set[int] = field(default_factory=set)
    pinned_by: set[int] = field(default_factory=set)
    unread: dict[int, int] = field(default_factory=dict)

    def may_be_muted(self) -> bool:
        """Say what `restrictions.mute` says."""
        return self.mutable and self.type not in NEVER_MUTABLE

    def partner_of(self, user_id: int) -> int:
        """Return the other user of a private dialog; the user's own id in the personal notes."""
        return next((other for other in self.members if other != user_id), user_id)

    def dialog_id(self, user_id: int) -> int | str:
        """Return the chat's `id` in lists: the partner's user id for a private dialog, else `chatNNN`."""
        return self.partner_of(user_id) if self.type == PRIVATE else f"chat{self.id}"
