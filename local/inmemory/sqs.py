"""SQS in this process: standard and FIFO queues, on whatever clock."""
# ruff: noqa: N803  the arguments are boto3's

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from local.inmemory.errors import (
    MessageNotInflight,
    QueueDoesNotExist,
    ReceiptHandleIsInvalid,
    SQSExceptions,
    failure,
)
from local.inmemory.messages import Message, Messages

_MOST_IN_A_BATCH = 10
_CODES = "AWS.SimpleQueueService."  # what boto3 puts before the names that SQS had in its XML days


@dataclass(frozen=True)
class Redrive:
    """Where messages go that were received too often.

    Attributes:
        url: the dead-letter queue.
        max_receive_count: how often a message may be received before it goes there.
    """

    url: str
    max_receive_count: int


@dataclass(frozen=True)
class Queue:
    """A queue's settings; it is a FIFO queue if its URL ends with ``.fifo``.

    Attributes:
        visibility_timeout: in seconds.
        redrive: where messages go that were received too often.
        content_based_deduplication: whether a message without a deduplication id has its body's digest as one.
        deduplicates_by_group: whether the same deduplication id in two groups means two messages.
    """

    visibility_timeout: float = 30
    redrive: Redrive | None = None
    content_based_deduplication: bool = False
    deduplicates_by_group: bool = False


@dataclass(frozen=True, slots=True)
class _Open:
    url: str
    settings: Queue
    messages: Messages
    is_fifo: bool


