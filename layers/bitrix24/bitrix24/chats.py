"""Reading chats: `im.recent.list` and `im.dialog.get`, whose shapes differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bitrix24.client import Client
from bitrix24.clock import TimeLeft
from bitrix24.errors import UnexpectedAnswer
from bitrix24.numbers import positive

PAGE = 200
"""`im.recent.list` gives at most so many at once."""
EMPTY_PAGES = 3
"""Pages are filtered after they are cut, so one may be empty and the next not; so many in a row end the list."""


@dataclass(frozen=True)
class Chat:
    """One chat as its user sees it.

    Attributes:
        chat_id: numeric id, the same for every way to name the chat.
        dialog_id: ``chatNNN``, ``sgNNN``, or the other user's id for a private chat.
        type: Bitrix24's: ``chat``, ``open``, ``channel``, ``private``, ``lines``, ``tasks`` ...
        title: as the user sees it.
        muted: whether its notifications are off; ``None`` where the portal did not say.
        mutable: whether `im.chat.mute` works on it at all, as far as the portal said.
    """

    chat_id: int
    dialog_id: str
    type: str
    title: str
    muted: bool | None
    mutable: bool


def recent_chats(client: Client, *, time_left: TimeLeft) -> Iterator[Chat]:
    """`im.recent.list`: the user's chats, each once, without open lines.

    Pages shift while they are read: a chat that gets a message moves to the top. So pages overlap (told apart by chat
    id), and the first page is read again at the end. Not listed, and so neither audible nor muted as far as this tells:
    hidden chats, chats without messages, chats nested under another, open chats not joined.

    Raises:
        UnexpectedAnswer: a page that is no list of chats.
        Bitrix24Error: as `Client.call`.
    """
    seen: set[int] = set()
    offset = empty = 0
    while True:
        chats, more = _recent_page(client, offset, time_left)
        yield from _unseen(chats, seen)
        empty = 0 if chats else empty + 1
        if not more or empty == EMPTY_PAGES:
            break
        offset += PAGE
    if offset:
        chats, _ = _recent_page(client, 0, time_left)
        yield from _unseen(chats, seen)


def dialog(client: Client, dialog_id: str, *, time_left: TimeLeft) -> Chat:
    """`im.dialog.get`: one chat by whatever names it.

    Raises:
        AccessRefused, InvalidChatId: no such chat for this user.
        UnexpectedAnswer: the answer is no chat.
        Bitrix24Error: as `Client.call`.
    """
    found = client.call("im.dialog.get", {"DIALOG_ID": dialog_id}, time_left=time_left).result
    chat = _chat(found, found, client.credentials.user_id) if isinstance(found, dict) else None
    if chat is None:
        raise UnexpectedAnswer("The portal's answer is no chat.")
    return chat


def muted_for(mute_list: Any, user_id: int) -> bool | None:
    """Whether a ``mute_list`` says that ``user_id`` has muted the chat.

    It comes as a list of ids (``[503]``), as a map to truth (``{"503": true}``, false ones included), and, where nobody
    has, as PHP's empty array, ``[]``.

    Returns:
        ``None`` for anything else: absent is unknown, not audible.
    """
    if isinstance(mute_list, list):
        return user_id in {positive(one) for one in mute_list}
    if isinstance(mute_list, dict):
        return bool(mute_list.get(str(user_id), False))
    return None


def _recent_page(client: Client, offset: int, time_left: TimeLeft) -> tuple[list[Chat], bool]:
    params = {"SKIP_OPENLINES": "Y", "LIMIT": PAGE, "OFFSET": offset}
    page = client.call("im.recent.list", params, time_left=time_left).result
    items = page.get("items") if isinstance(page, dict) else None
    if not isinstance(items, list):
        raise UnexpectedAnswer("The portal's list of chats is none.")
    user_id = client.credentials.user_id
    chats = [_chat(item, item.get("chat"), user_id) for item in items if isinstance(item, dict)]
    more = page.get("hasMore", page.get("hasMorePages", False))
    return [chat for chat in chats if chat is not None], more is True


def _unseen(chats: list[Chat], seen: set[int]) -> Iterator[Chat]:
    for chat in chats:
        if chat.chat_id not in seen:
            seen.add(chat.chat_id)
            yield chat


def _chat(item: dict[str, Any], details: Any, user_id: int) -> Chat | None:
    """A chat of `im.recent.list` (``details`` is its ``chat``) or of `im.dialog.get` (where they are the same)."""
    details = details if isinstance(details, dict) else {}
    chat_id = positive(item.get("chat_id", details.get("id")))
    if chat_id is None:
        return None
    restrictions = details.get("restrictions")
    private = item.get("type") in {"user", "private"}
    return Chat(
        chat_id=chat_id,
        dialog_id=str(item.get("dialog_id", item.get("id") if details is not item else f"chat{chat_id}")),
        type="private" if private else str(details.get("type", "chat")),
        title=str(item.get("title", details.get("name", ""))),
        muted=muted_for(details.get("mute_list"), user_id),
        mutable=restrictions.get("mute") is not False if isinstance(restrictions, dict) else True,
    )
