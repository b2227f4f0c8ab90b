"""Union, what runs now, what comes next, skips, and how far and how fast all that looks."""

import time
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_mute.quiet_hours import windows, zones
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.windows import BEGINNING, FOREVER, Interval
from tests.unit.quiet_hours_domain.builders import WEEK, at, policy, span

OFFICE = policy("19:00-08:00", zone="Europe/Berlin", days=["mon", "tue", "wed", "thu", "fri"])
XMAS = policy(dates={"2026-12-25": [{"start": "00:00", "end": "24:00"}]})


# ---- union ----------------------------------------------------------------------------------------------------------


def test_intervals_unite_where_they_touch_overlap_or_lie_a_minute_apart() -> None:
    apart = [span("2026-01-01 10:00", "2026-01-01 11:00"), span("2026-01-01 11:01:01", "2026-01-01 12:00")]
    assert windows.united(reversed(apart)) == apart
    bridged = [span("2026-01-01 10:00", "2026-01-01 11:00"), span("2026-01-01 11:01", "2026-01-01 12:00")]
    assert windows.united(bridged) == [span("2026-01-01 10:00", "2026-01-01 12:00")]
    inside = [span("2026-01-01 10:00", "2026-01-01 15:00"), span("2026-01-01 11:00", "2026-01-01 12:00")]
    assert windows.united(inside) == inside[:1]
    assert windows.united([]) == []


def test_windows_belong_to_the_day_they_start_on() -> None:
    friday = policy("22:00-07:00", zone="UTC", days=["fri"])
    assert windows.occurrences(friday, date(2026, 1, 1), date(2026, 1, 7)) == [
        span("2026-01-02 22:00", "2026-01-03 07:00")
    ]


def test_dates_replace_the_windows_that_start_on_them() -> None:
    plan = policy(
        "22:00-07:00", zone="UTC", dates={"2026-01-02": [], "2026-01-03": [{"start": "12:00", "end": "13:00"}]}
    )
    assert windows.quiet_times([plan], at("2026-01-01 12:00"), at("2026-01-05 00:00")) == [
        span("2026-01-01 22:00", "2026-01-02 07:00"),
        span("2026-01-03 12:00", "2026-01-03 13:00"),
        span("2026-01-04 22:00", "2026-01-05 07:00"),
    ]


def test_until_midnight_and_from_midnight_is_one_window() -> None:
    weekend = policy("00:00-24:00", zone="UTC", days=["sat", "sun"])
    assert windows.running_or_next([weekend], at("2026-01-01 12:00")) == span("2026-01-03 00:00", "2026-01-05 00:00")
    assert windows.quiet_until([policy("22:00-23:59", "00:00-07:00", zone="UTC")], at("2026-01-01 23:59:30")) == at(
        "2026-01-02 07:00"
    )


def test_windows_that_only_touch_a_time_do_not_meet_it() -> None:
    night = policy("22:00-07:00", zone="UTC")
    assert windows.quiet_times([night], at("2026-01-02 07:00"), at("2026-01-02 22:00")) == []
    assert len(windows.quiet_times([night], at("2026-01-02 06:59:59"), at("2026-01-02 22:00:01"))) == 2


# ---- now and next ---------------------------------------------------------------------------------------------------


def test_half_open() -> None:
    night = policy("22:00-07:00", zone="UTC")
    for moment, quiet in [("21:59:59.999999", False), ("22:00", True), ("06:59:59.999999", True), ("07:00", False)]:
        assert windows.is_quiet([night], at(f"2026-01-02 {moment}")) is quiet


def test_next_change_is_always_later() -> None:
    night = policy("22:00-07:00", zone="UTC")
    assert windows.next_change([night], at("2026-01-02 22:00")) == at("2026-01-03 07:00")
    assert windows.next_change([night], at("2026-01-02 07:00")) == at("2026-01-02 22:00")
    assert windows.next_change([night], at("2026-01-02 21:59:59.999999")) == at("2026-01-02 22:00")


def test_any_offset_is_the_same_instant() -> None:
    night = policy("22:00-07:00", zone="UTC")
    tokyo = at("2026-01-02 22:00").astimezone(timezone(timedelta(hours=9)))
    assert windows.next_change([night], tokyo) == at("2026-01-03 07:00")


def test_several_policies_are_one_quiet_time() -> None:
    evening, night = policy("18:00-22:00", zone="UTC"), policy("22:01-06:00", zone="UTC")
    for both in ([evening, night], [night, evening]):
        assert windows.running_or_next(both, at("2026-01-01 12:00")) == span("2026-01-01 18:00", "2026-01-02 06:00")
        assert windows.is_quiet(both, at("2026-01-01 22:00:30"))
        assert windows.next_change(both, at("2026-01-01 22:00:30")) == at("2026-01-02 06:00")


