"""When it is quiet: windows on local clocks become half-open intervals of instants.

The occurrence of a window on a date is the smallest interval without holes that holds every instant whose local time
lies in the window. From that one sentence follows that a start in a gap is the instant after the gap, a start in an
overlap the first of the two, that an occurrence ends with its last such instant, and that one wholly inside a gap (or
on a date that never was) is empty. Occurrences unite, and so does what lies at most a minute apart.

Nothing here reads a clock: ``now`` is passed in, aware, in the years 1900 to 9900; anything else is a `ValueError`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain
from typing import NamedTuple, Protocol

from chat_mute.quiet_hours import zones
from chat_mute.quiet_hours.zones import DAY, Stretch

PAUSE = 60
"""Seconds; a pause of up to this length between two windows is quiet too."""
FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The end of quiet that goes on for more than a year ahead, as far as we look."""
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
"""The start of quiet that goes back for more than a year."""
_HORIZON = 374 * DAY
_REACHES = 8, 64, 748  # days; the last lets a window that starts just before the horizon show its end
_YEARS = range(1900, 9901)
_THURSDAY = 3  # 1970-01-01
_DAY_ZERO = date(1970, 1, 1).toordinal()

_Span = tuple[int, int]


class Interval(NamedTuple):
    """``[start, end)``, two aware instants in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Window:
    """A stretch of the local day.

    Attributes:
        start: minutes after midnight.
        end: minutes after midnight, up to 1440; below ``start`` it is the next day's.
        days: the weekdays it starts on, 0 is Monday; empty for a window of a date.
    """

    start: int
    end: int
    days: tuple[int, ...] = ()


class Timetable(Protocol):
    """What a policy says about time."""

    @property
    def zone(self) -> str:
        """IANA name."""

    @property
    def windows(self) -> Sequence[Window]:
        """Every week's."""

    @property
    def dates(self) -> Mapping[date, Sequence[Window]]:
        """What replaces the windows that start on a date."""

    @property
    def skipped(self) -> Interval | None:
        """A united window that is to be left out."""


def occurrences(timetable: Timetable, first: date, last: date) -> list[Interval]:
    """Each window's occurrence on each local date from ``first`` to ``last`` (inclusive), sorted, not yet united.

    Skips are not looked at; empty occurrences are left out.
    """
    if first.year not in _YEARS or last.year not in _YEARS:
        raise ValueError("only dates in the years 1900 to 9900")
    return [_interval(span) for span in _occurrences(timetable, _day(first), _day(last))]


def united(intervals: Iterable[Interval]) -> list[Interval]:
    """The intervals of one or of many policies, sorted and united across pauses of up to `PAUSE` seconds."""
    spans = [(zones.seconds(interval.start), zones.seconds(interval.end)) for interval in intervals]
    return [_interval(span) for span in _united(spans)]


def running_or_next(timetables: Sequence[Timetable], now: datetime) -> Interval | None:
    """The united window of all the timetables that runs at ``now``, else the next one.

    Returns:
        The whole of it; `BEGINNING` or `FOREVER` where it reaches further than we look. None if none starts in the
        next 374 days.
    """
    span = _find(timetables, _at(now), whole=True)
    return _interval(span) if span else None


def quiet_until(timetables: Sequence[Timetable], now: datetime) -> datetime | None:
    """The end of the united window that runs at ``now``, None if none does. Cheaper than `running_or_next`."""
    at = _at(now)
    span = _find(timetables, at)
    return _interval(span).end if span and span[0] <= at else None


def is_quiet(timetables: Sequence[Timetable], now: datetime) -> bool:
    """Whether a united window of the timetables runs at ``now``."""
    return quiet_until(timetables, now) is not None


def next_change(timetables: Sequence[Timetable], now: datetime) -> datetime | None:
    """The first instant after ``now`` at which quiet begins or ends; None if it never does within 374 days."""
    at = _at(now)
    span = _find(timetables, at)
    if not span:
        return None
    change = _interval(span)[span[0] <= at]
    return None if change == FOREVER else change


