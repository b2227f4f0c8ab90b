"""Reading chats: `im.recent.list` and `im.dialog.get`, whose shapes differ."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from bitrix24.answer import Answer
from bitrix24.batch import SIZE, Command
from bitrix24.client import Client, Outcome
from bitrix24.clock import TimeLeft
from bitrix24.errors import Bitrix24Error, NoRoom, UnexpectedAnswer, account_error
from bitrix24.numbers import positive
from bitrix24.users import checked_call

PAGE = 200
"""`im.recent.list` gives at most so many at once."""
TEXT = 1000
"""What is read of a title; Bitrix24's own have 255 characters, and Unicode's forms take quadratic time to compare."""
_DIALOG_ID = re.compile(r"(?:chat|sg|crm)?[1-9][0-9]{0,18}", re.ASCII)
EMPTY_PAGES = 3
"""Pages are filtered after they are cut, so one may be empty and the next not; so many in a row end the list."""


class Chat(NamedTuple):
    """One chat as its user sees it.

    Attributes:
        chat_id: numeric id, the same for every way to name the chat.
        dialog_id: ``chatNNN``, ``sgNNN``, or the other user's id for a private chat.
        type: Bitrix24's: ``chat``, ``open``, ``channel``, ``private``, ``lines``, ``tasks`` ...
        title: as the user sees it.
        muted: whether its notifications are off; ``None`` where the portal did not say.
        mutable: whether `im.chat.mute` works on it at all, as far as the portal said.
        aliases: other ids it is known by: ``sgNNN`` of a workgroup's chat, and the name it was asked for by.
    """

    chat_id: int
    dialog_id: str
    type: str
    title: str
    muted: bool | None
    mutable: bool
    aliases: tuple[str, ...] = ()


def recent_chats(client: Client, *, time_left: TimeLeft, check_user: bool = False) -> Iterator[Chat]:
    """`im.recent.list`: the user's chats, each once, without open lines.

    Pages shift while they are read: a chat that gets a message moves to the top. So pages overlap (told apart by chat
    id), and the first page is read again at the end. Not listed, and so neither audible nor muted as far as this tells:
    hidden chats, chats without messages, chats nested under another, open chats not joined.

    Args:
        client: whose chats.
        time_left: budget.
        check_user: ask in the first page's request whether the portal still acts for the client's user.

    Raises:
        UserChanged: it does not; before the first chat.
        UnexpectedAnswer: a page that is no list of chats.
        Bitrix24Error: as `Client.call`.
    """
    seen: set[int] = set()
    offset = empty = 0
    while True:
        chats, more = _recent_page(client, offset, time_left, check_user=check_user and not offset)
        yield from _unseen(chats, seen)
        empty = 0 if chats else empty + 1
        if not more or empty == EMPTY_PAGES:
            break
        offset += PAGE
    if offset:
        chats, _ = _recent_page(client, 0, time_left, check_user=False)
        yield from _unseen(chats, seen)


def dialog(client: Client, dialog_id: str, *, time_left: TimeLeft, check_user: bool = False) -> Chat:
    """`im.dialog.get`: one chat by whatever names it.

    Args:
        client: whose chat.
        dialog_id: ``chatNNN``, ``sgNNN``, ``crmNNN``, or the id of the user of a private chat.
        time_left: budget.
        check_user: ask in the same request whether the portal still acts for the client's user.

    Raises:
        UserChanged: it does not.
        AccessRefused, InvalidChatId: no such chat for this user.
        UnexpectedAnswer: the answer is no chat.
        Bitrix24Error: as `Client.call`.
    """
    answer = _call(client, _dialog_get(dialog_id), time_left, check_user=check_user)
    chat = _dialog(answer, dialog_id, client.credentials.user_id)
    if isinstance(chat, Bitrix24Error):
        raise chat
    return chat


def dialogs(
    client: Client, dialog_ids: Iterable[str], *, time_left: TimeLeft
) -> Iterator[tuple[str, Chat | Bitrix24Error]]:
    """`im.dialog.get` for many chats, 50 to a `batch`, one batch after the other: an outcome for each, in order.

    An error that concerns the account, not a chat, is the outcome of every name not asked for yet, and so is the end of
    the time. Names are taken as they are needed.

    Args:
        client: whose chats.
        dialog_ids: as for `dialog`.
        time_left: budget.
    """
    names = iter(dialog_ids)
    stopped: Bitrix24Error | None = None
    while chunk := list(islice(names, SIZE)):
        if stopped is None and time_left() <= 0:
            stopped = NoRoom()
        outcomes = [stopped] * len(chunk) if stopped is not None else _dialog_chunk(client, chunk, time_left)
        yield from zip(chunk, outcomes, strict=True)
        stopped = stopped or account_error(outcomes)


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


def _call(client: Client, command: Command, time_left: TimeLeft, *, check_user: bool) -> Answer:
    if check_user:
        return checked_call(client, command, time_left=time_left)
    return client.call(command.method, command.params, time_left=time_left)


def _recent_page(client: Client, offset: int, time_left: TimeLeft, *, check_user: bool) -> tuple[list[Chat], bool]:
    command = Command("im.recent.list", {"SKIP_OPENLINES": "Y", "LIMIT": PAGE, "OFFSET": offset})
    page = _call(client, command, time_left, check_user=check_user).result
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


def _dialog_get(dialog_id: str) -> Command:
    return Command("im.dialog.get", {"DIALOG_ID": dialog_id})


def _dialog_chunk(client: Client, names: list[str], time_left: TimeLeft) -> list[Chat | Bitrix24Error]:
    commands = {f"c{index}": _dialog_get(name) for index, name in enumerate(names)}
    outcomes = client.batch(commands, time_left=time_left)
    user_id = client.credentials.user_id
    return [_dialog(outcomes[key], name, user_id) for key, name in zip(commands, names, strict=True)]


def _dialog(outcome: Outcome, name: str, user_id: int) -> Chat | Bitrix24Error:
    """What an outcome of `im.dialog.get` for ``name`` means."""
    if isinstance(outcome, Bitrix24Error):
        return outcome
    found = outcome.result
    chat = _chat(found, found, user_id, name.lower()) if isinstance(found, dict) else None
    return chat or UnexpectedAnswer("The portal's answer is no chat.")


def _chat(item: dict[str, Any], details: Any, user_id: int, asked: str | None = None) -> Chat | None:
    """A chat of `im.recent.list` (``details`` is its ``chat``) or of `im.dialog.get` (where they are the same).

    ``asked`` is the name it was asked for by.
    """
    details = details if isinstance(details, dict) else {}
    chat_id = positive(item.get("chat_id")) or positive(details.get("id"))
    if chat_id is None:
        return None
    numbered = f"chat{chat_id}"
    listed = item.get("id") if details is not item else None  # in `im.dialog.get` it is the chat's number
    said = _text(item.get("dialog_id") or listed)
    dialog_id = said if _DIALOG_ID.fullmatch(said) else numbered
    names = dict.fromkeys(name for name in (_workgroup(details), asked) if name not in {None, numbered, dialog_id})
    restrictions = details.get("restrictions")
    return Chat(
        chat_id=chat_id,
        dialog_id=dialog_id,
        type="private" if item.get("type") == "user" else _text(details.get("type")) or "chat",
        title=_text(item.get("title")) or _text(details.get("name")),
        muted=muted_for(details.get("mute_list"), user_id),
        mutable=restrictions.get("mute") is not False if isinstance(restrictions, dict) else True,
        aliases=tuple(names),
    )


def _workgroup(details: dict[str, Any]) -> str | None:
    """``sgNNN``, by which `im` knows the chat of a workgroup (Bitrix24's documentation of ``DIALOG_ID``)."""
    number = positive(details.get("entity_id"))
    return f"sg{number}" if number and _text(details.get("entity_type")).upper() == "SONET_GROUP" else None


def _text(value: object) -> str:
    """A text or a number of the portal's as a text, bounded; nothing for anything else."""
    return str(value)[:TEXT] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
