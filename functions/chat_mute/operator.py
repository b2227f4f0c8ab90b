"""What an operator invokes the function with by hand or by `make`; see docs/operations.md."""

from collections.abc import Mapping
from typing import Any

from bitrix24 import Clock
from chat_mute.account_check import AccountCheck
from chat_mute.budget import Budget, LambdaContext
from chat_mute.errors import AccountNotFound, InvalidParameter
from chat_mute.holding import Holding
from chat_mute.observability import Telemetry
from chat_mute.offboarding import Offboarding
from chat_mute.quiet_hours.holds import Identity
from chat_mute.releasing import Releasing
from chat_mute.request import refuse_unknown

_ORDERS = ("forget", "moved", "release_all", "offboard", "check")
_BY = "operator"
_SPARE_SECONDS = 10.0


def is_operators(event: Mapping[str, Any]) -> bool:
    """Whether an event is an operator's."""
    return any(order in event for order in _ORDERS)


class Operator:
    """Payloads of operators."""

    def __init__(
        self,
        telemetry: Telemetry,
        clock: Clock,
        *,
        holding: Holding,
        releasing: Releasing,
        offboarding: Offboarding,
        account_check: AccountCheck,
    ) -> None:
        self._clock = clock
        self._holding = holding
        self._releasing = releasing
        self._offboarding = offboarding
        self._account_check = account_check
        self._telemetry = telemetry

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Does what one of the payloads asks for, once.

        * ``{"forget": ACCOUNT, "portal": HOST, "user_id": N}``: ends that user's holds without telling the portal; of
          an account without a secret everything is removed then.
        * ``{"moved": ACCOUNT, "portal": HOST}``: the account's portal was at ``HOST`` before; its holds go on.
        * ``{"release_all": true}``, and ``"next"`` where one was told: every account with holds gets a look now.
        * ``{"offboard": ACCOUNT}``, again until ``done``: lets go of everything, then removes what is stored.
        * ``{"check": ACCOUNT}``: is it usable? As `GET /{account}`.

        Raises:
            InvalidParameter: the payload is like none of them.
            AccountNotFound: ``moved``, and no such account.
        """
        self._telemetry.trigger("operator", context.aws_request_id)
        budget = Budget(context, self._clock, spare=_SPARE_SECONDS)
        if "release_all" in event:
            return self._release_all(event, budget)
        if "offboard" in event:
            return self._offboarding.leave(_account(event, "offboard"), by=_BY, now=self._clock.now())
        if "check" in event:
            return self._check(_account(event, "check"), budget)
        return self._moved(event) if "moved" in event else self._forget(event)

    def _release_all(self, event: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
        refuse_unknown(event, frozenset({"release_all", "next"}))
        if event["release_all"] is not True:
            raise InvalidParameter("release_all", "must be true.")
        return self._releasing.all(event.get("next"), now=self._clock.now(), time_left=budget)

    def _check(self, account: str, budget: Budget) -> dict[str, Any]:
        try:
            return self._account_check.check(account, now=self._clock.now(), time_left=budget)
        except AccountNotFound as error:
            return {"account": account, "usable": False, "error": error.code}

    def _moved(self, event: Mapping[str, Any]) -> dict[str, Any]:
        refuse_unknown(event, frozenset({"moved", "portal"}))
        account, portal = event["moved"], event.get("portal")
        if not isinstance(account, str) or not isinstance(portal, str):
            raise InvalidParameter("moved, portal", "must be texts: the account, and its portal's former host.")
        return {"moved": self._holding.moved(account, portal, self._clock.now())}

    def _forget(self, event: Mapping[str, Any]) -> dict[str, Any]:
        refuse_unknown(event, frozenset({"forget", "portal", "user_id"}))
        account, portal, user_id = event["forget"], event.get("portal"), event.get("user_id")
        if not isinstance(account, str) or not isinstance(portal, str):
            raise InvalidParameter("forget, portal", "must be texts: the account, and its portal's host.")
        if not isinstance(user_id, int) or isinstance(user_id, bool):
            raise InvalidParameter("user_id", "must be a number.")
        forgotten = self._holding.forget(account, Identity(portal, user_id))
        return {"forgotten": forgotten, **({"removed": True} if self._offboarding.sweep(account) else {})}


def _account(event: Mapping[str, Any], order: str) -> str:
    refuse_unknown(event, frozenset({order}))
    account = event[order]
    if not isinstance(account, str):
        raise InvalidParameter(order, "must be a text: the account.")
    return account
