"""Use case: mute or unmute one chat now, for good or for a time."""

from datetime import datetime, timedelta
from typing import Any

from bitrix24 import Answer, Client, TimeLeft, muting
from bitrix24.errors import (
    AccessRefused,
    Bitrix24Error,
    InvalidChatId,
    PortalFailed,
    PortalTimeout,
    PortalUnreachable,
    UnexpectedAnswer,
)
from chat_mute.accounts import Accounts
from chat_mute.chats import Picture, picture
from chat_mute.documents import decision_text, utc
from chat_mute.errors import Busy
from chat_mute.observability import Telemetry
from chat_mute.quiet_hours.decision import Because, Decision
from chat_mute.quiet_hours.holds import Hold
from chat_mute.quiet_hours.requests import explicit_mute, explicit_unmute, with_caller
from chat_mute.request import MuteRequest
from chat_mute.store import Head, Store
from chat_mute.table import Conflict

TRIES = 5
_GUARD = timedelta(seconds=30)
"""When an account is looked at should a call not come to its end; a little longer than a call of the API may take."""
_EXPLICIT = {True: Because.EXPLICIT_MUTE, False: Because.EXPLICIT_UNMUTE}
_MAY_BE_DONE = (PortalTimeout, PortalUnreachable, PortalFailed, UnexpectedAnswer)


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
            head = self._store.head(account)
            if request.until is None and head.at_rest(now):
                return _tell(client, request, time_left)
            try:
                seen = picture(self._store, account, client, request.chat, now=now, time_left=time_left)
            except (AccessRefused, InvalidChatId):
                if (
                    request.until is None
                ):  # a chat that cannot be seen has no record; whether it is one, the portal says
                    return _tell(client, request, time_left)
                raise
            try:
                return self._record(account, client, request, head, seen, _decide(seen, request, by), time_left)
            except Conflict:
                continue
        raise Busy

    def _record(  # noqa: PLR0917  of `mute`
        self, account: str, client: Client, request: MuteRequest, head: Head, seen: Picture, decision: Decision,
        time_left: TimeLeft,
    ) -> Answer:  # fmt: skip
        """Write first, then tell the portal, then note that it has been told."""
        if decision.because is Because.FOREIGN:
            raise Bitrix24Error("USER_CHANGED", "Another user's secret still holds this chat; see docs/operations.md.")
        if decision.before is None or decision.before == seen.situation.hold:
            return _tell(client, request, time_left)
        now = seen.situation.now
        text = decision_text(decision, now)
        guard = min(head.due or now + _GUARD, now + _GUARD)
        version = self._store.begin_hold(account, decision.before, seen.saved and seen.saved.version, text, guard)
        try:
            answer = _tell(client, request, time_left)
        except _MAY_BE_DONE:
            raise  # the next look finds out, and completes it
        except Bitrix24Error:
            if request.muted:
                self._save(account, decision.before, seen.situation.hold, version, text)
            raise
        self._save(account, decision.before, decision.after, version, text)
        planned = [due for due in (head.due, request.until) if due]
        if not head.pending and all(due > now for due in planned):
            self._store.postpone(account, head.asks + 1, min(planned, default=None))
        return answer

    def _save(self, account: str, stored: Hold, hold: Hold | None, version: str, text: str) -> None:
        """Replaces the record this call has stored, unless somebody has done so meanwhile: then theirs is newer."""
        try:
            if hold is None:
                self._store.remove_hold(account, stored.chat_id, version)
            else:
                self._store.save_hold(account, hold, version, text)
        except Conflict:
            self._telemetry.logger.info("changed meanwhile", extra={"account": account, "chat": stored.dialog_id})


def _decide(seen: Picture, request: MuteRequest, by: str) -> Decision:
    if request.until is not None:
        return with_caller(seen.situation, by, request.until, request.reason)
    return (explicit_mute if request.muted else explicit_unmute)(seen.situation, by)


def _tell(client: Client, request: MuteRequest, time_left: TimeLeft) -> Answer:
    return muting.mute(
        client, chat_id=request.chat_id, dialog_id=request.dialog_id, muted=request.muted, time_left=time_left
    )
