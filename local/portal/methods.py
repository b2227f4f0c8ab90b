"""The REST methods, all but `batch`: their table, `im.chat.mute`, and the small ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local.portal import php, reading
from local.portal.errors import RestError
from local.portal.method import Caller, Method, Reply, allows, dialog_chat_id
from local.portal.state import GLOBAL_SCOPE, Portal

if TYPE_CHECKING:
    from collections.abc import Mapping


def im_chat_mute(portal: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Mute or unmute a chat for the caller, in the portal's own order of checks.

    A `DIALOG_ID` that is not null replaces `CHAT_ID`. `ACTION` overrides `MUTE`. Only what is loosely equal to "N"
    unmutes.
    """
    chat_id = php.intval(params.get("CHAT_ID"))
    if params.get("DIALOG_ID") is not None and portal.quirks.build != "oldest":
        chat_id = dialog_chat_id(portal, caller.user_id, params["DIALOG_ID"], create=True)
    if chat_id <= 0:
        raise RestError("CHAT_ID_EMPTY", "Chat ID can't be empty", 400)
    chat = portal.chats.get(chat_id)
    if chat is not None and not chat.may_be_muted():
        raise RestError("ACCESS_ERROR", "This chat cannot be muted", 403)
    if (chat is None or caller.user_id not in chat.members) and portal.quirks.non_member == "access_error":
        raise RestError("ACCESS_ERROR", "This chat cannot be muted", 403)
    wanted = params.get("MUTE")
    if params.get("ACTION") is not None or portal.quirks.build == "oldest":
        wanted = params.get("ACTION")
    return Reply(portal.set_mute(caller.user_id, chat_id, muted=not php.equals_n(wanted)))


def profile(portal: Portal, caller: Caller, __: Mapping[str, Any]) -> Reply:
    """Return the caller; `ID` is a string."""
    user = portal.users[caller.user_id]
    first, _, last = user.name.partition(" ")
    fields = {"ID": str(user.id), "ADMIN": False, "NAME": first, "LAST_NAME": last, "PERSONAL_GENDER": ""}
    return Reply({**fields, "TIME_ZONE": "", "TIME_ZONE_OFFSET": 10800})


def user_current(portal: Portal, caller: Caller, __: Mapping[str, Any]) -> Reply:
    """Return the caller's card; `ID` is a string."""
    user = portal.users[caller.user_id]
    first, _, last = user.name.partition(" ")
    return Reply({"ID": str(user.id), "ACTIVE": user.active, "NAME": first, "LAST_NAME": last, "USER_TYPE": "employee"})


def scope(_: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Return the credential's scopes; with `FULL` all the portal has."""
    if php.truthy(params.get("FULL")):
        return Reply(sorted({method.scope for method in METHODS.values()} - {GLOBAL_SCOPE}))
    return Reply(sorted(caller.scopes))


def methods(_: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Return the names of the methods the credential may call; with `FULL` all."""
    every = php.truthy(params.get("FULL"))
    return Reply([name for name, method in METHODS.items() if every or allows(caller, method)])


def method_get(_: Portal, caller: Caller, params: Mapping[str, Any]) -> Reply:
    """Return whether a method exists, and whether the credential may call it."""
    method = METHODS.get(php.to_string(params.get("NAME")).lower())
    return Reply({"isExisting": method is not None, "isAvailable": method is not None and allows(caller, method)})


def server_time(portal: Portal, _: Caller, __: Mapping[str, Any]) -> Reply:
    """Return the server's time in ISO 8601."""
    return Reply(datetime.fromtimestamp(portal.clock(), UTC).isoformat(timespec="seconds"))


METHODS: dict[str, Method] = {
    "profile": Method(GLOBAL_SCOPE, profile),
    "scope": Method(GLOBAL_SCOPE, scope),
    "methods": Method(GLOBAL_SCOPE, methods),
    "method.get": Method(GLOBAL_SCOPE, method_get),
    "server.time": Method(GLOBAL_SCOPE, server_time),
    "user.current": Method("user", user_current),
    "im.chat.mute": Method("im", im_chat_mute),
    "im.chat.get": Method("im", reading.im_chat_get),
    "im.counters.get": Method("im", reading.im_counters_get),
    "im.dialog.get": Method("im", reading.im_dialog_get),
    "im.recent.get": Method("im", reading.im_recent_get),
    "im.recent.list": Method("im", reading.im_recent_list),
    "im.search.chat.list": Method("im", reading.im_search_chat_list),
}