def test_nothing_is_never_quiet() -> None:
    now = at("2026-01-01 12:00")
    assert windows.running_or_next([], now) is None
    assert windows.next_change([], now) is None
    assert windows.quiet_until([], now) is None
    assert windows.quiet_times([], now, now + timedelta(days=366)) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2025-12-25 12:00", span("2026-12-24 23:00", "2026-12-25 23:00")),
        ("2025-12-16 00:00", span("2026-12-24 23:00", "2026-12-25 23:00")),
        ("2025-12-15 00:00", None),
        ("2026-12-25 12:00", span("2026-12-24 23:00", "2026-12-25 23:00")),
        ("2026-12-25 23:00", None),
        ("2030-01-01 00:00", None),
    ],
)
def test_a_date_is_seen_a_year_ahead(now: str, expected: Interval | None) -> None:
    assert windows.running_or_next([XMAS], at(now)) == expected
    change = expected and (expected.start if expected.start > at(now) else expected.end)
    assert windows.next_change([XMAS], at(now)) == change


def test_long_holidays_are_seen_whole() -> None:
    days = {
        (date(2026, 7, 1) + timedelta(days=n)).isoformat(): [{"start": "00:00", "end": "24:00"}] for n in range(100)
    }
    summer = policy(zone="UTC", dates=days)
    whole = span("2026-07-01 00:00", "2026-10-09 00:00")
    for now in ("2026-01-01 00:00", "2026-07-01 00:00", "2026-07-10 00:00", "2026-08-20 00:00", "2026-10-08 23:59"):
        assert windows.running_or_next([summer], at(now)) == whole
    assert windows.quiet_until([summer], at("2026-07-02 00:00")) == whole.end
    assert windows.quiet_times([summer], at("2026-08-01 00:00"), at("2026-08-02 00:00")) == [whole]


def test_the_last_shown_window_is_whole_too() -> None:
    days = {
        (date(2026, 7, 2) + timedelta(days=n)).isoformat(): [{"start": "00:00", "end": "24:00"}] for n in range(100)
    }
    summer = policy("12:00-13:00", zone="UTC", dates=days)
    assert windows.quiet_times([summer], at("2026-07-01 00:00"), at("2026-07-03 00:00")) == [
        span("2026-07-01 12:00", "2026-07-01 13:00"),
        span("2026-07-02 00:00", "2026-10-10 00:00"),
    ]


def test_quiet_that_never_ends() -> None:
    always = policy("00:00-24:00")
    now = at("2026-03-01 12:00")
    assert windows.running_or_next([always], now) == Interval(BEGINNING, FOREVER)
    assert windows.quiet_until([always], now) == FOREVER
    assert windows.next_change([always], now) is None
    assert windows.quiet_times([always], now, now + timedelta(days=14)) == [Interval(BEGINNING, FOREVER)]


def test_a_window_is_seen_that_begins_when_the_horizon_ends() -> None:
    far = policy(zone="UTC", dates={"2027-01-10": [{"start": "00:00", "end": "07:00"}]})
    horizon = at("2027-01-10 00:00") - timedelta(days=374)
    assert windows.running_or_next([far], horizon) == span("2027-01-10 00:00", "2027-01-10 07:00")
    assert windows.running_or_next([far], horizon - timedelta(seconds=1)) is None


def test_quiet_that_begins_a_year_ahead_still_shows_its_end() -> None:
    days = {
        (date(2027, 1, 1) + timedelta(days=n)).isoformat(): [{"start": "00:00", "end": "24:00"}] for n in range(300)
    }
    assert windows.running_or_next([policy(zone="UTC", dates=days)], at("2025-12-31 00:00")) == span(
        "2027-01-01 00:00", "2027-10-28 00:00"
    )


NOWS = st.integers(0, 370 * 24 * 60).map(lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute))
ZONES = st.sampled_from(
    ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Pacific/Apia", "UTC"]
)
TIMES = st.integers(0, 287).map(lambda slot: f"{slot // 12:02}:{slot % 12 * 5:02}")


@st.composite
def plans(draw: st.DrawFn) -> Policy:
    pairs = draw(st.lists(st.tuples(TIMES, TIMES).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=3))
    days = draw(st.lists(st.sampled_from(WEEK), min_size=1, max_size=7, unique=True))
    off = st.dates(date(2026, 1, 1), date(2027, 1, 9)).map(str)
    dates: dict[str, list[object]] = draw(st.dictionaries(off, st.builds(list), max_size=5))
    return policy(*[f"{start}-{end}" for start, end in pairs], zone=draw(ZONES), days=days, dates=dates)


@settings(max_examples=150)
@given(several=st.lists(plans(), min_size=1, max_size=3), now=NOWS)
def test_searches_agree_with_everything_laid_out(several: list[Policy], now: datetime) -> None:
    years = [windows.occurrences(each, date(2025, 11, 1), date(2027, 6, 30)) for each in several]
    whole = windows.united([one for each in several for one in windows.united(years[several.index(each)])])
    expected = next((each for each in whole if each.end > now), None)
    assert expected is not None
    running = expected.start <= now
    laid_out = expected.start > at("2025-11-03 00:00")  # else it may begin before what is laid out does
    if laid_out and expected.end - expected.start < timedelta(days=100):
        assert windows.running_or_next(several, now) == expected
        assert windows.quiet_until(several, now) == (expected.end if running else None)
        assert windows.next_change(several, now) == (expected.end if running else expected.start)
        until = now + timedelta(days=30)
        shown = [each for each in whole if each.end > now and each.start < until]
        assert windows.quiet_times(several, now, until) == shown


