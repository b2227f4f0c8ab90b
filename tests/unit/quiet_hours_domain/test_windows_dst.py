"""Windows on the days when clocks change, one by one."""

import pytest

from chat_mute.quiet_hours.windows import Interval, is_quiet
from tests.unit.quiet_hours_domain.builders import at, on, policy, span

BERLIN = "Europe/Berlin"
GAP, OVERLAP = "2026-03-29", "2026-10-25"
"""Berlin: 02:00 becomes 03:00 at 01:00 UTC; 03:00 becomes 02:00 at 01:00 UTC."""


@pytest.mark.parametrize(
    ("day", "window", "expected"),
    [
        # what other schedulers get wrong
        ("2026-03-28", "22:00-02:30", span("2026-03-28 21:00", "2026-03-29 01:00")),
        (GAP, "02:15-06:00", span("2026-03-29 01:00", "2026-03-29 04:00")),
        (GAP, "02:10-02:50", None),
        ("2026-10-24", "22:00-02:30", span("2026-10-24 20:00", "2026-10-25 01:30")),
        (OVERLAP, "02:15-06:00", span("2026-10-25 00:15", "2026-10-25 05:00")),
        ("2026-03-28", "22:00-07:00", span("2026-03-28 21:00", "2026-03-29 05:00")),
        ("2026-10-24", "22:00-07:00", span("2026-10-24 20:00", "2026-10-25 06:00")),
        # edges of the gap
        (GAP, "01:00-02:00", span("2026-03-29 00:00", "2026-03-29 01:00")),
        (GAP, "02:00-03:00", None),
        (GAP, "02:00-03:01", span("2026-03-29 01:00", "2026-03-29 01:01")),
        (GAP, "01:59-02:30", span("2026-03-29 00:59", "2026-03-29 01:00")),
        (GAP, "03:00-04:00", span("2026-03-29 01:00", "2026-03-29 02:00")),
        (GAP, "00:00-24:00", span("2026-03-28 23:00", "2026-03-29 22:00")),
        # edges of the overlap
        (OVERLAP, "01:00-02:00", span("2026-10-24 23:00", "2026-10-25 00:00")),
        (OVERLAP, "02:00-03:00", span("2026-10-25 00:00", "2026-10-25 02:00")),
        (OVERLAP, "03:00-04:00", span("2026-10-25 02:00", "2026-10-25 03:00")),
        (OVERLAP, "02:30-02:31", span("2026-10-25 00:30", "2026-10-25 01:31")),
        (OVERLAP, "00:00-24:00", span("2026-10-24 22:00", "2026-10-25 23:00")),
    ],
)
def test_berlin(day: str, window: str, expected: Interval | None) -> None:
    assert on(day, window, BERLIN) == expected


