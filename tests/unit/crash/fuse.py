"""Cutting a process off at one of its calls."""

from typing import Any, Literal, Protocol

When = Literal["before", "after"]


class Killed(BaseException):
    """The process is gone. Nothing catches it: a dead process handles no exceptions."""


class Fuse:
    """Counts the calls of a process to the outside, and ends the process at one of them.

    Attributes:
        calls: what has been called so far, e.g. ``put_item``.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._at: int | None = None
        self._when: When = "before"
        self._blown = False

    def set(self, at: int, when: When) -> None:
        """Ends the process at its call number ``at``, before or after that took effect."""
        self._at, self._when = at, when

    @property
    def blown(self) -> bool:
        """Whether the process is gone."""
        return self._blown

    def mend(self) -> None:
        """A new process begins; it is not cut off."""
        self._at, self._blown = None, False

    def wrap(self, client: Any) -> Any:
        """A client whose calls are counted."""
        return Counted(client, self)

    def call(self, operation: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """One call. A dead process calls nothing, whichever of its threads would."""
        if self._blown:
            raise Killed
        mine = len(self.calls)
        self.calls.append(name)
        if mine == self._at and self._when == "before":
            self._blown = True
            raise Killed
        result = operation(*args, **kwargs)
        if mine == self._at:
            self._blown = True
            raise Killed
        return result


class Calls(Protocol):
    """Who is told of each call, and makes it."""

    def call(self, operation: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """One call."""


class Counted:
    """A client whose calls go through somebody."""

    def __init__(self, client: Any, calls: Calls) -> None:
        self._client = client
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        """The client's own; an operation goes through `Calls.call`."""
        found = getattr(self._client, name)
        if name.startswith("_") or name in {"exceptions", "meta"} or not callable(found):
            return found
        return lambda *args, **kwargs: self._calls.call(found, name, *args, **kwargs)
