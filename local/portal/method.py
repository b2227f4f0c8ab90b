"""What every REST method shares: who calls, what comes back, and how a dialog id is resolved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.portal import php
from local.portal.errors import RestError
from local.portal.state import GLOBAL_SCOPE, Portal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.portal.chats import Chat

DIALOG_ID = re.compile(r"(?P<kind>chat|sg|crm)?(?P<number>\d+)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the user, the scopes of the credential, and the credential's name in the limits (no secret)."""

    user_id: int
    scopes: frozenset[str]
    credential: str
    app: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method returns: `result`, and for lists `next` and `total`."""

    result: Any
    next: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """A REST method: the scope it needs and the function that does it (parameter names arrive in upper case)."""

    scope: str
    run: Callable[[Portal, Caller, Mapping[str, Any]], Reply]


def dialog_chat_id(portal: Portal, user_id: int, dialog_id: Any, *, create: bool) -> int:
    """Resolve a `DIALOG_ID` to a chat number, 0 if it names nothing.

    A bare number is a user id: the private dialog with that user, one's own id the personal notes. With `create` a
    missing one is created, empty, if the portal's quirk says so.

    Raises:
        RestError: `DIALOG_ID_EMPTY` if it has none of the forms.
    """
    match = DIALOG_ID.fullmatch(php.to_string(dialog_id))
    if match is None or (match["kind"] is None and portal.quirks.build != "newest"):
        raise RestError("DIALOG_ID_EMPTY", "Dialog ID can't be empty", 400)
    kind, number = (match["kind"] or "").lower(), php.intval(match["number"])
    if kind == "chat":
        return number
    if kind:
        return portal.aliases.get(f"{kind}{number}", 0)
    chat = portal.private_chat(user_id, number)
    if chat is None and create and portal.quirks.creates_private_chat and number in portal.users:
        chat = portal.add_private(user_id, number, has_messages=False)
    return chat.id if chat else 0


def accessible_chat(portal: Portal, user_id: int, chat_id: int) -> Chat | None:
    """Return a chat the user is a member of."""
    chat = portal.chats.get(chat_id)
    return chat if chat is not None and user_id in chat.members else None


def allows(caller: Caller, method: Method) -> bool:
    """Say whether the caller's scopes cover a method."""
    return method.scope in (GLOBAL_SCOPE, *caller.scopes)
