"""What goes wrong between Ann's account and its portal, and what is there afterwards."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from local.portal import Fault
from local.virtual import STATE
from tests.unit.function.office import ANN, BEN, HAND, PRIVATE, Office

MINUTE = timedelta(minutes=1)
NIGHT = {1, HAND, 3, 4, 5, PRIVATE}
"""The chats that are muted in a window of all."""
Act = Callable[[Office], None]


def window(office: Office) -> None:
    """A window of all chats, begun."""
    office.put("night", "11:00-14:00")
    office.stack.minute()


def down(office: Office) -> None:
    office.portal.faults.add(Fault.html(502), times=None)


def revoked(office: Office) -> None:
    office.portal.webhooks.clear()


def gone(office: Office) -> None:
    office.stack.secrets.delete_secret(SecretId="quiet-hours/default", ForceDeleteWithoutRecovery=True)
    office.stack.new_process()


def other_user(office: Office) -> None:
    office.portal.change_webhook_owner(ANN, BEN)


def faulty(office: Office) -> None:
    """A fault of our own, or of AWS, in the middle of each look."""

    def fails(**_: Any) -> Any:
        raise RuntimeError("not foreseen")

    query = office.stack.dynamodb.query
    office.stack.dynamodb.query = (  # type: ignore[method-assign]
        lambda **request: fails() if "policy#" in json.dumps(request) else query(**request)
    )


def blocked(code: str, method: str) -> Act:
    return lambda office: office.portal.faults.add(
        Fault.error(code, status=503), method=method, in_batch=method != "batch", times=None
    )


def of_one(chat_id: int, code: str = "ERROR_UNEXPECTED_ANSWER") -> Act:
    return lambda office: office.portal.faults.add(
        Fault.error(code, "no luck", status=500),
        method="im.chat.mute",
        in_batch=True,
        params={"CHAT_ID": chat_id},
        times=None,
    )


def gaps(office: Office, looks: int) -> list[int]:
    """Minutes from each look's tick to the next one's."""
    found = []
    for _ in range(looks):
        began, due = office.stack.clock.now(), office.due()
        assert due is not None
        office.stack.minute(max(due, began) + timedelta(microseconds=1))
        found.append(round((office.stack.clock.now() - began) / MINUTE))
    return found


def records(office: Office) -> dict[str, Any]:
    items = office.stack.dynamodb.items(STATE)
    return {one["sk"]["S"]: json.loads(one["document"]["S"]) for one in items if one["sk"]["S"].startswith("hold#")}


def jobs(office: Office) -> dict[str, Any]:
    """Jobs as they are stored, by id."""
    items = [item for item in office.stack.dynamodb.items(STATE) if item["sk"]["S"].startswith("job#")]
    return {item["sk"]["S"].removeprefix("job#"): json.loads(item["document"]["S"]) for item in items}
