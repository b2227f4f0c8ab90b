"""Use case: mute or unmute one chat now, for good or for a time."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bitrix24 import Answer, Client, TimeLeft, muting
from bitrix24.errors import AccessRefused, Bitrix24Error, InvalidChatId, NoRoom, is_broken
from chat_mute.accounts import Accounts
from chat_mute.chats import overrule, overtake, picture, unseen
from chat_mute.documents import decision_text, utc
from chat_mute.errors import Busy, ReleaseOnly
from chat_mute.observability import Telemetry
from chat_mute.quiet_hours.decision import Because, Decision
from chat_mute.quiet_hours.holds import Hold
from chat_mute.quiet_hours.requests import explicit_mute, explicit_unmute, with_caller
from chat_mute.quiet_hours.situation import Situation
from chat_mute.request import MuteRequest
from chat_mute.store import CALL, Head, Store
from chat_mute.table import Conflict

TRIES = 5
_EXPLICIT = {True: Because.EXPLICIT_MUTE, False: Because.EXPLICIT_UNMUTE}


class _Ask(NamedTuple):
    """One call of `Muting.mute`, with the account's client."""

    account: str
    client: Client
    request: MuteRequest
    by: str
    now: datetime
    time_left: TimeLeft

    def decide(self, situation: Situation) -> Decision:
        request = self.request
        if request.until is not None:
            return with_caller(situation, self.by, request.until, request.reason)
        return (explicit_mute if request.muted else explicit_unmute)(situation, self.by)

    def tell(self) -> Answer:
        request = self.request
        return muting.mute(
            self.client,
            chat_id=request.chat_id,
            dialog_id=request.dialog_id,
            muted=request.muted,
            time_left=self.time_left,
        )


