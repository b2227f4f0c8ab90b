"""Use case: a look at once at every account that keeps anything muted."""

from datetime import datetime
from typing import Any

from bitrix24 import TimeLeft
from chat_mute.errors import InvalidParameter
from chat_mute.observability import Telemetry
from chat_mute.parallel import chunks, each
from chat_mute.roster import Roster
from chat_mute.store import DueAccount, Store
from chat_mute.table import Number

_CHUNK = 200


class Releasing:
    """Lets go of everything, of every account.

    Args:
        roster: the accounts.
        store: what they hold.
        telemetry: logs.
        release_only: whether looks let go of everything at present.
    """

    def __init__(self, roster: Roster, store: Store, telemetry: Telemetry, *, release_only: bool) -> None:
        self._roster = roster
        self._store = store
        self._telemetry = telemetry
        self._release_only = release_only

    def all(self, after: object, *, now: datetime, time_left: TimeLeft) -> dict[str, Any]:
        """Makes every account with holds due now, so that the next ticks release them; one pass over the due index.

        Args:
            after: where the pass before stopped, None at the beginning.
            now: aware.
            time_left: when it is over, the pass stops.

        Returns:
            How many accounts there were, and where to go on; None at the end.

        Raises:
            InvalidParameter: looks would keep muted what is wanted, or ``after`` is nothing a pass has told.
        """
        if not self._release_only:
            raise InvalidParameter("release_all", "needs the stack's parameter Mode=RELEASE_ONLY.")
        accounts = 0
        for found in chunks(self._roster.waiting(_place(after)), _CHUNK):
            accounts += sum(each(lambda one: self._hurry(one.name, now), found))
            if time_left() <= 0:
                return {"accounts": accounts, "next": " ".join(found[-1])}
        self._telemetry.logger.warning("releasing all", extra={"accounts": accounts})
        return {"accounts": accounts, "next": None}

    def _hurry(self, account: str, now: datetime) -> bool:
        holds, _ = self._store.holds_page(account, None, 1)
        if holds:
            self._store.ask(account, now)
        return bool(holds)


def _place(after: object) -> DueAccount | None:
    if after is None:
        return None
    name, _, due = after.partition(" ") if isinstance(after, str) else ("", "", "")
    if not due.replace(".", "").isdecimal():
        raise InvalidParameter("next", "must be what the pass before has told.")
    return DueAccount(name, Number(due))
