"""Ten years of random windows in every zone there is: nothing skipped, nothing cut short, nothing twice."""

import random
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from chat_mute.quiet_hours import zones
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import All
from chat_mute.quiet_hours.windows import Interval, Window, occurrences, united

SECOND = timedelta(seconds=1)
REGIONS = ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific", ""]
"""The last is for the names of no such region."""


def of_region(region: str) -> list[str]:
    if region:
        return sorted(name for name in zones.zone_names() if name.startswith(region + "/"))
    return sorted(name for name in zones.zone_names() if name.split("/")[0] not in REGIONS)


@cache
def distinct() -> frozenset[str]:
    """One name of each zone: a link has the very bytes of what it stands for."""
    files = {name: resources.files("tzdata").joinpath("zoneinfo", *name.split("/")) for name in zones.zone_names()}
    return frozenset({files[name].read_bytes(): name for name in sorted(files)}.values())


def test_every_zone_is_checked_under_one_of_its_names() -> None:
    assert sorted(name for region in REGIONS for name in of_region(region)) == sorted(zones.zone_names())
    assert len(distinct()) > 300


@pytest.mark.parametrize("region", REGIONS)
def test_ten_years(region: str) -> None:
    for name in of_region(region):
        if name not in distinct():
            continue
        chance = random.Random(name)
        first = date(chance.randrange(1950, 2040), 1, 1)
        last = first.replace(year=first.year + 10)
        start = chance.randrange(1440)
        end = chance.choice(
            [1440, (start + chance.randrange(1, 1440)) % 1440, (start + chance.randrange(1, 60)) % 1440]
        )
        window = Window(start, end, tuple(range(7)))
        check(name, window, first, last)


def check(name: str, window: Window, first: date, last: date) -> None:
    asked = timedelta(minutes=window.end - window.start, days=0 if window.end > window.start else 1)
    found = occurrences(Policy("p", name, (window,), {}, All()), first, last)
    where = (name, window)
    assert all(interval.start < interval.end for interval in found), where
    assert all(a.start < b.start and a.end <= b.end for a, b in pairwise(found)), where
    whole = united(found)
    assert all(b.start - a.end > timedelta(minutes=1) for a, b in pairwise(whole)), where
    assert all(any(a.start <= b.start and b.end <= a.end for a in whole) for b in found[:3]), where

    place = ZoneInfo(name)
    changing = days_of_change(place, first, last)
    odd = [interval for interval in found if interval.end - interval.start != asked]
    assert all(local(place, interval.start).date() in changing for interval in odd), where
    days = (last - first).days + 1
    assert days - len(changing) <= len(found) <= days, where
    for day in changing:
        at_edges(place, window, asked, day, occurrences(Policy("p", name, (window,), {}, All()), day, day))


def days_of_change(place: ZoneInfo, first: date, last: date) -> set[date]:
    """The dates from two days before to two days after each change of offset."""
    changing: set[date] = set()
    noon = datetime.combine(first, time(12), UTC) - timedelta(days=3)
    before = noon.astimezone(place).utcoffset()
    while noon.date() <= last + timedelta(days=3):
        noon += timedelta(days=1)
        if (offset := noon.astimezone(place).utcoffset()) != before:
            changing |= {noon.date() + timedelta(days=days) for days in range(-3, 4)}
            before = offset
    return {day for day in changing if first <= day <= last}


def at_edges(place: ZoneInfo, window: Window, asked: timedelta, day: date, found: list[Interval]) -> None:
    """Holds an occurrence against what `fold` says of its two edges."""
    where = (place.key, window, day)
    start = datetime.combine(day, time.min) + timedelta(minutes=window.start)
    final = start + asked - SECOND
    if not found:
        assert not exists(place, start), where
        assert not exists(place, final), where
        assert not exists(place, start + asked / 2), where
        return
    (interval,) = found
    if exists(place, start):
        assert interval.start == instant(place, start, fold=0), where
        assert interval.end - interval.start >= asked or not exists(place, final) or gap_inside(place, interval), where
    else:
        assert local(place, interval.start - SECOND) < start < local(place, interval.start), where
    if exists(place, final):
        assert interval.end == instant(place, final, fold=1) + SECOND, where
    else:
        assert local(place, interval.end - SECOND) < final < local(place, interval.end), where


def instant(place: ZoneInfo, wall: datetime, *, fold: int) -> datetime:
    return wall.replace(tzinfo=place, fold=fold).astimezone(UTC)


def local(place: ZoneInfo, moment: datetime) -> datetime:
    return moment.astimezone(place).replace(tzinfo=None, fold=0)


def exists(place: ZoneInfo, wall: datetime) -> bool:
    return local(place, instant(place, wall, fold=0)) == wall


def gap_inside(place: ZoneInfo, interval: Interval) -> bool:
    offsets = [edge.astimezone(place).utcoffset() for edge in interval]
    return offsets[0] is not None and offsets[1] is not None and offsets[0] < offsets[1]
