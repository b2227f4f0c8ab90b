"""Use case: mute or unmute one chat now, for good or for a time."""

from datetime import datetime
from typing import Any

from bitrix24 import Answer, Client, TimeLeft, muting
from bitrix24.errors import AccessRefused, Bitrix24Error, InvalidChatId, is_broken
from chat_mute.accounts import Accounts
from chat_mute.chats import overrule, picture, unseen
from chat_mute.documents import decision_text, utc
from chat_mute.errors import Busy
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


class Muting:
    """Mutes and unmutes for whoever asks; every attempt leaves one log line and one count."""

    def __init__(self, accounts: Accounts, store: Store, telemetry: Telemetry) -> None:
        self._accounts = accounts
        self._store = store
        self._telemetry = telemetry

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
        """
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
                account, lambda client: self._mute(account, client, request, by, now, time_left)
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

    def _mute(  # noqa: PLR0917  of `mute`
        self, account: str, client: Client, request: MuteRequest, by: str, now: datetime, time_left: TimeLeft
    ) -> Answer:  # fmt: skip
        for _ in range(TRIES):
            head = self._store.head(account, calling=True)
            if request.until is None and head.at_rest(now):
                return _tell(client, request, time_left)
            situation, version = self._situation(account, client, request, now, time_left)
            if situation is None:
                return _tell(client, request, time_left)
            try:
                return self._record(account, client, request, head, situation, version, by, time_left)
            except Conflict:
                continue
        raise Busy

    def _situation(
        self, account: str, client: Client, request: MuteRequest, now: datetime, time_left: TimeLeft
    ) -> tuple[Situation | None, str | None]:
        """The chat and its record's version. None of a chat that cannot be seen and has no record.

        A mute for a time must know what was before. One without end, or an unmute, is done also where the portal does
        not show the chat: whether there is one, it says itself then.
        """
        try:
            seen = picture(self._store, account, client, request.chat, now=now, time_left=time_left)
        except Bitrix24Error as error:
            if request.until is not None or is_broken(error):
                raise
            return unseen(self._store, account, client, request.chat, now=now)
        return seen.situation, seen.saved and seen.saved.version

    def _record(  # noqa: PLR0917  of `mute`
        self, account: str, client: Client, request: MuteRequest, head: Head, situation: Situation,
        version: str | None, by: str, time_left: TimeLeft,
    ) -> Answer:  # fmt: skip
        """Write first, then tell the portal, then note that it has been told."""
        decision = _decide(situation, request, by)
        if decision.because is Because.FOREIGN:
            raise Bitrix24Error("USER_CHANGED", "Another user's secret still holds this chat; see docs/operations.md.")
        if decision.before is None or decision.before == situation.hold:
            answer = _tell(client, request, time_left)
            if situation.hold is None and self._store.hold(account, situation.chat_id) is not None:
                raise Conflict  # a window has begun meanwhile, and knows nothing of this
            return answer
        now, text = situation.now, decision_text(decision, situation.now)
        guard = min(head.due or now + CALL, now + CALL)
        version = self._store.begin_hold(account, decision.before, version, text, guard)
        try:
            answer = _tell(client, request, time_left)
        except Bitrix24Error as error:
            if request.muted and not error.may_be_done:  # else the next look finds out, and completes it
                self._save(account, decision, situation.hold, version, now)
            raise
        self._save(account, decision, decision.after, version, now, told=request.muted)
        planned = [due for due in (head.due, request.until) if due]
        if not head.pending and all(due > now for due in planned):
            self._store.postpone(account, head.asks + 1, min(planned, default=None))
        return answer

    def _save(  # noqa: PLR0917  a record, and what the portal was told meanwhile
        self, account: str, decision: Decision, hold: Hold | None, version: str, now: datetime,
        told: bool | None = None,  # noqa: FBT001
    ) -> None:  # fmt: skip
        """Replaces the record this call has stored, unless somebody has done so meanwhile: then theirs is newer."""
        stored = decision.before
        if stored is None:
            return
        try:
            if hold is None:
                self._store.remove_hold(account, stored.chat_id, version)
            else:
                self._store.save_hold(account, hold, version, decision_text(decision, now))
        except Conflict:
            self._telemetry.logger.info("changed meanwhile", extra={"account": account, "chat": stored.dialog_id})
            if told is not None:
                overrule(self._store, account, decision, muted=told, now=now)


def _decide(situation: Situation, request: MuteRequest, by: str) -> Decision:
    if request.until is not None:
        return with_caller(situation, by, request.until, request.reason)
    return (explicit_mute if request.muted else explicit_unmute)(situation, by)


def _tell(client: Client, request: MuteRequest, time_left: TimeLeft) -> Answer:
    return muting.mute(
        client, chat_id=request.chat_id, dialog_id=request.dialog_id, muted=request.muted, time_left=time_left
    )
