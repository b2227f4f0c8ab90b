"""Zones come from the pinned package alone, and as stretches without holes."""

import importlib
import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chat_mute.quiet_hours import zones

BERLIN = "Europe/Berlin"


def test_names_are_those_of_the_package() -> None:
    assert zones.zone_names() == zoneinfo.available_timezones()


@pytest.mark.parametrize(
    "name",
    ["", "localtime", "europe/berlin", "Europe/Berlin ", "/etc/localtime", "../zones", "Europe", "CEST", "Mars/Base"],
)
def test_nothing_else_is_a_zone(name: str) -> None:
    with pytest.raises(LookupError):
        zones.zone(name)


def test_the_zone_files_of_the_machine_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "Europe").mkdir()
    with resources.files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").open("rb") as tokyo:
        (tmp_path / BERLIN).write_bytes(tokyo.read())
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    former = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    try:
        assert zoneinfo.ZoneInfo.no_cache(BERLIN).utcoffset(noon) == timedelta(hours=9)
        assert zones.zone.__wrapped__(BERLIN).utcoffset(noon) == timedelta(hours=1)
    finally:
        zoneinfo.reset_tzpath(to=former)


def changes(name: str) -> list[int]:
    """The instants at which a zone's offset changes, as the standard library's own Python version has them."""
    python = importlib.import_module("zoneinfo._zoneinfo")
    zone: Any = python.ZoneInfo(name)
    offsets = [info.utcoff for info in zone._ttinfos]
    before = [offsets[0], *offsets] if offsets else []
    return [when for when, old, new in zip(zone._trans_utc, before, offsets, strict=False) if old != new]


def test_no_zone_changes_twice_within_three_days() -> None:
    """What the daily probing relies on. If new zone data break it, probe more often."""
    gaps = [after - before for name in zones.zone_names() for before, after in pairwise(changes(name))]
    assert min(gaps) > 3 * zones.DAY


def test_changes_are_found_to_the_second() -> None:
    first = zones.seconds(datetime(1900, 1, 1, tzinfo=UTC))
    odd = 0
    for name in sorted(zones.zone_names()):
        since = [change for change in changes(name) if change > first]
        for change in {*since[:2], *since[-1:]}:
            before, after = zones.stretches(name, change - 1, change + 1)
            assert (before.end, after.start) == (change, change), name
            odd += change % 2
    assert odd, "an instant that halving a day does not hit by luck"


@pytest.mark.parametrize("name", [BERLIN, "Africa/Casablanca", "Africa/Monrovia", "Pacific/Apia", "Asia/Gaza", "UTC"])
def test_stretches_agree_with_zoneinfo_at_every_half_hour_and_at_their_edges(name: str) -> None:
    start, end = (zones.seconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (1971, 1973))
    for begin, stop in ((start, end), (start + 39 * 366 * zones.DAY, end + 39 * 366 * zones.DAY)):
        found = zones.stretches(name, begin, stop)
        assert found[0].start <= begin
        assert found[-1].end >= stop
        assert all(before.end == after.start for before, after in pairwise(found))
        place = zoneinfo.ZoneInfo(name)
        for stretch in found:
            edges = [stretch.start, stretch.end - 1]
            for second in [*range(max(begin, stretch.start), min(stop, stretch.end), 1800), *edges]:
                moment = zones.instant(second)
                assert moment.astimezone(place).utcoffset() == timedelta(seconds=stretch.offset), (stretch, second)


def test_stretches_outside_the_asked_time_are_left_out() -> None:
    spring = zones.seconds(datetime(2026, 3, 29, 1, tzinfo=UTC))
    assert [stretch.offset for stretch in zones.stretches(BERLIN, spring - 1, spring + 1)] == [3600, 7200]
    assert [stretch.offset for stretch in zones.stretches(BERLIN, spring - 9, spring)] == [3600]
    assert [stretch.offset for stretch in zones.stretches(BERLIN, spring, spring + 9)] == [7200]


def test_a_moment_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        zones.seconds(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the fault


def test_seconds_round_down_before_and_after_the_epoch() -> None:
    assert zones.seconds(datetime(1970, 1, 1, 0, 0, 1, 999_999, tzinfo=UTC)) == 1
    assert zones.seconds(datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC)) == -1
