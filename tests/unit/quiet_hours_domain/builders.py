"""Short ways to write policies and instants."""

from datetime import UTC, date, datetime
from typing import Any

from chat_mute.quiet_hours.policy import DAYS, Policy
from chat_mute.quiet_hours.windows import Interval, occurrences

WEEK = list(DAYS)


def at(text: str) -> datetime:
    """``2026-03-29 01:00`` or with an offset, as UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def span(start: str, end: str) -> Interval:
    return Interval(at(start), at(end))


def document(*windows: str, zone: str = "Europe/Berlin", days: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """A policy with windows like ``22:00-07:00`` on every day, or on ``days``."""
    pairs = [window.split("-") for window in windows]
    weekly = [{"days": days or WEEK, "start": start, "end": end} for start, end in pairs]
    return {"timezone": zone, "windows": weekly, "chats": {"all": True}, **more}


def policy(*windows: str, name: str = "night", zone: str = "Europe/Berlin", **more: Any) -> Policy:
    return Policy.parse(name, document(*windows, zone=zone, **more))


def on(day: str, window: str, zone: str) -> Interval | None:
    """The occurrence of one window on one date."""
    found = occurrences(policy(window, zone=zone), date.fromisoformat(day), date.fromisoformat(day))
    assert len(found) <= 1
    return found[0] if found else None
