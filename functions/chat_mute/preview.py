"""Use case: when a policy will be quiet, and which chats it means."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bitrix24 import Client, TimeLeft, chats
from bitrix24.chats import Chat
from bitrix24.errors import AccessRefused, InvalidChatId
from chat_mute.accounts import Accounts
from chat_mute.chats import selected
from chat_mute.documents import edge
from chat_mute.errors import InvalidParameter
from chat_mute.quiet_hours import forecast, zones
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import Only
from chat_mute.quiet_hours.windows import BEGINNING, FOREVER
from chat_mute.request import instant

DAYS, DAYS_MAX = 14, 366
_DAYS = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_YEARS = range(1900, 9899)


class Preview:
    """Looks ahead; changes nothing."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def show(
        self, account: str, policy: Policy, since: datetime, days: int, *, with_chats: bool, time_left: TimeLeft
    ) -> dict[str, Any]:
        """The policy's windows in the days from an instant on, and, if wanted, the chats it means as they are now.

        A chat that cannot be muted is among them and says so; so is one that is named and not there for this user.

        Raises:
            AccountNotFound: no such account.
            Bitrix24Error: the chats could not be read.
        """
        self._accounts.credentials(account)
        meant = None
        if with_chats:
            meant = self._accounts.use(account, lambda client: list(_chats(client, policy, time_left)))
        windows = forecast.preview(policy, since, since + timedelta(days=days))
        return {"timezone": policy.zone, "windows": [_window(window) for window in windows], "chats": meant}

    def draw(self, account: str, policy: Policy, since: datetime, days: int, now: datetime) -> str:
        """The same without chats as a picture in SVG, of whole local days.

        Raises:
            AccountNotFound: no such account.
        """
        from chat_mute import week_view  # noqa: PLC0415  hardly ever asked for: not a cold start's time

        self._accounts.credentials(account)
        return week_view.draw(policy, since, days, now)


def days_ahead(given: str | None) -> int:
    """Reads ``days``.

    Raises:
        InvalidParameter: it is not 1 to 366.
    """
    if given is None:
        return DAYS
    if not _DAYS.fullmatch(given) or int(given) > DAYS_MAX:
        raise InvalidParameter("days", "must be 1 to 366.")
    return int(given)


def start(given: str | None, policy: Policy, now: datetime) -> datetime:
    """Reads ``from``: an instant, or a date, which is its beginning in the policy's zone.

    Raises:
        InvalidParameter: it is neither, or lies before 1900 or after 9898.
    """
    since = now
    if given is not None:
        since = _beginning(given, policy) if _DATE.fullmatch(given) else instant("from", given)
    if since.year not in _YEARS:
        raise InvalidParameter("from", "must be in the years 1900 to 9898.")
    return since


def _beginning(given: str, policy: Policy) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(given), time.min, zones.zone(policy.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidParameter("from", "must be a date like 2026-12-24, or a time with its offset.") from None


def _chats(client: Client, policy: Policy, time_left: TimeLeft) -> Iterator[dict[str, Any]]:
    missing = set(policy.selection.chats) if isinstance(policy.selection, Only) else set()
    for chat in chats.recent_chats(client, time_left=time_left):
        seen = selected(chat)
        missing -= seen.ids
        if policy.selection.means(seen):
            yield _chat(chat)
    for name, found in chats.dialogs(client, sorted(missing), time_left=time_left):
        if isinstance(found, Chat):
            yield _chat(found)
        elif isinstance(found, AccessRefused | InvalidChatId):
            yield {"dialog_id": name, "chat_id": None, "title": None, "type": None, "muted": None, "mutable": False}
        else:
            raise found


def _chat(chat: Chat) -> dict[str, Any]:
    return {
        "dialog_id": chat.dialog_id,
        "chat_id": chat.chat_id,
        "title": chat.title,
        "type": chat.type,
        "muted": chat.muted,
        "mutable": chat.mutable,
    }


def _window(window: forecast.LocalWindow) -> dict[str, Any]:
    return {
        "start": edge(window.start),
        "end": edge(window.end),
        "local_start": None if window.start == BEGINNING else window.local_start.isoformat(),
        "local_end": None if window.end == FOREVER else window.local_end.isoformat(),
        "note": window.note,
    }
