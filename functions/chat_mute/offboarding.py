"""Use case: an account leaves. First it lets go of its chats, then all that is stored of it is removed."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from chat_mute.accounts import Accounts
from chat_mute.documents import decision_text
from chat_mute.observability import Telemetry
from chat_mute.quiet_hours.decision import Because, leave
from chat_mute.quiet_hours.holds import Hold, State
from chat_mute.roster import Roster
from chat_mute.store import Saved, Store
from chat_mute.table import Conflict


class Offboarding:
    """The end of accounts.

    Args:
        accounts: whether the secret is there.
        store: what is stored of them.
        roster: removes it.
        telemetry: logs.
    """

    def __init__(self, accounts: Accounts, store: Store, roster: Roster, telemetry: Telemetry) -> None:
        self._accounts = accounts
        self._store = store
        self._roster = roster
        self._telemetry = telemetry

    def leave(self, account: str, *, by: str, now: datetime) -> dict[str, Any]:
        """Goes as far as it can now; to be repeated until it is ``done``. Then the secret may be deleted.

        Nobody wants anything of the account any more: policies are removed, jobs cancelled, callers let go. The looks
        that follow bring each chat back to what it was before, as at a window's end.

        Returns:
            ``done``; how many chats are still held; whether the secret is there, without which nothing is released.
        """
        for policy in self._store.policies(account):
            self._unless_changed(self._store.remove_policy, account, policy.value.name, policy.version, now=now)
        for job in self._store.open_jobs(account):
            self._unless_changed(self._store.save_job, account, job.value.cancelled(now), job.version, [])
        head = self._store.head(account)  # before the holds: whatever is asked for from here on keeps the account
        holds = self._store.holds(account)
        wanted = [saved for saved in holds if saved.value.owners]
        if wanted:
            self._store.ask(account, now)  # before, so that what is changed is found after a crash
            for saved in wanted:
                self._let_go(account, saved, by, now)
        if wanted or any(saved.value.state is State.OVERRIDDEN for saved in holds):
            self._store.ask(account, now)
        done = not holds and not head.jobs and self._roster.erase(account, head.asks)
        self._telemetry.logger.warning("offboarding", extra={"account": account, "held": len(holds), "done": done})
        return {"done": done, "held": len(holds), "secret": self._accounts.exists(account)}

    def sweep(self, account: str) -> bool:
        """Removes what is stored of an account that has neither a secret nor holds; whether it did so."""
        head = self._store.head(account)
        if self._accounts.exists(account) or self._store.holds(account):
            return False
        return self._roster.erase(account, head.asks)

    def _let_go(self, account: str, saved: Saved[Hold], by: str, now: datetime) -> None:
        hold = replace(saved.value, owners={})
        text = decision_text(leave(hold, Because.LET_GO, (by,)), now)
        self._unless_changed(self._store.save_hold, account, hold, saved.version, text)

    @staticmethod
    def _unless_changed(write: Any, *arguments: Any, **named: Any) -> None:
        """What somebody has changed meanwhile is left for the next time."""
        try:
            write(*arguments, **named)
        except Conflict:
            return