@pytest.mark.parametrize(
    ("zone", "day", "window", "expected"),
    [
        # half an hour: 02:00 becomes 01:30 on 2026-04-05 at 15:00 UTC of the day before; 02:00 becomes 02:30 in October
        ("Australia/Lord_Howe", "2026-04-05", "01:40-01:50", span("2026-04-04 14:40", "2026-04-04 15:20")),
        ("Australia/Lord_Howe", "2026-04-04", "22:00-01:45", span("2026-04-04 11:00", "2026-04-04 15:15")),
        ("Australia/Lord_Howe", "2026-10-04", "02:00-02:30", None),
        ("Australia/Lord_Howe", "2026-10-04", "02:10-03:00", span("2026-10-03 15:30", "2026-10-03 16:00")),
        # midnight is skipped: 24:00 of the 23rd is 01:00 of the 24th
        ("Africa/Cairo", "2026-04-24", "00:00-08:00", span("2026-04-23 22:00", "2026-04-24 05:00")),
        ("Africa/Cairo", "2026-04-23", "22:00-00:30", span("2026-04-23 20:00", "2026-04-23 22:00")),
        ("Africa/Cairo", "2026-04-23", "22:00-24:00", span("2026-04-23 20:00", "2026-04-23 22:00")),
        ("Africa/Cairo", "2026-04-24", "00:00-01:00", None),
        # the last hour of a date repeats: it belongs to that date
        ("Africa/Cairo", "2026-10-29", "23:30-24:00", span("2026-10-29 20:30", "2026-10-29 22:00")),
        ("Africa/Cairo", "2026-10-29", "22:00-23:00", span("2026-10-29 19:00", "2026-10-29 20:00")),
        ("Africa/Cairo", "2026-10-30", "00:00-01:00", span("2026-10-29 22:00", "2026-10-29 23:00")),
        ("Asia/Beirut", "2026-03-29", "00:00-06:00", span("2026-03-28 22:00", "2026-03-29 03:00")),
        ("Asia/Beirut", "2026-10-24", "23:00-07:00", span("2026-10-24 20:00", "2026-10-25 05:00")),
        # the first hour of a date repeats
        ("America/Havana", "2025-11-02", "00:30-00:45", span("2025-11-02 04:30", "2025-11-02 05:45")),
        ("America/Havana", "2025-11-01", "22:00-24:00", span("2025-11-02 02:00", "2025-11-02 04:00")),
        ("America/Havana", "2026-03-08", "00:00-01:00", None),
        ("Atlantic/Azores", "2026-10-25", "00:00-00:30", span("2026-10-25 00:00", "2026-10-25 01:30")),
        ("Atlantic/Azores", "2026-10-24", "23:00-00:30", span("2026-10-24 23:00", "2026-10-25 01:30")),
        # a quarter to: no clock changes, and the law of 1986
        ("Asia/Kathmandu", "2026-03-29", "22:00-07:00", span("2026-03-29 16:15", "2026-03-30 01:15")),
        ("Asia/Kathmandu", "1985-12-31", "22:00-00:10", span("1985-12-31 16:30", "1985-12-31 18:30")),
        # a date that never was
        ("Pacific/Apia", "2011-12-30", "00:00-24:00", None),
        ("Pacific/Apia", "2011-12-30", "09:00-17:00", None),
        ("Pacific/Apia", "2011-12-30", "22:00-07:00", span("2011-12-30 10:00", "2011-12-30 17:00")),
        ("Pacific/Apia", "2011-12-29", "22:00-07:00", span("2011-12-30 08:00", "2011-12-30 10:00")),
        ("Pacific/Apia", "2011-12-31", "00:00-01:00", span("2011-12-30 10:00", "2011-12-30 11:00")),
        # a date that was twice
        ("Pacific/Kwajalein", "1969-09-30", "23:30-24:00", span("1969-09-30 12:30", "1969-10-01 12:00")),
        # the last hours of the next date, west of Greenwich: two days later in UTC
        ("America/Nuuk", "2023-03-24", "23:00-22:45", span("2023-03-25 02:00", "2023-03-26 01:00")),
        # the last date of a year is skipped
        ("Pacific/Kiritimati", "1994-12-30", "22:00-07:00", span("1994-12-31 08:00", "1994-12-31 10:00")),
        ("Pacific/Kiritimati", "1994-12-31", "22:00-07:00", span("1994-12-31 10:00", "1994-12-31 17:00")),
        # an offset with seconds: 44:30 behind until 1972
        ("Africa/Monrovia", "1972-01-06", "22:00-00:50", span("1972-01-06 22:44:30", "1972-01-07 00:50")),
        ("Africa/Monrovia", "1972-01-07", "00:10-00:44", None),
    ],
)
def test_elsewhere(zone: str, day: str, window: str, expected: Interval | None) -> None:
    assert on(day, window, zone) == expected


def test_quiet_in_the_repeated_hour_does_not_flap() -> None:
    night = policy("22:00-02:30")
    assert is_quiet([night], at("2026-10-25 00:45")), "02:45, the first time: later than the end, but it comes again"
    assert is_quiet([night], at("2026-10-25 01:29:59.999999"))
    assert not is_quiet([night], at("2026-10-25 01:30"))


def test_one_zone_under_two_names_is_the_same() -> None:
    assert on(GAP, "02:15-06:00", "Arctic/Longyearbyen") == on(GAP, "02:15-06:00", BERLIN)
