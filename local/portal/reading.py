"""The methods that read chats and their mute state, each in the JSON shape its own page shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from local.portal import php
from local.portal.chats import CHANNEL_TYPES, GROUP_TYPES, PRIVATE, Chat
from local.portal.errors import RestError
from local.portal.method import Caller, Reply, accessible_chat, dialog_chat_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.portal.quirks import MuteListShape
    from local.portal.state import Portal

RECENT_GET_DAYS = 30


def mute_list(chat: Chat, user_id: int, shape: MuteListShape) -> Any:
    """Return a chat's `mute_list` for one user in one of the shapes portals use."""
    muted = user_id in chat.muted_by
    if shape == "list":
        return [user_id] if muted else []
    if shape == "object_with_false":
        return {str(member): member in chat.muted_by for member in chat.members}
    return {str(user_id): True} if muted else {}


def im_dialog_get(portal: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Return one dialog; `mute_list` holds at most the caller."""
    chat_id = dialog_chat_id(portal, caller.user_id, params.get("DIALOG_ID"), create=False)
    chat = accessible_chat(portal, caller.user_id, chat_id)
    if chat is None:
        status = portal.quirks.dialog_access_status
        raise RestError("ACCESS_ERROR", "You do not have access to the specified dialog", status)
    return Reply({**_card(chat, caller.user_id, portal), "dialog_id": str(chat.dialog_id(caller.user_id))})


def im_chat_get(portal: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Return `{"ID": n}` of the chat of an entity, or null."""
    entity = (php.to_string(params.get("ENTITY_TYPE")).upper(), php.to_string(params.get("ENTITY_ID")).upper())
    for chat in portal.chats.values():
        named = (chat.entity_type.upper(), chat.entity_id.upper()) == entity
        if all(entity) and named and caller.user_id in chat.members:
            return Reply({"ID": chat.id})
    return Reply(None)


def im_search_chat_list(portal: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Return the caller's chats whose title holds `FIND` (at least two characters); pages of 10, at most 50."""
    find = php.to_string(params.get("FIND")).strip().lower()
    if len(find) < 2:
        raise RestError("FIND_SHORT", "Too short a search phrase.", 400)
    limit, offset = _page(params, 10, 50)
    found = [c for c in _own(portal, caller.user_id) if c.type != PRIVATE and find in c.title.lower()]
    page = found[offset : offset + limit]
    more = offset + limit if offset + limit < len(found) else None
    return Reply([_card(chat, caller.user_id, portal) for chat in page], next=more, total=len(found))


def im_counters_get(portal: Portal, caller: Caller, _: Mapping[str, Any]) -> Reply:
    """Return unread counters; `CHAT_MUTED` holds only muted chats that have unread messages."""
    unread = [(chat, chat.unread.get(caller.user_id, 0)) for chat in _own(portal, caller.user_id)]
    muted = {str(c.id): n for c, n in unread if n and caller.user_id in c.muted_by}
    dialogs = {str(c.partner_of(caller.user_id)): n for c, n in unread if n and c.type == PRIVATE}
    chats = {str(c.id): n for c, n in unread if n and c.type != PRIVATE and str(c.id) not in muted}
    total = sum(dialogs.values()) + sum(chats.values())
    types = {"ALL": total, "NOTIFY": 0, "CHAT": sum(chats.values()), "LINES": 0, "DIALOG": sum(dialogs.values())}
    return Reply({"TYPE": types, "DIALOG": dialogs, "CHAT": chats, "CHAT_MUTED": muted, "CHAT_UNREAD": {}, "LINES": {}})


def im_recent_list(portal: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Return a page of the recent list, pinned first, then by last activity.

    The page is cut before chats that are hidden, nested or without messages are taken out, so pages may be short.
    `hasMore` is about rows before that, `next` counts the items returned, `total` is -1.
    """
    limit, offset = _page(params, 50, 200)
    rows = [chat for chat in _recent_rows(portal, caller.user_id) if _selected(chat, caller.user_id, params)]
    rows = _repeated(rows, portal.quirks.recent_repeat_every)
    page = rows[offset : offset + limit]
    shown = {chat.id: chat for chat in page if _listed(chat, caller.user_id)}
    items = [_item(chat, caller.user_id, portal) for chat in shown.values()]
    more = offset + limit < len(rows)
    return Reply({"items": items, "hasMore": more, "hasMorePages": more}, next=offset + len(items), total=-1)


def im_recent_get(portal: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Return a bare list of what changed in the last 30 days; no paging."""
    since = portal.clock() - timedelta(days=RECENT_GET_DAYS).total_seconds()
    rows = [chat for chat in _recent_rows(portal, caller.user_id) if _selected(chat, caller.user_id, params)]
    fresh = [chat for chat in rows if chat.last_activity >= since and _listed(chat, caller.user_id)]
    return Reply([_item(chat, caller.user_id, portal) for chat in fresh])


def _own(portal: Portal, user_id: int) -> Iterable[Chat]:
    """Yield the chats the user is in."""
    return (chat for chat in portal.chats.values() if user_id in chat.members)


def _recent_rows(portal: Portal, user_id: int) -> list[Chat]:
    """Return the rows of the recent list, in order."""
    return sorted(_own(portal, user_id), key=lambda c: (user_id not in c.pinned_by, -c.last_activity, -c.id))


def _listed(chat: Chat, user_id: int) -> bool:
    """Say whether the recent list shows a chat at all."""
    return chat.has_messages and not chat.parent_id and user_id not in chat.hidden_by


def _repeated(rows: list[Chat], every: int) -> list[Chat]:
    """Let every n-th row come again half of n rows later, as a list that shifts while it is paged."""
    if every < 2:
        return rows
    shifted: list[Chat] = []
    for index, chat in enumerate(rows):
        shifted.append(chat)
        again = index - every // 2
        if again >= 0 and again % every == every - 1:
            shifted.append(rows[again])
    return shifted


def _selected(chat: Chat, user_id: int, params: Mapping[str, Any]) -> bool:
    """Apply the list's filters; each is on for "Y" only."""

    def on(name: str) -> bool:
        return params.get(name) == "Y"

    left_out = (
        (on("SKIP_OPENLINES") and chat.type == "lines")
        or (on("SKIP_DIALOG") and chat.type == PRIVATE)
        or (on("SKIP_CHAT") and chat.type in GROUP_TYPES)
        or (on("ONLY_CHANNEL") and chat.type not in CHANNEL_TYPES)
        or (on("ONLY_COPILOT") and chat.type != "copilot")
        or (on("UNREAD_ONLY") and not chat.unread.get(user_id))
    )
    cursor = params.get("LAST_MESSAGE_DATE")
    return not left_out and (not cursor or chat.last_activity < _instant(cursor))


def _instant(text: Any) -> float:
    """Return the Unix seconds of an ATOM date; 400 for anything else."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        raise RestError("LAST_MESSAGE_DATE_ERROR", "Last message date is wrong", 400) from None


def _page(params: Mapping[str, Any], default: int, most: int) -> tuple[int, int]:
    """Return (limit, offset); a limit out of range becomes the default or the maximum."""
    limit = php.intval(params.get("LIMIT"))
    return (min(limit, most) if limit > 0 else default), max(0, php.intval(params.get("OFFSET")))


def _card(chat: Chat, user_id: int, portal: Portal) -> dict[str, Any]:
    """Return a chat as `im.dialog.get` shows it."""
    return {
        "id": chat.id,
        "parent_chat_id": chat.parent_id,
        "name": chat.title,
        "owner": 0,
        "extranet": False,
        "type": chat.type,
        "entity_type": chat.entity_type,
        "entity_id": chat.entity_id,
        "mute_list": mute_list(chat, user_id, portal.quirks.dialog_mute_list),
        "counter": chat.unread.get(user_id, 0),
        "user_counter": len(chat.members),
        "restrictions": {"mute": chat.may_be_muted(), "leave": chat.type != PRIVATE},
        "role": chat.members.get(user_id, "guest"),
    }


def _item(chat: Chat, user_id: int, portal: Portal) -> dict[str, Any]:
    """Return a chat as the recent lists show it."""
    muted = mute_list(chat, user_id, portal.quirks.recent_mute_list)
    item: dict[str, Any] = {
        "id": chat.dialog_id(user_id),
        "chat_id": chat.id,
        "type": "user" if chat.type == PRIVATE else "chat",
        "title": chat.title,
        "pinned": user_id in chat.pinned_by,
        "counter": chat.unread.get(user_id, 0),
        "date_last_activity": datetime.fromtimestamp(chat.last_activity, UTC).isoformat(timespec="seconds"),
    }
    if chat.type == PRIVATE:
        partner = portal.users[chat.partner_of(user_id)]
        item["title"] = partner.name
        item["user"] = {"id": partner.id, "name": partner.name, "active": partner.active}
        item["chat"] = {"text_field_enabled": True, "background_id": None, "mute_list": muted}
        return item
    role = chat.members.get(user_id, "guest").upper()
    card = _card(chat, user_id, portal)
    item["chat"] = {**card, "mute_list": muted, "role": role}
    return item
