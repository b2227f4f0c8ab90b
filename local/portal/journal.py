"""What the portal saw and did: every call without its secret, and every push event."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SECRET_PARAMS = frozenset({"auth", "access_token", "refresh_token", "client_secret", "client_id", "code", "ap"})
"""Parameter names whose values never enter the journal."""

_LEFT_OUT = SECRET_PARAMS | {"cmd"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, or one command of a batch.

    `number` grows in the order of arrival. `status` is 0 where no answer was given (a fault before the effect) or a
    batch command was not carried out; a command that succeeded has 200. `error` is the code answered, if any.
    """

    number: int
    method: str
    params: Mapping[str, Any]
    user_id: int | None
    status: int
    error: str | None = None
    key: str | None = None
    fault: str | None = None
    commands: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class PushEvent:
    """What the user's open clients are told; `chatMuteNotify` is sent for a real change only."""

    name: str
    user_id: int
    chat_id: int
    muted: bool


@dataclass
class Journal:
    """A thread-safe record of calls and push events."""

    calls: list[Call] = field(default_factory=list)
    events: list[PushEvent] = field(default_factory=list)
    _next: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self) -> int:
        """Return the next call number."""
        with self._lock:
            self._next += 1
            return self._next - 1

    def add(self, call: Call) -> None:
        """Keep a finished top-level call."""
        with self._lock:
            self.calls.append(call)

    def add_event(self, event: PushEvent) -> None:
        """Keep a push event."""
        with self._lock:
            self.events.append(event)

    def calls_of(self, method: str) -> list[Call]:
        """Return the calls of a method (any case) in order of arrival, commands of batches included."""
        wanted = method.lower()
        with self._lock:
            return sorted((c for c in _flat(self.calls) if c.method == wanted), key=lambda c: c.number)

    def clear(self) -> None:
        """Forget everything so far; numbers go on."""
        with self._lock:
            self.calls.clear()
            self.events.clear()


def _flat(calls: Iterable[Call]) -> Iterable[Call]:
    for call in calls:
        yield call
        yield from call.commands


def without_secrets(params: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the parameters as sent, minus credentials and a batch's raw commands (they are `Call.commands`)."""
    return {str(key): value for key, value in params.items() if str(key).lower() not in _LEFT_OUT}
