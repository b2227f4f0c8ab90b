"""One queue's messages: which may be received, and in which order."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

DEDUPLICATION_SECONDS = 300


@dataclass(slots=True)
class Message:
    """A message in a queue.

    Attributes:
        number: its place among all messages of all queues.
        message_id: what SQS calls it.
        body: its text.
        md5: the body's digest.
        group: its group; in a standard queue each message is a group of its own.
        deduplication_id: empty in a standard queue.
        sent_at: when it was sent, in Unix seconds.
        visible_at: from when on it may be received.
        received: how often it was.
        first_received_at: when it was first.
    """

    number: int
    message_id: str
    body: str
    md5: str
    group: str
    deduplication_id: str
    sent_at: float
    visible_at: float = 0.0
    received: int = 0
    first_received_at: float = 0.0


@dataclass(slots=True)
class Messages:
    """The messages of one queue. A group with an invisible message gives nothing; groups take turns by age."""

    by_number: dict[int, Message] = field(default_factory=dict)
    _groups: dict[str, dict[int, Message]] = field(default_factory=dict)
    _ready: list[tuple[int, str]] = field(default_factory=list)
    _sleeping: list[tuple[float, str]] = field(default_factory=list)
    _seen: dict[str, Message] = field(default_factory=dict)
    _seen_in_order: deque[tuple[float, str]] = field(default_factory=deque)

    def add(self, message: Message) -> None:
        """Puts a message behind the others of its group."""
        self.by_number[message.number] = message
        group = self._groups.setdefault(message.group, {})
        group[message.number] = message
        if len(group) == 1:
            heappush(self._ready, (message.number, message.group))

    def remove(self, message: Message, now: float) -> None:
        """Takes a message out; what its group still has may be received now, unless more of it is invisible."""
        del self.by_number[message.number]
        group = self._groups[message.group]
        del group[message.number]
        if not group:
            del self._groups[message.group]
        elif not _is_blocked(group, now):
            heappush(self._ready, (next(iter(group)), message.group))

    def hide(self, message: Message, until: float) -> None:
        """Makes a message invisible."""
        message.visible_at = until
        heappush(self._sleeping, (until, message.group))

    def receivable(self, now: float) -> Iterator[Message]:
        """What may be received, the oldest group first and each in order, until the caller has enough.

        The caller hides or removes each message before it asks for the next one.
        """
        while self._sleeping and self._sleeping[0][0] <= now:
            _, name = heappop(self._sleeping)
            if name in self._groups:
                heappush(self._ready, (next(iter(self._groups[name])), name))
        done: set[str] = set()
        while self._ready:
            _, name = heappop(self._ready)
            group = self._groups.get(name)
            if group is not None and name not in done and not _is_blocked(group, now):
                done.add(name)
                yield from list(group.values())

    def duplicate_of(self, deduplication_id: str, now: float) -> Message | None:
        """The message that was sent under this id in the last five minutes, whatever has become of it."""
        while self._seen_in_order and self._seen_in_order[0][0] <= now:
            del self._seen[self._seen_in_order.popleft()[1]]
        return self._seen.get(deduplication_id)

    def remember(self, deduplication_id: str, message: Message) -> None:
        """From now on, and for five minutes, the id is taken."""
        self._seen[deduplication_id] = message
        self._seen_in_order.append((message.sent_at + DEDUPLICATION_SECONDS, deduplication_id))


def _is_blocked(group: dict[int, Message], now: float) -> bool:
    """Whether one of the messages is invisible; only the first ones can be, for they are received in order."""
    for message in group.values():
        if message.visible_at > now:
            return True
        if not message.received:
            return False
    return False
