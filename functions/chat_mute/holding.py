"""Use case: what this service keeps muted, one chat or all of them, and letting go of all of it."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from bitrix24 import TimeLeft
from chat_mute.accounts import Accounts
from chat_mute.chats import identity_of, overtake, picture
from chat_mute.documents import decision_text, edge, utc
from chat_mute.errors import Busy
from chat_mute.observability import Telemetry
from chat_mute.parallel import each
from chat_mute.quiet_hours import forecast
from chat_mute.quiet_hours.decision import Action, Because, Decision
from chat_mute.quiet_hours.holds import Hold, Identity, State
from chat_mute.quiet_hours.requests import let_go
from chat_mute.store import Saved, Store
from chat_mute.table import Conflict

PAGE = 100
_TRIES = 5


class Holding:
    """Holds as the API shows them and lets go of them."""

    def __init__(self, accounts: Accounts, store: Store, telemetry: Telemetry) -> None:
        self._accounts = accounts
        self._store = store
        self._telemetry = telemetry

    def chat(self, account: str, name: str, *, now: datetime, time_left: TimeLeft) -> dict[str, Any]:
        """One chat: how it is, for whom it is kept muted, and when that changes.

        Raises:
            AccountNotFound: no such account.
            Bitrix24Error: the chat could not be read.
        """
        seen = self._accounts.use(
            account, lambda client: picture(self._store, account, client, name, now=now, time_left=time_left)
        )
        situation = seen.situation
        hold = None if situation.foreign else situation.seen()
        override = situation.override(hold) if hold else None
        change = forecast.next_change(situation, seen.policies)
        return {
            "dialog_id": seen.chat.dialog_id,
            "chat_id": seen.chat.chat_id,
            "title": seen.chat.title,
            "type": seen.chat.type,
            "muted": seen.chat.muted,
            "mutable": seen.chat.mutable,
            "prior_muted": hold.prior_muted if hold else None,
            "keep": hold.keep if hold else False,
            "holds": [
                {"owner": name, "until": edge(owner.until), "reason": owner.reason}
                for name, owner in sorted(hold.owners.items() if hold else ())
            ],
            "overridden_until": override and edge(override),
            "next_change": {"at": utc(change.at), "muted": change.muted} if change else None,
        }

    def list(self, account: str, after: str | None) -> dict[str, Any]:
        """A page of everything this service keeps muted; a chat that people want audible is not among them.

        Raises:
            AccountNotFound: no such account.
        """
        self._accounts.credentials(account)
        page, following = self._store.holds_page(account, after, PAGE)
        holds = [saved.value for saved in page if saved.value.state is not State.OVERRIDDEN]
        return {"holds": [_shown(hold) for hold in holds], "next": following}

    def let_go(self, account: str, *, by: str, now: datetime) -> int:
        """Unmutes, at the next look, every chat that is kept muted, as if each were unmuted explicitly.

        A look is wanted first and last: before, so that what has been marked is found after a crash; after, so that a
        look that went on meanwhile is followed by another.

        Returns:
            How many chats.

        Raises:
            AccountNotFound: no such account.
            Busy: others are changing the same.
        """
        me = identity_of(self._accounts.credentials(account))
        held = [saved for saved in self._store.holds(account) if saved.value.identity == me]
        held = [saved for saved in held if saved.value.state is not State.OVERRIDDEN]
        if held:
            self._store.ask(account, now)
            self._overtake(account, frozenset(saved.value.chat_id for saved in held), by)
            each(lambda saved: self._let_go(account, saved, by, now), held)
            self._store.ask(account, now)
        self._telemetry.logger.info("letting go of all", extra={"account": account, "by": by, "chats": len(held)})
        return len(held)

    def forget(self, account: str, who: Identity) -> int:
        """Ends the records of holds that can never be released: of a deleted portal, or of a user who is gone.

        The portal is told nothing. Returns how many.
        """
        ended = 0
        for saved in self._store.holds(account):
            if saved.value.identity == who:
                self._store.remove_hold(account, saved.value.chat_id, saved.version)
                ended += 1
        self._telemetry.logger.warning("forgotten", extra={"account": account, "portal": who.portal, "chats": ended})
        return ended

    def moved(self, account: str, portal: str, now: datetime) -> int:
        """The account's portal has another address now: its user's holds from the old one go on. Returns how many.

        Raises:
            AccountNotFound: no such account.
        """
        me = identity_of(self._accounts.credentials(account))
        moved = 0
        for saved in self._store.holds(account):
            if saved.value.identity == Identity(portal, me.user_id):
                hold = replace(saved.value, identity=me)
                self._store.begin_hold(account, hold, saved.version, f"{utc(now)} moved from {portal}", now)
                moved += 1
        self._telemetry.logger.warning("moved", extra={"account": account, "portal": portal, "chats": moved})
        return moved

    def _overtake(self, account: str, chats: frozenset[int], by: str) -> None:
        for _ in range(_TRIES):
            try:
                overtake(self._store, account, chats, by, muted=False)
            except Conflict:
                continue
            return
        raise Busy

    def _let_go(self, account: str, saved: Saved[Hold] | None, by: str, now: datetime) -> None:
        for _ in range(_TRIES):
            if saved is None or saved.value.state is State.OVERRIDDEN:
                return
            hold = let_go(saved.value)
            decision = Decision(Action.UNMUTE, hold, None, Because.EXPLICIT_UNMUTE, (by,))
            try:
                self._store.save_hold(account, hold, saved.version, decision_text(decision, now))
            except Conflict:
                saved = self._store.hold(account, hold.chat_id)
            else:
                return
        raise Busy


def _shown(hold: Hold) -> dict[str, Any]:
    return {
        "chat_id": hold.chat_id,
        "dialog_id": hold.dialog_id,
        "owners": sorted(hold.owners),
        "prior_muted": hold.prior_muted,
        "state": hold.state,
    }
