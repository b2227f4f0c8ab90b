"""Entries in order, added and removed one by one."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, Final

Entry = tuple[Any, ...]

_FULL = 1000
_last = itemgetter(-1)


class _Top:
    """Behind everything."""

    def __lt__(self, other: object) -> bool:
        return False

    def __le__(self, other: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return True

    def __ge__(self, other: object) -> bool:
        return True


TOP: Final = _Top()


class Ordered:
    """A sorted list in pieces, so that a change moves at most some hundred entries, however many there are."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[list[Entry]] = []

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, entry: Entry) -> None:
        """Puts a new entry in its place."""
        pieces = self._pieces
        if not pieces:
            pieces.append([entry])
            return
        at = self._piece(entry)
        piece = pieces[at]
        insort(piece, entry)
        if len(piece) > _FULL:
            pieces.insert(at + 1, piece[_FULL // 2 :])
            del piece[_FULL // 2 :]

    def remove(self, entry: Entry) -> None:
        """Takes an entry out that is there."""
        at = self._piece(entry)
        piece = self._pieces[at]
        del piece[bisect_left(piece, entry)]
        if not piece:
            del self._pieces[at]

    def between(self, low: Entry, high: Entry, *, backwards: bool = False) -> Iterator[Entry]:
        """The entries from ``low`` on and before ``high``.

        A shorter tuple comes before all that begin with it; ``(x, TOP)`` comes behind all that begin with ``x``.
        """
        if not self._pieces:
            return iter(())
        return self._falling(low, high) if backwards else self._rising(low, high)

    def _rising(self, low: Entry, high: Entry) -> Iterator[Entry]:
        at = self._piece(low)
        start = bisect_left(self._pieces[at], low)
        for piece in self._pieces[at:]:
            for index in range(start, len(piece)):
                entry = piece[index]
                if entry >= high:
                    return
                yield entry
            start = 0

    def _falling(self, low: Entry, high: Entry) -> Iterator[Entry]:
        at = self._piece(high)
        end = bisect_left(self._pieces[at], high)
        for piece in reversed(self._pieces[: at + 1]):
            for index in reversed(range(min(end, len(piece)))):
                entry = piece[index]
                if entry < low:
                    return
                yield entry
            end = _FULL

    def _piece(self, entry: Entry) -> int:
        """The first piece that reaches as far as the entry, else the last."""
        pieces = self._pieces
        if len(pieces) == 1:
            return 0
        return min(bisect_left(pieces, entry, key=_last), len(pieces) - 1)
