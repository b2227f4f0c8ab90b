"""A user's chats and account of a test's own, and a console that shows them."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.console import Console
from local.world import BEN
from tests.conftest import WEBHOOK_MARK
from tests.e2e.conftest import Service

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NASTY = "<img src=x onerror=alert(1)> & co"
_numbers = itertools.count(1)


@dataclass
class Home:
    """What a test of the console has.

    Attributes:
        console: its server.
        user: whose chats.
        chats: their numbers by title.
    """

    service: Service
    console: Console
    user: int
    chats: dict[str, int]

    @property
    def muted(self) -> set[str]:
        """What the portal says."""
        muted = self.service.portal.muted_chats(self.user)
        return {title for title, chat in self.chats.items() if chat in muted}

    def press(self, title: str, *, muted: bool) -> None:
        self.service.portal.mute_by_hand(self.user, self.chats[title], muted=muted)

    def window(self, begins: int, ends: int) -> list[dict[str, Any]]:
        """A window of every day, from some hours after now to some hours after now, in UTC."""
        start, end = (f"{datetime.now(UTC) + timedelta(hours=ahead):%H}:00" for ahead in (begins, ends))
        return [{"days": WEEK, "start": start, "end": end}]

    def put(self, name: str, windows: list[dict[str, Any]]) -> None:
        """A policy for all chats but the nasty one."""
        policy = {"timezone": "UTC", "windows": windows, "chats": {"all": True, "except": [f"chat{self.chats[NASTY]}"]}}
        answer = self.service.call("PUT", f"/{self.console.account}/quiet-hours/{name}", policy)
        assert answer.status_code == 201, answer.text


@contextmanager
def furnished(service: Service) -> Iterator[Home]:
    """Somebody with chats of every kind, an account, and a console."""
    number = next(_numbers)
    user, first = 7_000 + number, 70_000 + 100 * number
    portal = service.portal
    portal.faults.clear()
    portal.add_user(user, f"Eve {number}")
    portal.add_webhook(user, f"{WEBHOOK_MARK}c{number:05}")
    chats = {"Deal": first, "Lunch": first + 1, NASTY: first + 2, "Ben": first + 3, "Support line": first + 4}
    for title in ("Deal", "Lunch", NASTY):
        portal.add_chat(chats[title], title=title, members=[user])
    portal.add_private(user, BEN, chats["Ben"])
    portal.add_chat(chats["Support line"], title="Support line", type="lines", members=[user])
    account = f"console-{number}"
    service.stack.put_account(account, {"webhook_url": service.stack.server.webhook_url(user)})
    with Console(service.stack, account=account, user=user, pace=0) as console:
        yield Home(service, console, user, chats)
    service.clean(account)
