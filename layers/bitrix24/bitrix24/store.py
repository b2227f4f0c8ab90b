"""What clients remember beyond one call, and a store for processes that live long."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from bitrix24.auth import Credentials, OAuth


class Store(Protocol):
    """What an account must remember beyond its own process. Webhooks need the first three methods only."""

    def pauses(self) -> Mapping[str, datetime]:
        """Until when a method, or ``EVERY_METHOD``, must not be called, and ``CROWD``; also instants that are over."""

    def pause(self, method: str, until: datetime) -> None:
        """Remembers not to call ``method``, or ``EVERY_METHOD``, before ``until``."""

    def may_wait(self, now: datetime, until: datetime, most: int) -> bool:
        """Whether a call that met the portal's full bucket is among the first ``most`` to do so, in whatever process.

        They are counted from the first one's ``now`` to its ``until``, and then anew. When there are as many, `pauses`
        has ``CROWD`` until then.
        """

    def load(self) -> Credentials:
        """The credentials as they are stored now, not as somebody has cached them."""

    def save(self, document: Mapping[str, Any]) -> None:
        """Stores an OAuth account's credentials. They are not used before this has returned."""

    def lock_refresh(self, now: datetime, until: datetime) -> bool:
        """Takes the right to refresh the tokens, unless somebody has it; it ends at ``until`` by itself."""

    def unlock_refresh(self) -> None:
        """Gives that right back."""


class MemoryStore:
    """A store for one account in one process that lives long. Thread-safe."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._pauses: dict[str, datetime] = {}
        self._refreshing = threading.Lock()

    def pauses(self) -> Mapping[str, datetime]:
        """See `Store`."""
        return dict(self._pauses)

    def pause(self, method: str, until: datetime) -> None:
        """See `Store`."""
        self._pauses[method] = until

    def may_wait(self, now: datetime, until: datetime, most: int) -> bool:  # noqa: ARG002
        """See `Store`. In one process its `PortalLimits` tells how long one more would wait."""
        return True

    def load(self) -> Credentials:
        """See `Store`."""
        return self._credentials

    def save(self, document: Mapping[str, Any]) -> None:
        """See `Store`."""
        self._credentials = OAuth.parse(document)

    def lock_refresh(self, now: datetime, until: datetime) -> bool:  # noqa: ARG002  it ends with the process
        """See `Store`."""
        return self._refreshing.acquire(blocking=False)

    def unlock_refresh(self) -> None:
        """See `Store`."""
        self._refreshing.release()
