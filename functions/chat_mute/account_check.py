"""Use case: is an account usable?"""

from datetime import datetime
from typing import Any

from bitrix24 import Client, OAuth, TimeLeft, users
from bitrix24.errors import Bitrix24Error, CredentialError
from chat_mute.accounts import Accounts
from chat_mute.observability import Telemetry


class AccountCheck:
    """Asks the portal who we are and what we may."""

    def __init__(self, accounts: Accounts, telemetry: Telemetry) -> None:
        self._accounts = accounts
        self._telemetry = telemetry

    def check(self, account: str, *, now: datetime, time_left: TimeLeft) -> dict[str, Any]:
        """The account as the API shows it; what is wrong with it is in ``error``, a code.

        ``USER_CHANGED`` says that the portal acts for another user than the webhook's URL names: its mutes would be
        somebody else's.

        Raises:
            AccountNotFound: no such account.
        """
        seen: dict[str, Any] = {"account": account, "auth": None, "portal": None, "user_id": None}

        def ask(client: Client) -> str | None:
            used = client.credentials
            auth = "oauth" if isinstance(used, OAuth) else "webhook"
            seen.update(auth=auth, portal=used.portal, user_id=used.user_id)
            if users.profile_id(client, time_left=time_left) != used.user_id:
                return "USER_CHANGED"
            if "im" not in users.scope(client, time_left=time_left):
                raise CredentialError("insufficient_scope")
            return None

        try:
            error = self._accounts.use(account, ask)
        except Bitrix24Error as failure:
            error = failure.code
            self._telemetry.logger.warning(
                "account not usable", extra={"account": account, "outcome": error, "why": failure.description}
            )
        return {**seen, "usable": error is None, "error": error, "checked_at": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
