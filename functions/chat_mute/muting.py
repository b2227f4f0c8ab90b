"""Use case: mute or unmute one chat now."""

from typing import Any

from bitrix24 import TimeLeft, muting
from bitrix24.errors import AccessRefused, Bitrix24Error, InvalidChatId
from chat_mute.accounts import Accounts
from chat_mute.observability import Telemetry
from chat_mute.request import MuteRequest


class Muting:
    """Mutes and unmutes for whoever asks; every attempt leaves one log line and one count."""

    def __init__(self, accounts: Accounts, telemetry: Telemetry) -> None:
        self._accounts = accounts
        self._telemetry = telemetry

    def mute(self, account: str, request: MuteRequest, *, by: str, time_left: TimeLeft) -> dict[str, Any]:
        """Sets one chat's notifications on the portal. The portal is always asked, whatever we believe.

        Args:
            account: whose chat.
            request: which chat, which state.
            by: who asks, for the log.
            time_left: budget.

        Returns:
            Bitrix24's own answer: ``{"result": True}``, and its ``time`` if it sent one.

        Raises:
            AccountNotFound: no such account.
            Bitrix24Error: the portal did not do it, or its answer was lost; asking again is safe.
        """
        line = {"account": account, "chat": request.chat, "mute": "Y" if request.muted else "N", "by": by}
        try:
            answer = self._accounts.use(
                account,
                lambda client: muting.mute(
                    client,
                    chat_id=request.chat_id,
                    dialog_id=request.dialog_id,
                    muted=request.muted,
                    time_left=time_left,
                ),
            )
        except Bitrix24Error as error:
            self._telemetry.logger.warning("chat not set", extra={**line, "outcome": error.code})
            refused = isinstance(error, InvalidChatId | AccessRefused)  # of the caller's making, not trouble
            self._telemetry.count("MuteRefused" if refused else "MuteFailed")
            raise
        self._telemetry.logger.info("chat set", extra={**line, "outcome": "ok"})
        self._telemetry.count("ChatMuted" if request.muted else "ChatUnmuted")
        return {"result": True} if answer.time is None else {"result": True, "time": answer.time}