class Queues:
    """Stands where a boto3 client is wanted. A receive never waits: on a virtual clock there is nothing to wait for.

    Args:
        queues: by URL.
        clock: tells Unix seconds.

    Attributes:
        calls: how often each operation was called, refused calls included.
    """

    exceptions = SQSExceptions

    def __init__(self, queues: Mapping[str, Queue], clock: Callable[[], float]) -> None:
        self._queues = {url: _Open(url, queue, Messages(), url.endswith(".fifo")) for url, queue in queues.items()}
        self._clock = clock
        self._sent = 0
        self._lock = Lock()
        self.calls: Counter[str] = Counter()

    def send_message(self, *, QueueUrl: str, MessageBody: str, **fifo: str) -> dict[str, Any]:
        """Sends a message; to a FIFO queue with ``MessageGroupId`` and ``MessageDeduplicationId``."""
        with self._lock:
            self.calls["send_message"] += 1
            return self._send(self._queue(QueueUrl), MessageBody=MessageBody, **fifo)

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Sends up to ten messages, each for itself."""
        with self._lock:
            self.calls["send_message_batch"] += 1
            queue = self._queue(QueueUrl)
            return _batch(Entries, lambda entry: self._send(queue, **entry))

    def receive_message(
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        VisibilityTimeout: float | None = None,
        WaitTimeSeconds: int = 0,
        MessageSystemAttributeNames: Sequence[str] = (),
        AttributeNames: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Receives up to ten messages, of one group as many as there are before any of the next."""
        with self._lock:
            self.calls["receive_message"] += 1
            queue = self._queue(QueueUrl)
            if not 1 <= MaxNumberOfMessages <= _MOST_IN_A_BATCH or WaitTimeSeconds < 0:
                raise _bad_parameter("MaxNumberOfMessages must be between 1 and 10, if provided.")
            timeout = queue.settings.visibility_timeout if VisibilityTimeout is None else VisibilityTimeout
            received = self._receive(queue, MaxNumberOfMessages, timeout)
            wanted = {*MessageSystemAttributeNames, *AttributeNames}
            return {"Messages": [_received(message, wanted) for message in received]} if received else {}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:
        """Deletes a message that was received; one that is deleted already is so."""
        with self._lock:
            self.calls["delete_message"] += 1
            return self._delete(self._queue(QueueUrl), ReceiptHandle)

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Deletes up to ten messages, each for itself."""
        with self._lock:
            self.calls["delete_message_batch"] += 1
            queue = self._queue(QueueUrl)
            return _batch(Entries, lambda entry: self._delete(queue, entry["ReceiptHandle"]))

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: float
    ) -> dict[str, Any]:
        """Hides a message that is in flight for so long from now on."""
        with self._lock:
            self.calls["change_message_visibility"] += 1
            queue, now = self._queue(QueueUrl), self._clock()
            message, is_latest = _by_handle(queue, ReceiptHandle)
            if message is None or not is_latest:
                raise _bad_parameter("Message does not exist or is not available for visibility timeout change.")
            if message.visible_at <= now:
                raise failure(MessageNotInflight, "The message is not in flight.", code=f"{_CODES}MessageNotInflight")
            queue.messages.hide(message, now + VisibilityTimeout)
            return {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> dict[str, Any]:
        """How many messages there are; looks at all of them."""
        with self._lock:
            self.calls["get_queue_attributes"] += 1
            queue, now = self._queue(QueueUrl), self._clock()
            hidden = sum(message.visible_at > now for message in queue.messages.by_number.values())
            attributes = {
                "ApproximateNumberOfMessages": str(len(queue.messages.by_number) - hidden),
                "ApproximateNumberOfMessagesNotVisible": str(hidden),
                "ApproximateNumberOfMessagesDelayed": "0",
                "VisibilityTimeout": str(queue.settings.visibility_timeout),
            }
            return {"Attributes": _chosen(attributes, set(AttributeNames))}

    def _queue(self, url: str) -> _Open:
        try:
            return self._queues[url]
        except KeyError:
            message = "The specified queue does not exist."
            raise failure(QueueDoesNotExist, message, code=f"{_CODES}NonExistentQueue") from None

    def _send(
        self, queue: _Open, *, MessageBody: str, MessageGroupId: str = "", MessageDeduplicationId: str | None = None
    ) -> dict[str, Any]:
        now = self._clock()
        if not MessageBody:
            raise _missing("MessageBody")
        known_as = _deduplication_id(queue, MessageBody, MessageGroupId, MessageDeduplicationId)
        seen_as = f"{MessageGroupId} {known_as}" if queue.settings.deduplicates_by_group else known_as
        md5 = hashlib.md5(MessageBody.encode(), usedforsecurity=False).hexdigest()
        message = queue.messages.duplicate_of(seen_as, now) if queue.is_fifo else None
        if message is None:
            self._sent += 1
            message = Message(
                number=self._sent,
                message_id=f"00000000-0000-4000-8000-{self._sent:012x}",
                body=MessageBody,
                md5=md5,
                group=MessageGroupId if queue.is_fifo else str(self._sent),
                deduplication_id=known_as,
                sent_at=now,
            )
            queue.messages.add(message)
            if queue.is_fifo:
                queue.messages.remember(seen_as, message)
        answer = {"MessageId": message.message_id, "MD5OfMessageBody": md5}
        return {**answer, "SequenceNumber": f"{message.number:020}"} if queue.is_fifo else answer

    def _receive(self, queue: _Open, most: int, timeout: float) -> list[Message]:
        now, redrive = self._clock(), queue.settings.redrive
        received: list[Message] = []
        for message in queue.messages.receivable(now):
            if redrive is not None and message.received >= redrive.max_receive_count:
                self._redrive(queue, message, self._queue(redrive.url), now)
                continue
            message.received += 1
            message.first_received_at = message.first_received_at or now
            queue.messages.hide(message, now + timeout)
            received.append(message)
            if len(received) == most:
                break
        return received

    def _redrive(self, queue: _Open, message: Message, dead: _Open, now: float) -> None:
        queue.messages.remove(message, now)
        self._sent += 1
        group = message.group if dead.is_fifo else str(self._sent)
        dead.messages.add(replace(message, number=self._sent, group=group))

    def _delete(self, queue: _Open, handle: str) -> dict[str, Any]:
        now = self._clock()
        message, is_latest = _by_handle(queue, handle)
        if message is None:
            return {}
        if queue.is_fifo and (not is_latest or message.visible_at <= now):
            raise _bad_parameter("The receipt handle has expired.")
        if is_latest:
            queue.messages.remove(message, now)
        return {}


def _deduplication_id(queue: _Open, body: str, group: str, given: str | None) -> str:
    if not queue.is_fifo:
        if group or given:
            raise NotImplementedError("groups and deduplication ids in a standard queue")
        return ""
    if not group:
        raise _missing("MessageGroupId")
    if given is None and not queue.settings.content_based_deduplication:
        raise _bad_parameter(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
            "explicitly"
        )
    return hashlib.sha256(body.encode()).hexdigest() if given is None else given


def _by_handle(queue: _Open, handle: str) -> tuple[Message | None, bool]:
    """The message, unless it is gone, and whether it has not been received again since."""
    number, separator, received = handle.partition(".")
    if not (separator and number.isdigit() and received.isdigit()):
        raise failure(ReceiptHandleIsInvalid, f'The input receipt handle "{handle}" is not a valid receipt handle.')
    message = queue.messages.by_number.get(int(number))
    return message, message is not None and message.received == int(received)


def _received(message: Message, wanted: set[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": f"{message.number}.{message.received}",
        "MD5OfBody": message.md5,
        "Body": message.body,
    }
    if wanted:
        attributes = {
            "ApproximateReceiveCount": str(message.received),
            "ApproximateFirstReceiveTimestamp": str(int(message.first_received_at * 1000)),
            "SentTimestamp": str(int(message.sent_at * 1000)),
        }
        if message.deduplication_id:
            attributes["MessageDeduplicationId"] = message.deduplication_id
            attributes["MessageGroupId"] = message.group
            attributes["SequenceNumber"] = f"{message.number:020}"
        answer["Attributes"] = _chosen(attributes, wanted)
    return answer


def _chosen(attributes: dict[str, str], wanted: set[str]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if "All" in wanted or name in wanted}


def _batch(entries: Sequence[Mapping[str, Any]], work: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Does each entry's work, and tells of each how it went."""
    ids = [entry["Id"] for entry in entries]
    if not ids:
        raise failure(ClientError, "There should be at least one entry.", code=f"{_CODES}EmptyBatchRequest")
    if len(ids) > _MOST_IN_A_BATCH:
        raise failure(ClientError, "At most 10 entries.", code=f"{_CODES}TooManyEntriesInBatchRequest")
    if len(set(ids)) < len(ids):
        raise failure(ClientError, "An id is repeated.", code=f"{_CODES}BatchEntryIdsNotDistinct")
    answer: dict[str, Any] = {"Successful": []}
    for entry in entries:
        arguments = {name: value for name, value in entry.items() if name != "Id"}
        try:
            answer["Successful"].append({"Id": entry["Id"], **work(arguments)})
        except ClientError as error:
            trouble = error.response["Error"]
            answer.setdefault("Failed", []).append({"Id": entry["Id"], "SenderFault": True, **trouble})
    return answer


def _missing(parameter: str) -> ClientError:
    return failure(ClientError, f"The request must contain the parameter {parameter}.", code="MissingParameter")


def _bad_parameter(reason: str) -> ClientError:
    return failure(ClientError, reason, code="InvalidParameterValue")
