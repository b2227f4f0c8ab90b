"""Windows agree with the slow oracle on the days around every kind of change there is."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import All
from chat_mute.quiet_hours.windows import Window, occurrences, united
from tests.unit.quiet_hours_domain import oracle

CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Africa/Cairo", "2026-04-24"),
    ("Africa/Cairo", "2026-10-29"),
    ("Asia/Beirut", "2026-03-29"),
    ("Asia/Beirut", "2026-10-24"),
    ("Asia/Kathmandu", "2026-03-29"),
    ("Asia/Kathmandu", "1986-01-01"),
    ("Pacific/Apia", "2011-12-30"),
    ("America/Havana", "2025-03-09"),
    ("America/Havana", "2025-11-02"),
    ("Atlantic/Azores", "2026-03-29"),
    ("Atlantic/Azores", "2026-10-25"),
    ("Pacific/Kwajalein", "1969-09-30"),
    ("Antarctica/Troll", "2026-10-25"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Nuuk", "2023-03-25"),
    ("Pacific/Kiritimati", "1994-12-31"),
    ("Asia/Pyongyang", "2018-05-04"),
    ("Africa/Casablanca", "2026-02-15"),
]
MINUTES = st.integers(0, 1439)
CLOSE = st.integers(-90, 90)


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int]:
    """Half of them short, half of any length."""
    start = draw(MINUTES)
    end = draw(
        st.integers(1, 1440) if draw(st.booleans()) else st.integers(1, 90).map(lambda long: (start + long) % 1440)
    )
    return start, end if end != start else 1440


def timetable(zone: str, *windows: tuple[int, int]) -> Policy:
    return Policy("p", zone, tuple(Window(start, end, tuple(range(7))) for start, end in windows), {}, All())


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@settings(max_examples=60)
@given(window=windows(), offset=st.integers(-2, 2))
@example(window=(0, 1440), offset=0)
@example(window=(1350, 150), offset=-1)
@example(window=(60, 120), offset=0)
def test_an_occurrence_is_the_smallest_interval_with_every_such_local_time(
    zone: str, change: str, window: tuple[int, int], offset: int
) -> None:
    day = date.fromisoformat(change) + timedelta(days=offset)
    expected = oracle.occurrence(zone, day, *window)
    assert occurrences(timetable(zone, window), day, day) == ([expected] if expected else [])


@pytest.mark.parametrize(("zone", "change"), CHANGES[::2])
@settings(max_examples=15)
@given(several=st.lists(windows(), min_size=2, max_size=4))
def test_united_windows_cover_exactly_what_their_occurrences_do(
    zone: str, change: str, several: list[tuple[int, int]]
) -> None:
    day = date.fromisoformat(change)
    days = [day + timedelta(days=offset) for offset in (-1, 0, 1)]
    single = [found for each in days for window in several if (found := oracle.occurrence(zone, each, *window))]
    whole = united(occurrences(timetable(zone, *several), days[0], days[-1]))
    pause = timedelta(seconds=60)
    for instant, _ in oracle.clock(zone, day):
        inside = any(start <= instant < end for start, end in single)
        before = any(start < instant and instant - end < pause for start, end in single)
        bridged = before and any(instant < start <= instant + pause for start, _ in single)
        assert any(start <= instant < end for start, end in whole) == (inside or bridged), instant


@pytest.mark.parametrize(
    ("start", "end", "day"),
    [
        (1320, 50, "1972-01-06"),
        (0, 44, "1972-01-07"),
        (30, 90, "1972-01-07"),
        (0, 1440, "1972-01-05"),
        (1439, 1, "1972-01-06"),
    ],
)
def test_second_by_second_where_an_offset_has_seconds(start: int, end: int, day: str) -> None:
    that = date.fromisoformat(day)
    expected = oracle.occurrence("Africa/Monrovia", that, start, end, step=1)
    assert occurrences(timetable("Africa/Monrovia", (start, end)), that, that) == ([expected] if expected else [])