def quiet_times(timetables: Sequence[Timetable], since: datetime, until: datetime) -> list[Interval]:
    """Every united window that meets ``[since, until)``, whole even where it reaches beyond."""
    start, end = _at(since), _at(until)
    spans = [span for span in _quiet(timetables, start // DAY - 3, end // DAY + 3) if span[1] > start and span[0] < end]
    for edge in (0, -1) if spans else ():
        spans[edge] = _find(timetables, max(start, spans[edge][0]), whole=True) or spans[edge]
    return [_interval(span) for span in spans]


def _find(timetables: Sequence[Timetable], at: int, *, whole: bool = False) -> _Span | None:
    """The united span that runs at an instant, else the next; looks further only while its edges may lie further.

    An occurrence lies between a day before its date and two days after it, in UTC: so two days off the edges of what
    has been looked at, nothing can be missing. Only a ``whole`` span has its true start; it costs a look back.
    """
    span, begun, ended = None, True, True
    for reach in _REACHES:
        first, last = at // DAY - (reach if whole else 3), at // DAY + reach
        span = next((span for span in _quiet(timetables, first, last) if span[1] > at), None)
        begun = not whole or span is None or span[0] > (first + 2) * DAY + PAUSE
        ended = span is not None and span[1] < last * DAY - PAUSE
        if begun and ended:
            break
    if span is None or span[0] > at + _HORIZON:
        return None
    return span[0] if begun else zones.seconds(BEGINNING), span[1] if ended else zones.seconds(FOREVER)


def _quiet(timetables: Iterable[Timetable], first: int, last: int) -> list[_Span]:
    return _united(chain.from_iterable(_without_skipped(timetable, first, last) for timetable in timetables))


def _without_skipped(timetable: Timetable, first: int, last: int) -> list[_Span]:
    spans = _united(_occurrences(timetable, first, last))
    if timetable.skipped is None:
        return spans
    start, end = (zones.seconds(edge) for edge in timetable.skipped)
    pieces = chain.from_iterable(((span[0], min(span[1], start)), (max(span[0], end), span[1])) for span in spans)
    return [piece for piece in pieces if piece[0] < piece[1]]


def _united(spans: Iterable[_Span]) -> list[_Span]:
    whole: list[_Span] = []
    for start, end in sorted(spans):
        if whole and start <= whole[-1][1] + PAUSE:
            whole[-1] = whole[-1][0], max(whole[-1][1], end)
        else:
            whole.append((start, end))
    return whole


def _occurrences(timetable: Timetable, first: int, last: int) -> list[_Span]:
    week = [[_seconds(window) for window in timetable.windows if day in window.days] for day in range(7)]
    dates = {_day(date): [_seconds(window) for window in windows] for date, windows in timetable.dates.items()}
    around = zones.stretches(timetable.zone, (first - 1) * DAY, (last + 3) * DAY)
    found: list[_Span] = []
    for day in range(first, last + 1):
        windows = dates.get(day, week[(day + _THURSDAY) % 7])
        midnight = day * DAY
        near = [stretch for stretch in around if stretch.end > midnight - DAY and stretch.start < midnight + 3 * DAY]
        if len(near) == 1:
            shift = midnight - near[0].offset
            found += [(shift + start, shift + end) for start, end in windows]
        else:
            hulls = [_hull(near, midnight + start, midnight + end) for start, end in windows]
            found += [hull for hull in hulls if hull]
    found.sort()
    return found


def _hull(near: list[Stretch], start: int, end: int) -> _Span | None:
    """The smallest span that holds every instant whose local time lies in ``[start, end)``."""
    parts = [(max(since, start - offset), min(until, end - offset)) for since, until, offset in near]
    parts = [part for part in parts if part[0] < part[1]]
    return (parts[0][0], parts[-1][1]) if parts else None


def _seconds(window: Window) -> _Span:
    end = window.end * 60
    return window.start * 60, end if window.end > window.start else end + DAY


def _day(local: date) -> int:
    return local.toordinal() - _DAY_ZERO


def _at(now: datetime) -> int:
    if now.year not in _YEARS:
        raise ValueError("only times in the years 1900 to 9900")
    return zones.seconds(now)


def _interval(span: _Span) -> Interval:
    return Interval(zones.instant(span[0]), zones.instant(span[1]))
