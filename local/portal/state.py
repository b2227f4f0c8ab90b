"""The state of one simulated portal, and the hands that change it from outside REST (people, admins, the vendor)."""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

from local.portal.chats import PRIVATE, Chat, User, Webhook
from local.portal.faults import Faults
from local.portal.journal import Call, Journal, PushEvent
from local.portal.limits import Limits
from local.portal.oauth import OAuth
from local.portal.quirks import Quirks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GLOBAL_SCOPE = ""
"""The scope of methods that need none."""


class Portal:
    """One Bitrix24 portal.

    Every public method takes the lock; REST calls hold it while they work. `clock` gives Unix seconds for token
    lifetimes, limits and `time`; `sleep` is used only for the waits a fault or a latency asks for.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        quirks: Quirks | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Start an empty cloud portal: no users, no chats, the usual limits."""
        self.clock = clock
        self.sleep = sleep
        self.quirks = quirks or Quirks()
        self.limits = limits or Limits()
        self.faults = Faults()
        self.journal = Journal()
        self.oauth = OAuth(clock)
        self.lock = threading.RLock()
        self.users: dict[int, User] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.chats: dict[int, Chat] = {}
        self.aliases: dict[str, int] = {}
        self.paid = True
        self.deleted = False
        self.moved_to: str | None = None
        self._private: dict[frozenset[int], int] = {}
        self._next_chat_id = 1001

    # --- people and credentials ----------------------------------------------------------------------------------

    def add_user(self, user_id: int, name: str = "") -> User:
        """Hire a person."""
        with self.lock:
            self.users[user_id] = User(user_id, name or f"User {user_id}")
            return self.users[user_id]

    def deactivate_user(self, user_id: int) -> None:
        """Dismiss a person: the webhooks stop working, the chats stay."""
        with self.lock:
            self.users[user_id].active = False

    def add_webhook(
        self,
        user_id: int,
        code: str | None = None,
        *,
        scopes: Iterable[str] = ("im",),
        expires_at: float | None = None,
    ) -> Webhook:
        """Create an inbound webhook of a user; its code is made up if none is given, `expires_at` is Unix seconds."""
        with self.lock:
            webhook = Webhook(code or secrets.token_hex(8), user_id, user_id, frozenset(scopes), expires_at=expires_at)
            self.webhooks[webhook.code] = webhook
            return webhook

    def webhook_of(self, user_id: int) -> Webhook:
        """Return the newest webhook with this user id in its URL.

        Raises:
            LookupError: there is none.
        """
        with self.lock:
            found = [webhook for webhook in self.webhooks.values() if webhook.url_user_id == user_id]
        if not found:
            raise LookupError(f"user {user_id} has no webhook")
        return found[-1]

    def delete_webhook(self, user_id: int) -> None:
        """Delete the user's newest webhook."""
        with self.lock:
            del self.webhooks[self.webhook_of(user_id).code]

    def admin_edits_webhook(self, user_id: int, admin_id: int) -> Webhook:
        """Let an administrator save a user's webhook: a new code, and the administrator is the owner."""
        with self.lock:
            old = self.webhook_of(user_id)
            del self.webhooks[old.code]
            return self.add_webhook(admin_id, scopes=old.scopes, expires_at=old.expires_at)

    def change_webhook_owner(self, user_id: int, new_owner_id: int) -> None:
        """Let the user's webhook act for somebody else under the same URL (system user after a dismissal)."""
        with self.lock:
            self.webhook_of(user_id).owner_id = new_owner_id

    # --- chats ---------------------------------------------------------------------------------------------------

    def add_chat(
        self,
        chat_id: int | None = None,
        *,
        members: Iterable[int] = (),
        type: str = "chat",  # noqa: A002 - the portal's own word
        title: str = "",
        entity: tuple[str, str] = ("", ""),
        parent_id: int = 0,
        has_messages: bool = True,
        mutable: bool = True,
        last_activity: float | None = None,
    ) -> Chat:
        """Create a chat; its number is the next free one if none is given."""
        with self.lock:
            number = self._new_id() if chat_id is None else chat_id
            when = self.clock() if last_activity is None else last_activity
            chat = Chat(number, type, title or f"Chat {number}", when, *entity, parent_id, has_messages, mutable)
            chat.members = dict.fromkeys(members, "member")
            self.chats[number] = chat
            return chat

    def add_private(
        self, user_id: int, other_id: int, chat_id: int | None = None, *, has_messages: bool = True
    ) -> Chat:
        """Create the private dialog of two users; with twice the same user, the personal notes."""
        with self.lock:
            pair = frozenset((user_id, other_id))
            title = self.users[other_id].name
            chat = self.add_chat(chat_id, members=sorted(pair), type=PRIVATE, title=title, has_messages=has_messages)
            self._private[pair] = chat.id
            return chat

    def add_workgroup(self, number: int, chat_id: int | None = None, *, members: Iterable[int] = ()) -> Chat:
        """Create a workgroup's chat, known as `sgNUMBER` too."""
        with self.lock:
            entity = ("SONET_GROUP", str(number))
            chat = self.add_chat(chat_id, members=members, type="sonetGroup", title=f"Group {number}", entity=entity)
            self.aliases[f"sg{number}"] = chat.id
            return chat

    def join(self, user_id: int, chat_id: int, role: str = "member") -> None:
        """Make a user a member."""
        with self.lock:
            self.chats[chat_id].members[user_id] = role

    def leave(self, user_id: int, chat_id: int) -> None:
        """End a membership; the relation row goes, and its mute flag with it."""
        with self.lock:
            chat = self.chats[chat_id]
            chat.members.pop(user_id, None)
            chat.muted_by.discard(user_id)

    def delete_chat(self, chat_id: int) -> None:
        """Delete a chat."""
        with self.lock:
            del self.chats[chat_id]
            self.aliases = {name: number for name, number in self.aliases.items() if number != chat_id}
            self._private = {pair: number for pair, number in self._private.items() if number != chat_id}

    def private_chat(self, user_id: int, other_id: int) -> Chat | None:
        """Return the private dialog of two users, if there is one."""
        with self.lock:
            number = self._private.get(frozenset((user_id, other_id)))
            return None if number is None else self.chats[number]

    def set_mute(self, user_id: int, chat_id: int, *, muted: bool) -> bool:
        """Set a member's mute flag; a real change emits `chatMuteNotify`.

        Returns:
            False if the user is unknown or has no relation row.
        """
        with self.lock:
            chat = self.chats.get(chat_id)
            if chat is None or user_id not in self.users or user_id not in chat.members:
                return False
            if muted != (user_id in chat.muted_by):
                (chat.muted_by.add if muted else chat.muted_by.discard)(user_id)
                self.journal.add_event(PushEvent("chatMuteNotify", user_id, chat_id, muted))
            return True

    def mute_by_hand(self, user_id: int, chat_id: int, *, muted: bool = True) -> None:
        """Let a person press the bell in Bitrix24's own window.

        Raises:
            LookupError: the user is not in the chat.
        """
        if not self.set_mute(user_id, chat_id, muted=muted):
            raise LookupError(f"user {user_id} is not in chat {chat_id}")

    def is_muted(self, user_id: int, chat_id: int) -> bool:
        """Say whether a user has muted a chat."""
        with self.lock:
            return user_id in self.chats[chat_id].muted_by

    def muted_chats(self, user_id: int) -> set[int]:
        """Return the numbers of the chats a user has muted."""
        with self.lock:
            return {chat.id for chat in self.chats.values() if user_id in chat.muted_by}

    # --- the whole portal ----------------------------------------------------------------------------------------

    def rename(self, new_base_url: str) -> None:
        """Give the portal another address: every request is answered with a 302 to it, path and query kept."""
        with self.lock:
            self.moved_to = new_base_url.rstrip("/")

    def delete(self) -> None:
        """Delete the portal: every request is answered `PORTAL_DELETED`."""
        with self.lock:
            self.deleted = True

    @property
    def calls(self) -> list[Call]:
        """Return the finished top-level calls, oldest first, without secrets."""
        with self.lock:
            return list(self.journal.calls)

    @property
    def events(self) -> list[PushEvent]:
        """Return the push events, oldest first."""
        with self.lock:
            return list(self.journal.events)

    def calls_of(self, method: str) -> list[Call]:
        """Return the calls of a method, commands of batches included."""
        return self.journal.calls_of(method)

    def snapshot(self) -> dict[str, Any]:
        """Return users and chats as JSON-able data, without secrets; equal snapshots mean equal state."""
        with self.lock:
            return {
                "users": {str(user.id): {"name": user.name, "active": user.active} for user in self.users.values()},
                "chats": {
                    str(chat.id): {
                        "type": chat.type,
                        "title": chat.title,
                        "members": {str(user_id): role for user_id, role in sorted(chat.members.items())},
                        "muted_by": sorted(chat.muted_by),
                    }
                    for chat in sorted(self.chats.values(), key=lambda chat: chat.id)
                },
            }

    def _new_id(self) -> int:
        """Return a chat number not used yet."""
        while self._next_chat_id in self.chats:
            self._next_chat_id += 1
        return self._next_chat_id
