"""Who the credentials are, and what they may do."""

from bitrix24.client import Client
from bitrix24.clock import TimeLeft
from bitrix24.errors import UnexpectedAnswer
from bitrix24.numbers import positive


def profile_id(client: Client, *, time_left: TimeLeft) -> int:
    """`profile`: the id of the user on whose behalf the portal acts.

    It can differ from the one in the webhook's URL: an administrator who edits a webhook becomes its owner, and a
    dismissed owner's webhook may pass to a system user.

    Raises:
        UnexpectedAnswer: the profile has no id.
        Bitrix24Error: as `Client.call`.
    """
    profile = client.call("profile", time_left=time_left).result
    user_id = positive(profile.get("ID")) if isinstance(profile, dict) else None
    if user_id is None:
        raise UnexpectedAnswer("The portal's profile has no user id.")
    return user_id


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
