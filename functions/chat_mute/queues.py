"""SQS: the accounts that need a look, and where schedule payloads go that can never succeed."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bitrix24.redaction import redact
from chat_mute.store import Lease

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


_GROUP = re.compile(r"[!-~]{1,128}", re.ASCII)


class AccountQueue:
    """The FIFO queue from the tick to the workers: one group, and so one worker at a time, for each portal.

    Args:
        connect: makes the SQS client on first use.
        url: the queue.
    """

    def __init__(self, connect: "Callable[[], SQSClient]", url: str) -> None:
        self._connect = connect
        self._url = url

    def put(self, accounts: Sequence[tuple[str, Lease]], at: datetime) -> set[str]:
        """Queues up to ten accounts, each by its lease.

        A lease's number is new each time, for SQS drops what has the same id within five minutes and still says yes.

        Returns:
            Those that were taken.
        """
        entries = [
            {
                "Id": str(number),
                "MessageBody": json.dumps({"account": account, "at": at.isoformat()}),
                "MessageGroupId": _group(lease.portal or account),
                "MessageDeduplicationId": f"{account}.{lease.number}",
            }
            for number, (account, lease) in enumerate(accounts)
        ]
        answer = self._connect().send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
        return {accounts[int(taken["Id"])][0] for taken in answer.get("Successful", [])}


def _group(portal: str) -> str:
    """A portal as SQS takes it for a group."""
    return portal if _GROUP.fullmatch(portal) else hashlib.sha256(portal.encode()).hexdigest()


class DeadLetters:
    """The schedules' dead-letter queue.

    Args:
        connect: makes the SQS client on first use, because hardly any invocation needs one.
        url: the queue.
    """

    def __init__(self, connect: "Callable[[], SQSClient]", url: str) -> None:
        self._connect = connect
        self._url = url

    def put(self, payload: Mapping[str, Any], code: str, description: str) -> None:
        """Keeps ``payload`` for a person to mend, with the reason beside it."""
        letter = {"payload": payload, "error": code, "error_description": description}
        self._connect().send_message(QueueUrl=self._url, MessageBody=redact(json.dumps(letter)))
