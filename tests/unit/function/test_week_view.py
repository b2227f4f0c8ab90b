"""The week view: what the picture shows is what the windows say, for every zone, and nothing gets into it unescaped."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat_mute.quiet_hours import windows, zones
from chat_mute.quiet_hours.policy import DAYS, Policy
from chat_mute.quiet_hours.selection import All, Only
from chat_mute.quiet_hours.windows import Interval, Window
from chat_mute.week_view import draw
from local.paths import ROOT
from tests.unit.function.office import NOON, Office, policy
from tests.unit.quiet_hours_domain.test_windows_oracle import CHANGES

SVG = "{http://www.w3.org/2000/svg}"
LONG_AGO = datetime(1950, 1, 1, tzinfo=UTC)


class Picture:
    """A picture, parsed."""

    def __init__(self, text: str) -> None:
        self.root = ET.fromstring(text)
        grid = [float(str(one.get("d"))[1:].split(" ")[0]) for one in self.all("path", "grid")]
        self.left, self.hour = grid[0], (grid[-1] - grid[0]) / 24
        self.rows = [one for one in self.root.iter(f"{SVG}text") if one.get("x") == "22"]
        self.quiet = [tuple(float(str(one.get(name))) for name in ("x", "y", "width", "height"))
                      for one in self.all("rect", "quiet") if one.get("width") != "14"]  # fmt: skip

    def all(self, tag: str, kind: str) -> list[ET.Element]:
        return [one for one in self.root.iter(SVG + tag) if kind in str(one.get("class")).split()]

    def words(self, kind: str) -> list[str]:
        return ["".join(one.itertext()) for one in self.all("text", kind)]

    @property
    def days(self) -> list[str]:
        return ["".join(one.itertext()) for one in self.rows]

    @property
    def title(self) -> str:
        return self.root.findtext(f"{SVG}title") or ""

    @property
    def description(self) -> str:
        return self.root.findtext(f"{SVG}desc") or ""

    def is_quiet(self, row: int, hours: float, lane: int) -> bool:
        """Whether a spot of a row is covered; lane 0 is its upper half."""
        x, y = self.left + hours * self.hour, float(str(self.rows[row].get("y"))) - 9 + 10 * lane
        return any(a <= x < a + width and b <= y < b + height for a, b, width, height in self.quiet)


def night(*spans: str, **more: Any) -> Policy:
    return Policy.parse("night", policy(*spans, **{"zone": "Europe/Berlin", **more}))


def week(policy: Policy, first: str, days: int = 7, now: datetime = LONG_AGO) -> Picture:
    since = datetime.combine(date.fromisoformat(first), time(12), zones.zone(policy.zone))
    return Picture(draw(policy, since, days, now))


# ---- what it shows ------------------------------------------------------------------------------------------------


def test_a_plain_week() -> None:
    found = week(night("22:00-07:00", chats={"all": True, "title": "Deal *", "except": ["chat42"]}), "2026-11-23")
    assert found.days == [
        "Mon 23 Nov",
        "Tue 24 Nov",
        "Wed 25 Nov",
        "Thu 26 Nov",
        "Fri 27 Nov",
        "Sat 28 Nov",
        "Sun 29 Nov",
    ]
    assert [found.is_quiet(0, hours, 0) for hours in (0, 6.9, 7.1, 21.9, 22.1, 23.9)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert found.words("time") == ["07:00", "22:00"] * 7
    assert found.title == "Quiet hours night, 23 Nov to 29 Nov 2026, Europe/Berlin"
    assert found.description.startswith(
        "For all chats titled Deal * but chat42. Quiet from Sun 22 Nov 22:00 to Mon 23 Nov 07:00, Mon 23 Nov 22:00 to"
    )
    assert found.root.get("role") == "img"
    assert found.root.get("aria-labelledby") == "title desc"


def test_now_is_marked_in_its_row_and_nowhere_else() -> None:
    now = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
    found = week(night("22:00-07:00"), "2026-11-23", now=now)
    (line, _) = found.all("path", "now")
    assert (
        str(line.get("d")).split("v")[0] == f"M{found.left + 18 * found.hour:g} {int(str(found.rows[2].get('y'))) - 16}"
    )
    assert found.words("today") == ["Wed 25 Nov"]
    assert "now" in found.words("small")
    for other in (week(night("22:00-07:00"), "2026-11-26", now=now), week(night("22:00-07:00"), "2026-11-20", 5, now)):
        assert (other.all("path", "now"), other.words("today")) == ([], [])


def test_nothing_quiet_and_everything_quiet() -> None:
    found = week(night(dates={"2020-01-01": []}), "2026-11-23")
    assert (found.quiet, found.description) == ([], "For all chats. Never quiet.")
    found = week(night("00:00-24:00"), "2026-11-23")
    assert len(found.quiet) == 7
    assert all(width == 24 * found.hour for _, _, width, _ in found.quiet)
    assert found.description == "For all chats. Quiet from long before to no end."


def test_the_end_of_a_day_is_24_00() -> None:
    assert week(night("18:00-24:00"), "2026-11-23", 1).words("time") == ["18:00", "24:00"]


def test_a_date_of_its_own_is_marked() -> None:
    found = week(night("22:00-23:00", dates={"2026-11-25": [], "2026-12-25": []}), "2026-11-23")
    assert len(found.all("path", "own")) == 2, "the row and the legend"
    assert not found.is_quiet(2, 22.5, 0)
    assert "date of its own" in found.words("small")
    assert "date of its own" not in week(night("22:00-23:00"), "2026-11-23").words("small")


def test_a_skipped_window_and_a_disabled_policy_look_different() -> None:
    start = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
    skipped = replace(night("22:00-07:00"), skipped=Interval(start, start + timedelta(hours=9)))
    found = week(skipped, "2026-11-23")
    assert len(found.all("rect", "skipped")) == 3, "two rows and the legend"
    assert not found.is_quiet(1, 23, 0)
    disabled = week(night("22:00-07:00", enabled=False), "2026-11-23")
    assert not disabled.quiet
    assert len(disabled.all("rect", "off")) == 15
    assert "disabled" in disabled.title


def test_only_some_chats() -> None:
    chats = Only(tuple(f"chat{number}" for number in range(1, 100)))
    found = week(replace(night("22:00-07:00"), selection=chats), "2026-11-23")
    assert found.words("dim")[1].startswith("Europe/Berlin · only chat1, chat2, ")
    assert len(found.words("dim")[1]) == 64
    assert "chat99." in found.description


# ---- the clocks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "first", "shift", "row"),
    [
        ("Europe/Berlin", "2026-03-28", "+1 h", 1),
        ("Europe/Berlin", "2026-10-24", "\u22121 h", 1),
        ("Australia/Lord_Howe", "2026-04-04", "\u221230 min", 1),
        ("Africa/Cairo", "2026-04-23", "+1 h", 1),  # at midnight: the day's first hour is not there
        ("Africa/Cairo", "2026-10-28", "\u22121 h", 1),  # at midnight, back into the day before
        ("Pacific/Apia", "2011-12-29", "+24 h", 1),
    ],
)
def test_a_change_is_told_beside_the_day_that_shows_it(zone: str, first: str, shift: str, row: int) -> None:
    found = week(night("22:00-07:00", zone=zone), first, 3)
    (told,) = [one for one in found.all("text", "own") if one.text == shift]
    assert told.get("y") == found.rows[row].get("y")
    assert f"the clocks change by {shift}." in found.description
    assert ("hour left out" if shift.startswith("+") else "hour comes twice") in found.words("small")


def test_a_day_that_never_was_is_hatched() -> None:
    found = week(night("00:00-24:00", zone="Pacific/Apia"), "2011-12-29", 3)
    gap, _ = found.all("rect", "gap")
    assert float(str(gap.get("width"))) == 24 * found.hour
    assert [found.is_quiet(row, 12, 0) for row in range(3)] == [True, False, True]


def test_an_hour_that_comes_twice_has_two_lanes() -> None:
    found = week(night("22:00-02:30"), "2026-10-25", 1)
    assert [found.is_quiet(0, 2.25, lane) for lane in (0, 1)] == [True, True]
    assert [found.is_quiet(0, 2.75, lane) for lane in (0, 1)] == [True, False], "02:30 the second time ends it"
    found = week(night("22:00-01:45", zone="Australia/Lord_Howe"), "2026-04-05", 1)
    assert [found.is_quiet(0, 1.9, lane) for lane in (0, 1)] == [True, False]


# ---- whatever comes -------------------------------------------------------------------------------------------------


@st.composite
def timetables(draw: st.DrawFn) -> Policy:
    """Policies by their parts, with texts worse than `Policy.parse` lets through."""
    minutes = st.integers(0, 1439)
    spans = st.builds(Window, minutes, minutes.map(lambda end: end + 1), st.sets(st.integers(0, 6)).map(tuple))
    zone, change = draw(st.sampled_from(CHANGES) | st.tuples(st.sampled_from(sorted(zones.zone_names())), st.none()))
    near = date.fromisoformat(change or "2026-06-01")
    days = st.integers(-9, 9).map(lambda ahead: near + timedelta(days=ahead))
    texts = st.text(max_size=300)
    selections = st.builds(All, st.lists(texts, max_size=2).map(tuple), texts | st.none(), st.just(()), st.booleans())
    return Policy(
        draw(texts), zone, tuple(draw(st.lists(spans, max_size=4))),
        draw(st.dictionaries(days, st.lists(spans, max_size=2).map(tuple), max_size=3)),
        draw(selections | st.lists(texts, max_size=3).map(tuple).map(Only)), draw(st.booleans()),
    )  # fmt: skip


def moments(first: int, last: int) -> st.SearchStrategy[datetime]:
    """Instants from a year to a year."""
    edges = [datetime(first, 1, 1, tzinfo=UTC), datetime(last, 12, 31, 23, 59, tzinfo=UTC)]
    return st.datetimes(*(edge.replace(tzinfo=None) for edge in edges), timezones=st.just(UTC))


@settings(max_examples=150)
@given(policy=timetables(), ahead=st.integers(-4, 4), days=st.integers(1, 9), data=st.data())
def test_each_spot_of_the_picture_is_as_the_windows_say(
    policy: Policy, ahead: int, days: int, data: st.DataObject
) -> None:
    policy = replace(policy, enabled=True)
    place = zones.zone(policy.zone)
    middle = min(policy.dates, default=date(2026, 6, 1))
    since = datetime.combine(middle + timedelta(days=ahead), time(12), place).astimezone(UTC)
    found = Picture(draw(policy, since, days, since))
    assert len(found.days) == days
    first = since.astimezone(place).date()
    for minute in data.draw(st.lists(st.integers(0, days * 1440), max_size=20)):
        at = since + timedelta(minutes=minute - 600, seconds=30)
        local = at.astimezone(place)
        row = (local.date() - first).days
        if not 0 <= row < days:
            continue
        hours = local.hour + local.minute / 60 + local.second / 3600
        other = local.replace(fold=1 - local.fold)
        twice = other.utcoffset() != local.utcoffset() and other.astimezone(UTC).astimezone(place).fold != local.fold
        lanes = (local.fold,) if twice else (0, 1)
        quiet = windows.is_quiet([policy], at)
        assert [found.is_quiet(row, hours, lane) for lane in lanes] == [quiet] * len(lanes), (at, local)


@settings(max_examples=100)
@given(
    policy=timetables(),
    since=moments(1900, 9898),
    now=moments(2, 9998),
    days=st.sampled_from([1, 2, 14, 366]),
)
@example(night("22:00-07:00", zone="Pacific/Honolulu"), datetime(1900, 1, 1, tzinfo=UTC), LONG_AGO, 1)
@example(night("00:00-24:00", zone="Pacific/Kiritimati"), datetime(9898, 12, 31, 23, tzinfo=UTC), LONG_AGO, 366)
def test_nothing_breaks_it_and_nothing_is_code(policy: Policy, since: datetime, now: datetime, days: int) -> None:
    found = Picture(draw(policy, since, days, now))
    assert len(found.days) == days
    known = {"svg", "g", "title", "desc", "style", "defs", "pattern", "path", "rect", "text", "tspan"}
    assert {one.tag for one in found.root.iter()} <= {SVG + name for name in known}
    attributes = {name for one in found.root.iter() for name in one.keys()}  # noqa: SIM118  an element's attributes
    assert not [name for name in attributes if name.startswith("on") or "href" in name]


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><g onload="x">', "&amp;", "]]>", "\x00\x0b", "\ud800", "\uffff"]
)
def test_a_text_stays_a_text(text: str) -> None:
    shown = (
        text.replace("\x00", "\ufffd").replace("\x0b", "\ufffd").replace("\ud800", "\ufffd").replace("\uffff", "\ufffd")
    )
    found = week(replace(night("22:00-07:00"), name=text, selection=All(title=text)), "2026-11-23")
    assert found.words("name") == [shown]
    assert found.title.startswith(f"Quiet hours {shown}, ")
    assert f"titled {shown}." in found.description


def test_the_largest_picture_fits_an_answer() -> None:
    """Lambda's limit is 6 MB."""
    spans = tuple(Window(minute, minute + 9, tuple(range(7))) for minute in range(0, 1440, 1440 // 64))
    text = draw(Policy("p", "Europe/Berlin", spans[:64], {}, All()), NOON, 366, NOON)
    assert text.count('class="quiet"') >= 64 * 366
    assert len(text.encode()) < 3_000_000


# ---- over HTTPS -----------------------------------------------------------------------------------------------------

SAVED = ("GET", "quiet-hours/night/preview?days=7", None)
UNSAVED = ("POST", "quiet-hours/preview?days=7", policy("22:00-07:00"))
BROWSERS_IMAGE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
BROWSERS_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.fixture
def office() -> Office:
    office = Office()
    office.put("night")
    return office


@pytest.mark.parametrize("route", [SAVED, UNSAVED])
@pytest.mark.parametrize(
    "accept",
    ["image/svg+xml", "image/*", "IMAGE/SVG+XML", BROWSERS_IMAGE, "image/svg+xml;q=0.2, application/json;q=0.1"],
)
def test_who_asks_for_a_picture_gets_one(office: Office, route: tuple[str, str, Any], accept: str) -> None:
    answer = office.call(*route, {"accept": accept})
    assert (answer.status, answer.headers) == (200, {"Content-Type": "image/svg+xml; charset=utf-8", "Vary": "Accept"})
    found = Picture(answer.body)
    assert found.days[0] == "Tue 3 Mar"
    assert found.words("today") == ["Tue 3 Mar"]


@pytest.mark.parametrize("route", [SAVED, UNSAVED])
@pytest.mark.parametrize(
    "accept",
    [None, "", "*/*", "application/json", "text/html", BROWSERS_PAGE, "image/png", "image/svg+xml;q=0", ";;,,",
     "image/svg+xml;q=x", "image/svg+xml, application/json", "image/svg+xml;q=0.5, */*",
     "application/*;q=0.3, image/svg+xml;q=0.300"],
)  # fmt: skip
def test_everybody_else_gets_json(office: Office, route: tuple[str, str, Any], accept: str | None) -> None:
    answer = office.call(*route, {} if accept is None else {"Accept": accept})
    assert (answer.status, answer.headers) == (200, {"Content-Type": "application/json", "Vary": "Accept"})
    assert len(answer.body["windows"]) == 7


def test_from_and_days_choose_the_rows_and_the_portal_is_not_asked(office: Office) -> None:
    picture = {"Accept": "image/svg+xml"}
    with office.cost() as cost:
        answer = office.call("GET", "quiet-hours/night/preview?from=2026-12-24&days=3&chats=1", None, picture)
    assert Picture(answer.body).days == ["Thu 24 Dec", "Fri 25 Dec", "Sat 26 Dec"]
    assert cost.portal == []


def test_faults_are_told_in_json(office: Office) -> None:
    picture = {"Accept": "image/svg+xml"}
    assert office.refused("GET", "quiet-hours/night/preview?days=0", None, picture)[0] == 400
    assert office.refused("GET", "quiet-hours/other/preview", None, picture)[:2] == (404, "NOT_FOUND")
    assert office.refused("POST", "quiet-hours/preview", {}, picture)[:2] == (422, "INVALID_POLICY")
    answer = office.call("GET", "quiet-hours/night/preview", None, picture, account="nobody")
    assert (answer.status, answer.body["error"]) == (404, "ACCOUNT_NOT_FOUND")


def test_who_does_not_ask_does_not_pay_for_it_in_a_cold_start() -> None:
    code = "import sys, chat_mute.wiring; sys.exit('chat_mute.week_view' in sys.modules)"
    path = {"PYTHONPATH": f"{ROOT}/functions:{ROOT}/layers/bitrix24"}
    subprocess.run([sys.executable, "-c", code], env=path, check=True)


def test_a_week_names_days_as_the_contract_does() -> None:
    found = week(night("22:00-07:00"), "2026-11-23")
    assert tuple(day[:3].lower() for day in found.days) == DAYS
