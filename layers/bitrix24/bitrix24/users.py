"""Who the credentials are, and what they may do."""

from typing import Any

from bitrix24.answer import Answer
from bitrix24.batch import Command
from bitrix24.client import Client
from bitrix24.clock import TimeLeft
from bitrix24.errors import Bitrix24Error, UnexpectedAnswer, UserChanged
from bitrix24.numbers import positive


def profile_id(client: Client, *, time_left: TimeLeft) -> int:
    """`profile`: the id of the user on whose behalf the portal acts.

    It can differ from the one in the webhook's URL: an administrator who edits a webhook becomes its owner, and a
    dismissed owner's webhook may pass to a system user.

    Raises:
        UnexpectedAnswer: the profile has no id.
        Bitrix24Error: as `Client.call`.
    """
    return _user_id(client.call("profile", time_left=time_left).result)


def checked_call(client: Client, command: Command, *, time_left: TimeLeft) -> Answer:
    """``command``, and in the same request whether the portal still acts for the user the credentials name.

    For reads: the portal carries the command out whoever we are, and only then do we know.

    Raises:
        UserChanged: it acts for somebody else; whatever became of the command.
        UnexpectedAnswer: the profile has no id.
        Bitrix24Error: the profile's failure, else the command's, as `Client.batch`.
    """
    named = client.credentials.user_id  # before the call, which may bring new tokens
    outcomes = client.batch({"profile": Command("profile"), "command": command}, time_left=time_left)
    profile, outcome = outcomes["profile"], outcomes["command"]
    if isinstance(profile, Bitrix24Error):
        raise profile
    if _user_id(profile.result) != named:
        raise UserChanged
    if isinstance(outcome, Bitrix24Error):
        raise outcome
    return outcome


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


def _user_id(profile: Any) -> int:
    user_id = positive(profile.get("ID")) if isinstance(profile, dict) else None
    if user_id is None:
        raise UnexpectedAnswer("The portal's profile has no user id.")
    return user_id
