"""What an operator invokes the function with by hand; see docs/operations.md."""

from collections.abc import Mapping
from typing import Any

from bitrix24 import Clock
from chat_mute.budget import LambdaContext
from chat_mute.errors import InvalidParameter
from chat_mute.holding import Holding
from chat_mute.observability import Telemetry
from chat_mute.quiet_hours.holds import Identity
from chat_mute.request import refuse_unknown


def is_operators(event: Mapping[str, Any]) -> bool:
    """Whether an event is an operator's."""
    return "forget" in event or "moved" in event


class Operator:
    """Payloads of operators."""

    def __init__(self, holding: Holding, telemetry: Telemetry, clock: Clock) -> None:
        self._clock = clock
        self._holding = holding
        self._telemetry = telemetry

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
        """Does what one of the two payloads asks for, once.

        * ``{"forget": ACCOUNT, "portal": HOST, "user_id": N}``: ends that user's holds without telling the portal.
        * ``{"moved": ACCOUNT, "portal": HOST}``: the account's portal was at ``HOST`` before; its holds go on.

        Raises:
            InvalidParameter: the payload is like neither.
            AccountNotFound: no such account.
        """
        self._telemetry.trigger("operator", context.aws_request_id)
        return self._moved(event) if "moved" in event else self._forget(event)

    def _moved(self, event: Mapping[str, Any]) -> dict[str, int]:
        refuse_unknown(event, frozenset({"moved", "portal"}))
        account, portal = event["moved"], event.get("portal")
        if not isinstance(account, str) or not isinstance(portal, str):
            raise InvalidParameter("moved, portal", "must be texts: the account, and its portal's former host.")
        return {"moved": self._holding.moved(account, portal, self._clock.now())}

    def _forget(self, event: Mapping[str, Any]) -> dict[str, int]:
        refuse_unknown(event, frozenset({"forget", "portal", "user_id"}))
        account, portal, user_id = event["forget"], event.get("portal"), event.get("user_id")
        if not isinstance(account, str) or not isinstance(portal, str):
            raise InvalidParameter("forget, portal", "must be texts: the account, and its portal's host.")
        if not isinstance(user_id, int) or isinstance(user_id, bool):
            raise InvalidParameter("user_id", "must be a number.")
        return {"forgotten": self._holding.forget(account, Identity(portal, user_id))}
