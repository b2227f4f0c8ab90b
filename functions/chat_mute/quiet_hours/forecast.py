"""What comes next, for people: when a chat's state will change, and a policy's windows with their local times."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from chat_mute.quiet_hours import windows, zones
from chat_mute.quiet_hours.holds import POLICY, State
from chat_mute.quiet_hours.situation import Situation
from chat_mute.quiet_hours.windows import FOREVER, Timetable


class Change(NamedTuple):
    """From ``at`` on a chat is expected to be ``muted`` or not."""

    at: datetime
    muted: bool


class LocalWindow(NamedTuple):
    """A united window as people of its zone see it.

    Attributes:
        start: in UTC.
        end: in UTC, `windows.FOREVER` where none is in sight.
        local_start: the same in the policy's zone.
        local_end: likewise.
        note: what the clocks do inside the window, None if they just go on.
    """

    start: datetime
    end: datetime
    local_start: datetime
    local_end: datetime
    note: str | None


def next_change(situation: Situation, timetables: Sequence[Timetable]) -> Change | None:
    """When a chat's mute is next expected to change, over all its owners and policies.

    Args:
        situation: the chat now.
        timetables: of the enabled policies that select it.

    Returns:
        ``now`` for a release that is due; None if nothing is to come within a year, or if the chat stays muted whatever
        comes, because it was muted before or somebody asked for it.
    """
    now = situation.now
    hold = None if situation.foreign else situation.seen()
    ours = hold if hold and hold.state is not State.OVERRIDDEN else None
    stays = ours.keep or ours.prior_muted if ours else situation.observed is True
    override = situation.override(hold) if hold else None
    callers = [owner.until for name, owner in ours.owners.items() if not name.startswith(POLICY)] if ours else []
    end = _end_of_quiet(timetables, callers, override, now)
    if stays or end == FOREVER:
        return None
    if end > now or ours:
        return Change(end, muted=False)
    start = override or now
    coming = windows.running_or_next(timetables, start) if start < FOREVER else None
    return Change(max(coming.start, start), muted=True) if coming else None


def preview(timetable: Timetable, since: datetime, until: datetime) -> list[LocalWindow]:
    """A policy's united windows that meet ``[since, until)``."""
    return [_local(timetable.zone, *interval) for interval in windows.quiet_times([timetable], since, until)]


def _end_of_quiet(
    timetables: Sequence[Timetable], callers: list[datetime], override: datetime | None, now: datetime
) -> datetime:
    """The first instant from ``now`` on at which neither a caller nor a window wants quiet."""
    at = now
    while at < FOREVER:
        window = None if override and at < override else windows.quiet_until(timetables, at)
        end = max([at, *callers, *([window] if window else [])])
        if end == at:
            break
        at = end
    return at


def _local(zone: str, start: datetime, end: datetime) -> LocalWindow:
    place = zones.zone(zone)
    local_end = end if end == FOREVER else end.astimezone(place)
    local_start = start if start == windows.BEGINNING else start.astimezone(place)
    return LocalWindow(start, end, local_start, local_end, _note(zone, start, end))


def _note(zone: str, start: datetime, end: datetime) -> str | None:
    """Every change of the clocks from the window's start to its end, both included."""
    if start == windows.BEGINNING or end == FOREVER:
        return None
    around = zones.stretches(zone, zones.seconds(start) - 1, zones.seconds(end) + 1)
    notes = []
    for before, after in pairwise(around):
        if shift := after.offset - before.offset:
            local = zones.instant(after.start + before.offset)
            way = "forward" if shift > 0 else "back"
            notes.append(f"clocks go {way} by {_length(abs(shift))} at {local:%Y-%m-%d %H:%M}")
    return "; ".join(notes) or None


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min" + (f" {rest} s" if rest else "")
