"""The chat methods this project needs, with Bitrix24's own names."""

from bitrix24.answer import Answer
from bitrix24.client import Client
from bitrix24.clock import TimeLeft
from bitrix24.errors import AccessRefused, UnexpectedAnswer


def mute(
    client: Client, *, chat_id: int | None = None, dialog_id: str | None = None, muted: bool, time_left: TimeLeft
) -> Answer:
    """`im.chat.mute`: turns a chat's notifications off (``muted``) or on for the client's user.

    The setter is absolute and idempotent: a chat already in that state answers ``true`` and nothing changes.
    Exactly one id is sent, because ``DIALOG_ID`` silently overrides ``CHAT_ID``; ``MUTE`` is always the text ``"Y"`` or
    ``"N"``, because the portal takes anything not loosely equal to ``"N"`` for a mute, and ``true`` for an unmute.

    Args:
        client: whose chats.
        chat_id: numeric id of the chat.
        dialog_id: ``chatNNN``, ``sgNNN``, ``crmNNN``, or the id of the user of a private chat. One of the two ids.
        muted: the state to reach.
        time_left: budget.

    Raises:
        AccessRefused: also where the portal answers ``result: false``, which means that the user is not in the chat.
        UnexpectedAnswer: any other result than ``true``.
        Bitrix24Error: as `Client.call`.
    """
    if (chat_id is None) == (dialog_id is None):
        raise ValueError("exactly one of chat_id and dialog_id")
    chat = {"CHAT_ID": chat_id} if dialog_id is None else {"DIALOG_ID": dialog_id}
    answer = client.call("im.chat.mute", {**chat, "MUTE": "Y" if muted else "N"}, time_left=time_left)
    if answer.result is True:
        return answer
    if answer.result is False:
        raise AccessRefused("ACCESS_ERROR")
    raise UnexpectedAnswer("The portal's result is neither true nor false.")


def profile_id(client: Client, *, time_left: TimeLeft) -> int:
    """`profile`: the id of the user on whose behalf the portal acts.

    It can differ from the one in the webhook's URL: an administrator who edits a webhook becomes its owner, and a
    dismissed owner's webhook may pass to a system user.

    Raises:
        UnexpectedAnswer: the profile has no id.
        Bitrix24Error: as `Client.call`.
    """
    profile = client.call("profile", time_left=time_left).result
    user_id = profile.get("ID") if isinstance(profile, dict) else None
    if isinstance(user_id, str) and user_id.isascii() and user_id.isdigit() and len(user_id) < 20:
        return int(user_id)
    if isinstance(user_id, int) and not isinstance(user_id, bool):
        return user_id
    raise UnexpectedAnswer("The portal's profile has no user id.")


def scope(client: Client, *, time_left: TimeLeft) -> frozenset[str]:
    """`scope`: what the credentials may do, e.g. ``{"im", "user_brief"}``.

    Raises:
        UnexpectedAnswer: the answer is no list of texts.
        Bitrix24Error: as `Client.call`.
    """
    scopes = client.call("scope", time_left=time_left).result
    if isinstance(scopes, list) and all(isinstance(item, str) for item in scopes):
        return frozenset(scopes)
    raise UnexpectedAnswer("The portal's scope is no list.")