# ---- skips ----------------------------------------------------------------------------------------------------------


def skipping(plan: Policy, now: str) -> Policy:
    return Policy(
        plan.name, plan.zone, plan.windows, plan.dates, plan.selection, skipped=windows.running_or_next([plan], at(now))
    )


def test_a_skip_leaves_out_one_united_window() -> None:
    skipped = skipping(OFFICE, "2026-01-05 20:00")
    assert not windows.is_quiet([skipped], at("2026-01-05 20:00"))
    assert windows.running_or_next([skipped], at("2026-01-05 20:00")) == span("2026-01-06 18:00", "2026-01-07 07:00")
    assert windows.quiet_times([skipped], at("2026-01-04 00:00"), at("2026-01-07 00:00")) == [
        span("2026-01-06 18:00", "2026-01-07 07:00")
    ]


def test_a_skip_is_of_one_policy_only() -> None:
    other = policy("21:00-22:00", zone="UTC")
    both = [skipping(OFFICE, "2026-01-05 20:00"), other]
    assert windows.running_or_next(both, at("2026-01-05 20:00")) == span("2026-01-05 21:00", "2026-01-05 22:00")


def test_a_skip_of_endless_quiet_is_endless() -> None:
    assert (
        windows.running_or_next([skipping(policy("00:00-24:00"), "2026-01-05 20:00")], at("2026-02-05 20:00")) is None
    )


def test_a_skip_takes_only_its_own_time_from_windows_that_have_changed_since() -> None:
    later = Policy(
        OFFICE.name,
        "UTC",
        policy("18:00-12:00").windows,
        {},
        OFFICE.selection,
        skipped=span("2026-01-05 19:00", "2026-01-06 08:00"),
    )
    assert windows.quiet_times([later], at("2026-01-05 17:00"), at("2026-01-06 13:00")) == [
        span("2026-01-05 18:00", "2026-01-05 19:00"),
        span("2026-01-06 08:00", "2026-01-06 12:00"),
    ]


# ---- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function", [windows.running_or_next, windows.quiet_until, windows.next_change, windows.is_quiet]
)
def test_a_naive_now_is_refused(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="offset"):
        function([OFFICE], datetime(2026, 1, 1))  # noqa: DTZ001 - that is the fault


@pytest.mark.parametrize("year", [1899, 9901])
def test_years_out_of_reach_are_refused(year: int) -> None:
    with pytest.raises(ValueError, match="years"):
        windows.next_change([OFFICE], datetime(year, 6, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="years"):
        windows.occurrences(OFFICE, date(2026, 1, 1), date(year, 1, 1))
    with pytest.raises(ValueError, match="years"):
        windows.occurrences(OFFICE, date(year, 1, 1), date(2026, 1, 1))


@pytest.mark.parametrize("now", ["1900-01-01 00:00", "9900-12-31 23:59:59"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"])
def test_years_within_reach_work(now: str, zone: str) -> None:
    always, night = (
        policy("00:00-24:00", zone=zone),
        policy("22:00-07:00", zone=zone, dates={"9999-12-31": [], "0001-01-01": []}),
    )
    assert windows.running_or_next([always], at(now)) == Interval(BEGINNING, FOREVER)
    assert windows.next_change([night], at(now)) is not None


def best(function: object, *arguments: object, tries: int) -> float:
    """Seconds of processor time the fastest of some tries takes."""
    assert callable(function)
    times = []
    for _ in range(tries):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return min(times)


def test_looking_is_cheap() -> None:
    """Ten times what it takes on an ordinary machine, so that only a change of order of magnitude fails."""
    now = at("2026-03-20 12:00")
    many = [f"{slot // 3:02}:{slot % 3 * 20:02}-{slot // 3:02}:{slot % 3 * 20 + 10:02}" for slot in range(64)]
    dates = {
        (date(2026, 1, 1) + timedelta(days=n)).isoformat(): [{"start": "01:00", "end": "02:00"}] for n in range(366)
    }
    assert best(windows.quiet_until, [OFFICE], now, tries=20) < 0.001
    assert best(windows.quiet_times, [policy(*many)], now, now + timedelta(days=366), tries=3) < 0.5
    assert best(windows.quiet_times, [policy(*many, dates=dates)], now, now + timedelta(days=366), tries=3) < 0.5
    assert best(windows.quiet_until, [policy("00:00-24:00")], now, tries=3) < 0.05
    assert zones.zone("Europe/Berlin") is zones.zone("Europe/Berlin")