class Muting:
    """Mutes and unmutes for whoever asks; every attempt leaves one log line and one count."""

    def __init__(
        self, accounts: Accounts, store: Store, telemetry: Telemetry, *, release_only: bool = False
    ) -> None:  # fmt: skip
        self._accounts = accounts
        self._store = store
        self._telemetry = telemetry
        self._release_only = release_only

    def mute(
        self, account: str, request: MuteRequest, *, by: str, now: datetime, time_left: TimeLeft
    ) -> dict[str, Any]:
        """Sets one chat's notifications on the portal. The portal is always asked, whatever we believe.

        Nothing is recorded of a mute without end where no window runs and nothing is held: it needs no look later.

        Args:
            account: whose chat.
            request: which chat, which state, until when.
            by: the owner: ``caller:ID`` or ``schedule:NAME``.
            now: aware.
            time_left: budget.

        Returns:
            Bitrix24's own answer, ``{"result": True}`` and its ``time`` if it sent one; ``until`` where one was given.

        Raises:
            AccountNotFound: no such account.
            Bitrix24Error: the portal did not do it, or its answer was lost; asking again is safe.
            Busy: others are changing the same chat all the time.
            ReleaseOnly: it is a mute, and nothing is muted at present.
        """
        if self._release_only and request.muted:
            raise ReleaseOnly
        because = Because.CALLER if request.until else _EXPLICIT[request.muted]
        line = {
            "account": account,
            "chat": request.chat,
            "mute": "Y" if request.muted else "N",
            "because": because,
            "by": by,
        }
        try:
            answer = self._accounts.use(
                account, lambda client: self._mute(_Ask(account, client, request, by, now, time_left))
            )
        except Bitrix24Error as error:
            self._telemetry.logger.warning("chat not set", extra={**line, "outcome": error.code})
            of_the_caller = isinstance(error, InvalidChatId | AccessRefused)
            self._telemetry.count("MuteRefused" if of_the_caller else "MuteFailed")
            raise
        until = {"until": utc(request.until)} if request.until else {}
        self._telemetry.logger.info("chat set", extra={**line, **until, "outcome": "ok"})
        self._telemetry.changed(because, muted=request.muted)
        return {"result": True, **({"time": answer.time} if answer.time else {}), **until}

    def _mute(self, asked: _Ask) -> Answer:
        began = asked.time_left()
        for _ in range(TRIES):  # a window may have begun since the last
            ask = asked._replace(now=asked.now + timedelta(seconds=began - asked.time_left()))
            head = self._store.head(ask.account, calling=True)
            if ask.request.until is None and head.at_rest(ask.now):
                return ask.tell()
            situation, version = self._situation(ask)
            if situation is None:
                return ask.tell()
            try:
                if head.jobs and self._overtake(ask, situation.chat_id):
                    continue  # the job may have come to the chat meanwhile
                return self._record(ask, head, situation, version)
            except Conflict:
                continue
        raise Busy

    def _situation(self, ask: _Ask) -> tuple[Situation | None, str | None]:
        """The chat and its record's version. None of a chat that cannot be seen and whose number is not known.

        A mute for a time must know what was before. One without end, or an unmute, is done also where the portal does
        not show the chat, as long as its number tells which record it has.

        Raises:
            Bitrix24Error: the chat could not be read, and what is asked for could not be noted.
        """
        account, client, name, now = ask.account, ask.client, ask.request.chat, ask.now
        try:
            seen = picture(self._store, account, client, name, now=now, time_left=ask.time_left)
        except Bitrix24Error as error:
            if ask.request.until is not None or is_broken(error) or isinstance(error, NoRoom):
                raise
            found = unseen(self._store, account, client, name, now=now)
            if found[0] is None and not isinstance(error, InvalidChatId | AccessRefused):
                raise  # whoever holds the chat, or is about to, would not hear of it
            return found
        return seen.situation, seen.saved and seen.saved.version

    def _overtake(self, ask: _Ask, chat_id: int) -> bool:
        request = ask.request
        return overtake(
            self._store, ask.account, frozenset({chat_id}), ask.by, muted=request.muted, until=request.until
        )

    def _record(self, ask: _Ask, head: Head, situation: Situation, version: str | None) -> Answer:
        """Write first, then tell the portal, then note that it has been told."""
        decision = ask.decide(situation)
        if decision.because is Because.FOREIGN:
            raise Bitrix24Error("USER_CHANGED", "Another user's secret still holds this chat; see docs/operations.md.")
        if decision.before is None and version is not None:  # a person has undone what it says
            self._store.remove_hold(ask.account, situation.chat_id, version)
        if decision.before is None or situation.foreign:
            answer = ask.tell()
            if situation.hold is None and self._store.hold(ask.account, situation.chat_id) is not None:
                raise Conflict  # a window has begun meanwhile, and knows nothing of this
            return answer
        guard = min(head.due or ask.now + CALL, ask.now + CALL)
        text = decision_text(decision, ask.now)
        version = self._store.begin_hold(ask.account, decision.before, version, text, guard)
        try:
            answer = ask.tell()
        except Bitrix24Error as error:
            if error.may_be_done:  # the next look finds out, and completes it
                overrule(self._store, ask.account, decision, muted=ask.request.muted, now=ask.now)
            elif ask.request.muted:
                self._save(ask.account, decision.before, situation.hold, version, text)
            raise
        if not self._save(ask.account, decision.before, decision.after, version, text):
            overrule(self._store, ask.account, decision, muted=ask.request.muted, now=ask.now)
        expiry = decision.after.next_due(ask.now) if decision.after else None
        planned = [due for due in (head.due, expiry) if due]
        if not head.pending and all(due > ask.now for due in planned):
            self._store.postpone(ask.account, head.asks + 1, min(planned, default=None))
        return answer

    def _save(self, account: str, stored: Hold, hold: Hold | None, version: str, text: str) -> bool:
        """Replaces the record this call has stored; False if somebody has done so meanwhile: then theirs is newer."""
        try:
            if hold is None:
                self._store.remove_hold(account, stored.chat_id, version)
            else:
                self._store.save_hold(account, hold, version, text)
        except Conflict:
            self._telemetry.logger.info("changed meanwhile", extra={"account": account, "chat": stored.dialog_id})
            return False
        return True
