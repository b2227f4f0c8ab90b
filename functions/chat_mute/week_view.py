"""A policy's quiet hours as a picture: SVG, a row for each local day, readable in light, in dark and on a phone.

A row shows the 24 hours that clocks can show. An hour that they leave out is hatched, one that they show twice has two
lanes, the first of the two on top. There are no scripts, and no text that is not escaped.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from html import escape
from itertools import pairwise
from typing import NamedTuple

from chat_mute.quiet_hours import windows, zones
from chat_mute.quiet_hours.policy import Policy
from chat_mute.quiet_hours.selection import All, Selection
from chat_mute.quiet_hours.windows import BEGINNING, FOREVER, Interval
from chat_mute.quiet_hours.zones import DAY, Stretch

_LEFT, _TOP, _RIGHT = 112, 88, 84
_HOUR, _ROW, _BAR = 25, 26, 18
_WIDTH = _LEFT + 24 * _HOUR + _RIGHT
_TOLD = 20
"""How many windows the description tells one by one."""
_LONG = 64
"""How many characters of a list of chats are shown."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY_ZERO = date(1970, 1, 1).toordinal()
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)  # windows are not known before
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_STYLE = """
svg { max-width: 100%; height: auto; color-scheme: light dark }
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: #1b1f2a;
  font-variant-numeric: tabular-nums }
.name { font-size: 17px; font-weight: 650 } .small, .time { font-size: 11px }
.end { text-anchor: end } .middle { text-anchor: middle }
.paper { fill: #fff } .dim { fill: #596074 } .bar { fill: #eef0f6 } .grid { stroke: #d5d9e4 }
.gap { fill: url(#hatch) } .hatch { stroke: #99a1b5; stroke-width: 3 }
.quiet { fill: #3f4bb8 } .off { fill: #5d648c } .time { fill: #fff }
.skipped { fill: none; stroke: #3f4bb8; stroke-dasharray: 4 3 }
.now { stroke: #c8202c; stroke-width: 2 } .today { fill: #c8202c; font-weight: 650 } .own { fill: #9a5b00 }
@media (prefers-color-scheme: dark) {
  text { fill: #e8eaf0 } .paper { fill: #161a23 } .dim { fill: #a3abbd } .bar { fill: #232937 }
  .grid { stroke: #343b4d } .hatch { stroke: #5f6880 } .quiet { fill: #8f9dff } .off { fill: #9097b8 }
  .time { fill: #10131c } .skipped { stroke: #8f9dff } .now { stroke: #ff8089 } .today { fill: #ff8089 }
  .own { fill: #f0b55a }
}
@media (max-width: 540px) {
  text { font-size: 19px } .name { font-size: 25px } .small, .time { font-size: 17px } .narrow { display: none }
}
"""
_HATCH = """<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<path class="hatch" d="M0 0V6"/></pattern></defs>"""

_Span = tuple[int, int]


class _Cell(NamedTuple):
    """A part of a row: local seconds, and the offset of each time that clocks show it."""

    start: int
    end: int
    offsets: tuple[int, ...]


@dataclass(frozen=True)
class _Week:
    """What is drawn.

    Attributes:
        first: the first row's day, counted from 1970-01-01.
        rows: each day's cells.
        changes: the stretches before and after each change of the clocks in the rows, by day.
        quiet: spans in UTC seconds.
    """

    policy: Policy
    first: int
    rows: list[list[_Cell]]
    changes: dict[int, tuple[Stretch, Stretch]]
    quiet: list[Interval]

    @classmethod
    def of(cls, policy: Policy, since: datetime, days: int) -> "_Week":
        first = zones.seconds(since.astimezone(zones.zone(policy.zone)).replace(tzinfo=UTC)) // DAY
        around = _joined(zones.stretches(policy.zone, (first - 1) * DAY, (first + days + 1) * DAY))
        rows = [_cells(around, day * DAY) for day in range(first, first + days)]
        edges = [edge - offset for row in rows for cell in row for offset in cell.offsets for edge in cell[:2]]
        start, end = zones.instant(min(edges)), zones.instant(max(edges))
        quiet = windows.quiet_times([policy], max(start, _FIRST), end)
        changes = {_day_of(*change): change for change in pairwise(around)}
        return cls(policy, first, rows, changes, quiet)

    def date(self, row: int) -> date:
        return date.fromordinal(self.first + row + _DAY_ZERO)


