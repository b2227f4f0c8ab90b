"""Time zones as the pinned tzdata package has them, whatever zone files the machine brings.

A zone is seen as stretches of a constant offset. That makes gaps, overlaps, lost and repeated days plain arithmetic,
where `datetime.fold` only helps with one change at a time. Seconds here count from 1970-01-01T00:00:00, of UTC for
instants and of the zone's own clocks for local times.
"""

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class Stretch(NamedTuple):
    """A time without change of offset: ``[start, end)`` in UTC seconds, and the seconds to add for local time."""

    start: int
    end: int
    offset: int


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name there is, links such as ``Europe/Kiev`` included."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that exact name.

    Raises:
        LookupError: IANA knows no such name. Nothing else is ever opened, whatever ``name`` is.
    """
    if name not in zone_names():
        raise LookupError(name)
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def instant(seconds: int) -> datetime:
    """UTC seconds as an aware `datetime`."""
    return EPOCH + timedelta(seconds=seconds)


def seconds(moment: datetime) -> int:
    """An aware moment as whole UTC seconds, rounded down.

    Raises:
        ValueError: it is naive.
    """
    if moment.utcoffset() is None:
        raise ValueError("a moment needs its offset from UTC")
    return (moment - EPOCH) // _SECOND


def stretches(name: str, start: int, end: int) -> list[Stretch]:
    """The zone's stretches that meet ``[start, end)``, in order and without holes."""
    years = range(instant(start).year, instant(end).year + 1)
    return [stretch for year in years for stretch in _year(name, year) if stretch.end > start and stretch.start < end]


@lru_cache(maxsize=1024)
def _year(name: str, year: int) -> tuple[Stretch, ...]:
    """One UTC year, probed once a day: no zone has ever changed twice within a week (a test watches tzdata for it)."""
    place = zone(name)
    begin, end = seconds(datetime(year, 1, 1, tzinfo=UTC)), seconds(datetime(year + 1, 1, 1, tzinfo=UTC))
    found: list[Stretch] = []
    start, offset = begin, _offset(place, begin)
    for midnight in range(begin + DAY, end + 1, DAY):
        if (then := _offset(place, midnight)) != offset:
            change = _first_with(place, then, midnight - DAY, midnight)
            found.append(Stretch(start, change, offset))
            start, offset = change, then
    if start < end:
        found.append(Stretch(start, end, offset))
    return tuple(found)


def _offset(place: ZoneInfo, at: int) -> int:
    moment = instant(at)
    return (moment.astimezone(place).replace(tzinfo=UTC) - moment) // _SECOND


def _first_with(place: ZoneInfo, offset: int, before: int, after: int) -> int:
    """The first second in ``(before, after]`` that has the offset; the one change between them leads to it."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(place, middle) == offset:
            after = middle
        else:
            before = middle
    return after
