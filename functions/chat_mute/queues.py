"""SQS: where schedule payloads go that can never succeed."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bitrix24.redaction import redact

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


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