def draw(policy: Policy, since: datetime, days: int, now: datetime) -> str:
    """The picture.

    Args:
        policy: whose quiet hours.
        since: an instant of the first day, in the years 1900 to 9898.
        days: how many local days, 1 to 366.
        now: where "now" is marked, if one of the days holds it.

    Returns:
        SVG, a document of its own.
    """
    week = _Week.of(policy, since, days)
    height = _TOP + days * _ROW + 34
    spans = [(zones.seconds(start), zones.seconds(end)) for start, end in week.quiet]
    skipped = [(zones.seconds(policy.skipped.start), zones.seconds(policy.skipped.end))] if policy.skipped else []
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
        f'<title id="title">{_text(_title(week))}</title><desc id="desc">{_text(_description(week))}</desc>',
        f"<style>{_STYLE}</style>",
        _HATCH,
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="8"/>',
        *_head(week),
        *_axis(days),
    ]
    today = None if now.year < _FIRST.year else _now(week, now)
    for row, cells in enumerate(week.rows):
        parts += _row(week, row, today=today is not None and today[0] == row)
        for cell in cells:
            parts += _cell(cell, row, spans, "quiet" if policy.enabled else "off")
            parts += _cell(cell, row, skipped, "skipped", labelled=False)
    if today is not None:
        row, x = today
        parts.append(f'<path class="now" d="M{x} {_y(row) - 3}v{_BAR + 6}"/>')
    parts += ['<g class="legend">', *_legend(week, today=today is not None), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


# ---- days and hours -------------------------------------------------------------------------------------------------


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The stretches between changes of the clocks: `zones.stretches` ends one with each year too."""
    joined: list[Stretch] = []
    for stretch in stretches:
        if joined and joined[-1].offset == stretch.offset:
            joined[-1] = joined[-1]._replace(end=stretch.end)
        else:
            joined.append(stretch)
    return joined


def _cells(around: list[Stretch], midnight: int) -> list[_Cell]:
    shown = [(start + offset, end + offset, offset) for start, end, offset in around]
    shown = [(max(start, midnight), min(end, midnight + DAY), offset) for start, end, offset in shown]
    shown = [one for one in shown if one[0] < one[1]]
    edges = sorted({midnight, midnight + DAY, *(edge for one in shown for edge in one[:2])})
    return [
        _Cell(start, end, tuple(offset for first, last, offset in shown if first <= start and end <= last))
        for start, end in pairwise(edges)
    ]


def _day_of(before: Stretch, after: Stretch) -> int:
    """The day whose row shows a change of the clocks: where hours lack, or where they come twice."""
    shown = after.start + before.offset
    return (shown if after.offset > before.offset else shown - 1) // DAY


def _now(week: _Week, now: datetime) -> tuple[int, str] | None:
    local = now.astimezone(zones.zone(week.policy.zone))
    seconds = zones.seconds(local.replace(tzinfo=UTC))
    row = seconds // DAY - week.first
    return (row, _x(seconds)) if 0 <= row < len(week.rows) else None


# ---- drawing --------------------------------------------------------------------------------------------------------


def _head(week: _Week) -> Iterator[str]:
    policy = week.policy
    off = "" if policy.enabled else ' <tspan class="today">disabled</tspan>'
    yield f'<text class="name" x="12" y="27">{_text(_short(policy.name, 40))}{off}</text>'
    yield f'<text class="end dim" x="{_WIDTH - 12}" y="27">{_range(week)}</text>'
    about = _short(f"{policy.zone} · {_chats(policy.selection)}", _LONG)
    yield f'<text class="dim" x="12" y="51">{_text(about)}</text>'


def _axis(days: int) -> Iterator[str]:
    for hour in range(0, 25, 3):
        x, narrow = _LEFT + hour * _HOUR, " narrow" if hour % 6 else ""
        yield f'<path class="grid" d="M{x} {_TOP - 4}V{_TOP + days * _ROW}"/>'
        yield f'<text class="small dim middle{narrow}" x="{x}" y="{_TOP - 9}">{hour:02}</text>'


def _row(week: _Week, row: int, *, today: bool) -> Iterator[str]:
    day, y = week.date(row), _y(row)
    label = f'{_DAYS[day.weekday()]} {day.day}<tspan class="narrow"> {_MONTHS[day.month - 1]}</tspan>'
    yield f'<text class="{"today" if today else ""}" x="22" y="{y + 13}">{label}</text>'
    if day in week.policy.dates:
        yield f'<path class="own" d="M12 {y + 4}l5 5l-5 5l-5 -5z"/>'
    if change := week.changes.get(week.first + row):
        yield f'<text class="small own" x="{_WIDTH - _RIGHT + 8}" y="{y + 13}">{_shift(*change)}</text>'


def _cell(cell: _Cell, row: int, spans: list[_Span], kind: str, *, labelled: bool = True) -> Iterator[str]:
    """A cell, lane by lane, and in it what there is of the spans."""
    if labelled:
        yield _rect("bar" if cell.offsets else "gap", cell.start, cell.end, _y(row), _BAR)
    height = _BAR / max(1, len(cell.offsets))
    for lane, offset in enumerate(cell.offsets):
        y = _y(row) + lane * height
        for start, end in spans[bisect_right(spans, cell.start - offset, key=lambda span: span[1]) :]:
            first, last = max(cell.start, start + offset), min(cell.end, end + offset)
            if first >= last:
                break
            yield _rect(kind, first, last, y, height - (lane < len(cell.offsets) - 1))
            if labelled and height == _BAR:
                yield from _times(first, last, y, begins=first == start + offset, ends=last == end + offset)


def _times(first: int, last: int, y: float, *, begins: bool, ends: bool) -> Iterator[str]:
    """When a window begins and ends, where there is room for it; a phone has room for less."""
    room = (last - first) / 3600 * _HOUR / max(1, begins + ends)
    narrow = " narrow" if room < 56 else ""
    if room >= 38 and begins:
        yield f'<text class="time{narrow}" x="{_x(first, 5)}" y="{y + 13}">{_clock(first)}</text>'
    if room >= 38 and ends:
        clock = _clock(last) if last % DAY else "24:00"
        yield f'<text class="time end{narrow}" x="{_x(last, -5)}" y="{y + 13}">{clock}</text>'


def _legend(week: _Week, *, today: bool) -> Iterator[str]:
    cells = [len(cell.offsets) for row in week.rows for cell in row]
    own = any(week.date(row) in week.policy.dates for row in range(len(week.rows)))
    boxes = [("quiet" if week.policy.enabled else "off", "quiet", True), ("skipped", "skipped", week.policy.skipped)]
    marks = [("gap", "hour left out", 0 in cells), ("twice", "hour comes twice", max(cells) > 1)]
    x, y = 12, _TOP + len(week.rows) * _ROW + 10
    for kind, name, there in [*boxes, *marks, ("own", "date of its own", own), ("now", "now", today)]:
        if not there:
            continue
        if kind == "own":
            yield f'<path class="own" d="M{x + 7} {y}l6 6l-6 6l-6 -6z"/>'
        elif kind == "now":
            yield f'<path class="now" d="M{x + 7} {y - 1}v14"/>'
        elif kind == "twice":
            yield f'<path class="quiet" d="M{x} {y}h14v5h-14zM{x} {y + 7}h14v5h-14z"/>'
        else:
            yield f'<rect class="{kind}" x="{x}" y="{y}" width="14" height="12" rx="2"/>'
        yield f'<text class="small dim" x="{x + 20}" y="{y + 11}">{name}</text>'
        x += 46 + 9 * len(name)


def _rect(kind: str, first: int, last: int, y: float, height: float) -> str:
    x = _LEFT + first % DAY / 3600 * _HOUR
    width = (last - first) / 3600 * _HOUR
    return f'<rect class="{kind}" x="{x:.5g}" y="{y:g}" width="{width:.5g}" height="{height:g}" rx="2"/>'


def _x(local: int, shift: int = 0) -> str:
    """Where a local time is; a midnight that ends something is at the right."""
    seconds = local % DAY or (DAY if shift < 0 else 0)
    return f"{_LEFT + seconds / 3600 * _HOUR + shift:.5g}"


def _y(row: int) -> int:
    return _TOP + row * _ROW + (_ROW - _BAR) // 2


# ---- words ----------------------------------------------------------------------------------------------------------


def _title(week: _Week) -> str:
    off = "" if week.policy.enabled else ", disabled"
    return f"Quiet hours {week.policy.name}{off}, {_range(week)}, {week.policy.zone}"


def _description(week: _Week) -> str:
    zone = zones.zone(week.policy.zone)

    def moment(at: datetime) -> str:
        local = at.astimezone(zone)
        return f"{_day(local.date())} {local:%H:%M}"

    told = [
        f"{'long before' if start == BEGINNING else moment(start)} to {'no end' if end == FOREVER else moment(end)}"
        for start, end in week.quiet[:_TOLD]
    ]
    more = [f"and {len(week.quiet) - _TOLD} more"] if len(week.quiet) > _TOLD else []
    changes = [
        f"On {_day(date.fromordinal(day + _DAY_ZERO))} the clocks change by {_shift(*change)}."
        for day, change in week.changes.items()
        if 0 <= day - week.first < len(week.rows)
    ]
    quiet = f"Quiet from {', '.join([*told, *more])}." if told else "Never quiet."
    return " ".join([f"For {_chats(week.policy.selection)}.", quiet, *changes])


def _range(week: _Week) -> str:
    first, last = week.date(0), week.date(len(week.rows) - 1)
    ends = [f"{day.day} {_MONTHS[day.month - 1]}" for day in (first, last)]
    if first == last:
        return f"{_DAYS[first.weekday()]} {ends[0]} {first.year}"
    return f"{ends[0]}{f' {first.year}' if first.year != last.year else ''} to {ends[1]} {last.year}"


def _chats(selection: Selection) -> str:
    if not isinstance(selection, All):
        return "only " + ", ".join(selection.chats)
    types = f" of type {' or '.join(selection.types)}" if selection.types else ""
    title = f" titled {selection.title}" if selection.title is not None else ""
    excepted = f" but {', '.join(selection.excepted)}" if selection.excepted else ""
    return f"all chats{types}{title}{', workgroups too' if selection.workgroups else ''}{excepted}"


def _shift(before: Stretch, after: Stretch) -> str:
    """How far the clocks are put, in hours and minutes."""
    hours, minutes = divmod(round(abs(after.offset - before.offset) / 60), 60)
    length = " ".join([*([f"{hours} h"] if hours else []), *([f"{minutes} min"] if minutes or not hours else [])])
    return ("+" if after.offset > before.offset else "\u2212") + length


def _day(day: date) -> str:
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def _clock(local: int) -> str:
    minutes = local % DAY // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _text(text: str) -> str:
    """Fit to stand in XML, which knows no control characters, not even escaped ones."""
    return escape(_NOT_XML.sub("\ufffd", text))
