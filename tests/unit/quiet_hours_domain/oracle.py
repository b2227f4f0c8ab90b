"""The slow truth: the local time of every second or minute around a date, and no arithmetic on offsets."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from chat_mute.quiet_hours.windows import Interval

Clock = list[tuple[datetime, datetime]]


@lru_cache(maxsize=256)
def clock(zone: str, day: date, step: int = 60) -> Clock:
    """Instants from two days before a date to four after, each with what the zone's clocks show then."""
    place = ZoneInfo(zone)
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    instants = [begin + timedelta(seconds=seconds) for seconds in range(0, 6 * 86_400, step)]
    return [(instant, instant.astimezone(place).replace(tzinfo=None)) for instant in instants]


def occurrence(zone: str, day: date, start: int, end: int, step: int = 60) -> Interval | None:
    """The smallest interval without holes that holds every instant whose local time lies in the window of the date.

    Args:
        zone: IANA name.
        day: the date the window starts on.
        start: minutes after midnight.
        end: minutes after midnight; up to ``start`` it is the next date's.
        step: seconds; every offset around must be a multiple of it.
    """
    midnight = datetime.combine(day, time.min)
    first = midnight + timedelta(minutes=start)
    last = midnight + timedelta(minutes=end, days=0 if end > start else 1)
    inside = [instant for instant, local in clock(zone, day, step) if first <= local < last]
    return Interval(inside[0], inside[-1] + timedelta(seconds=step)) if inside else None
