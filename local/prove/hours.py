"""When it is quiet, found out minute by minute with `zoneinfo`: slow, simple, and independent of the service's own."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

MINUTE, DAY = 60, 1440
"""Seconds of a minute, minutes of a day. Instants here are whole minutes since 1970, of UTC or of local clocks."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = date(1970, 1, 1).toordinal()
Span = tuple[int, int]


@lru_cache(maxsize=64)
def local_minutes(name: str, first: int, last: int) -> Mapping[int, Span]:
    """Each local minute's first and last minute of UTC in ``[first, last)``."""
    place, seen = zone(name), dict[int, Span]()
    for minute in range(first, last):
        here = datetime.fromtimestamp(minute * MINUTE, place)
        local = (here.toordinal() - _EPOCH) * DAY + here.hour * 60 + here.minute
        seen[local] = (seen[local][0] if local in seen else minute, minute)
    return seen


class Hours:
    """Quiet times in a stretch of UTC, as spans ``[start, end)`` in order, none touching another."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans = tuple(spans)
        self._edges = [edge for span in self.spans for edge in span]

    def at(self, minute: float) -> Span | None:
        """The span that runs at an instant."""
        before = bisect_right(self._edges, minute)
        return self.spans[before // 2] if before % 2 else None

    def coming(self, minute: float) -> Span | None:
        """The span that runs at an instant, else the next."""
        return next((span for span in self.spans if span[1] > minute), None)

    def edges(self, since: float, until: float) -> list[int]:
        """The edges in ``(since, until]``."""
        return self._edges[bisect_right(self._edges, since) : bisect_right(self._edges, until)]

    def next_edge(self, minute: float) -> float:
        """The first edge after an instant."""
        after = bisect_right(self._edges, minute)
        return self._edges[after] if after < len(self._edges) else float("inf")


def united(parts: Iterable[Span], first: int, last: int) -> Hours:
    """The minutes of all parts; a single minute between two of them is quiet too."""
    minutes = bytearray(last - first)
    for part in parts:
        start, end = max(part[0], first) - first, min(part[1], last) - first
        minutes[start:end] = b"\x01" * max(0, end - start)
    for minute in range(1, len(minutes) - 1):
        if minutes[minute - 1] and minutes[minute + 1]:
            minutes[minute] = 1
    return Hours((first + match.start(), first + match.end()) for match in re.finditer(b"\x01+", minutes))


def hours(policies: Sequence[tuple[Mapping[str, Any], Span | None]], first: int, last: int) -> Hours:
    """The united quiet times of some policies, each with the span that is skipped of it."""
    parts: list[Span] = []
    for document, skipped in policies:
        if not document.get("enabled", True):
            continue
        mine = policy_hours(document, first, last).spans
        if skipped is not None:
            cut = [((a, min(b, skipped[0])), (max(a, skipped[1]), b)) for a, b in mine]
            mine = tuple(part for pair in cut for part in pair if part[0] < part[1])
        parts += mine
    return united(parts, first, last)


def policy_hours(document: Mapping[str, Any], first: int, last: int) -> Hours:
    """One policy's united windows, whether it is enabled or not, none skipped."""
    times = local_minutes(document["timezone"], first, last)
    parts: list[Span] = []
    for day in range(first // DAY - 2, last // DAY + 3):
        midnight, when = day * DAY, date.fromordinal(_EPOCH + day)
        for window in _windows_of(document, when):
            start, end = _clock(window["start"]), _clock(window["end"])
            end = end if end > start else end + DAY
            seen = [times[local] for local in range(midnight + start, midnight + end) if local in times]
            if seen:
                parts.append((min(span[0] for span in seen), max(span[1] for span in seen) + 1))
    return united(parts, first, last)


def _windows_of(document: Mapping[str, Any], when: date) -> list[Mapping[str, str]]:
    dates = document.get("dates") or {}
    if when.isoformat() in dates:
        return list(dates[when.isoformat()])
    return [window for window in document["windows"] if DAYS[when.weekday()] in window["days"]]


def _clock(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def minutes(moment: datetime) -> float:
    """An aware moment in minutes."""
    return moment.timestamp() / MINUTE


def instant(minute: float) -> datetime:
    """The same as an aware moment."""
    return datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(minutes=minute)


# ---- which chats ----------------------------------------------------------------------------------------------------


def zone(name: str) -> ZoneInfo:
    """A time zone by the pinned package, not by the machine's own files: laws change."""
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@dataclass(frozen=True)
class Named:
    """A chat as a policy's ``chats`` see it: its names, its types in lower case, its title."""

    ids: frozenset[str]
    kinds: frozenset[str]
    title: str


def means(chats: Mapping[str, Any], chat: Named) -> bool:
    """Whether a selection means a chat, mutable or not."""
    if "only" in chats:
        return not chat.ids.isdisjoint(str(name).lower() for name in chats["only"])
    workgroup = "sonetgroup" in chat.kinds or any(name.startswith("sg") for name in chat.ids)
    return (
        (not workgroup or bool(chats.get("workgroups")))
        and (not chats.get("types") or any(kind.casefold() in chat.kinds for kind in chats["types"]))
        and chat.ids.isdisjoint(str(name).lower() for name in chats.get("except") or ())
        and (chats.get("title") is None or _matches(chats["title"], chat.title))
    )


def _matches(glob: str, title: str) -> bool:
    pattern = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in _folded(glob))
    return re.fullmatch(pattern, _folded(title), re.DOTALL) is not None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
