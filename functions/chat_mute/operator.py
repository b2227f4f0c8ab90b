"""What an operator invokes the function with by hand; see docs/operations.md."""

from collections.abc import Mapping
from typing import Any

from chat_mute.budget import LambdaContext
from chat_mute.errors import InvalidParameter
from chat_mute.holding import Holding
from chat_mute.observability import Telemetry
from chat_mute.quiet_hours.holds import Identity
from chat_mute.request import refuse_unknown


def is_forget(event: Mapping[str, Any]) -> bool:
    """Whether an event asks to forget holds."""
    return "forget" in event


class Operator:
    """Payloads of operators."""

    def __init__(self, holding: Holding, telemetry: Telemetry) -> None:
        self._holding = holding
        self._telemetry = telemetry

    def forget(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, int]:
        """``{"forget": ACCOUNT, "portal": HOST, "user_id": N}``: ends that user's holds without telling the portal.

        Raises:
            InvalidParameter: the payload is not like that.
        """
        self._telemetry.trigger("operator", context.aws_request_id)
        refuse_unknown(event, frozenset({"forget", "portal", "user_id"}))
        account, portal, user_id = event["forget"], event.get("portal"), event.get("user_id")
        if not isinstance(account, str) or not isinstance(portal, str):
            raise InvalidParameter("forget, portal", "must be texts: the account, and its portal's host.")
        if not isinstance(user_id, int) or isinstance(user_id, bool):
            raise InvalidParameter("user_id", "must be a number.")
        return {"forgotten": self._holding.forget(account, Identity(portal, user_id))}
