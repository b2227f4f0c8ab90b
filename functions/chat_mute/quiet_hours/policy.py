"""A policy: when it is quiet, for which chats. Read strictly from a JSON document, and written back canonically."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from chat_mute.quiet_hours import reading, zones
from chat_mute.quiet_hours.reading import PolicyError
from chat_mute.quiet_hours.selection import All, Selection, parse_selection
from chat_mute.quiet_hours.windows import Interval, Window

WINDOWS_MAX = 64
DATES_MAX = 366
DATE_WINDOWS_MAX = 1024
"""All windows of all dates together; one date has at most `WINDOWS_MAX`."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MIDNIGHT = 1440


@dataclass(frozen=True)
class Policy:
    """One named set of windows and the chats it keeps quiet in them.

    Attributes:
        name: unique in its account.
        zone: IANA name of the time zone the windows are in.
        windows: every week's, as given.
        dates: what replaces the windows that start on a date, in the order of time.
        selection: which chats.
        enabled: a disabled policy wants nothing.
        skipped: the united window people asked to skip; kept beside the document, not in it.
    """

    name: str
    zone: str
    windows: tuple[Window, ...]
    dates: Mapping[date, tuple[Window, ...]] = field(hash=False)
    selection: Selection
    enabled: bool = True
    skipped: Interval | None = None

    @classmethod
    def parse(cls, name: str, document: object) -> "Policy":
        """Reads a policy.

        Args:
            name: what it is called; not part of the document.
            document: parsed JSON.

        Raises:
            PolicyError: naming the first faulty field.
        """
        if not is_policy_name(name):
            raise PolicyError("name", "must be 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or a digit")
        given = reading.fields(document, "", ("timezone", "windows", "dates", "chats", "enabled"))
        for needed in ("timezone", "windows", "chats"):
            if needed not in given:
                raise PolicyError(needed, "is needed")
        dates = _dates(given.get("dates", {}))
        listed = reading.items(given["windows"], "windows", at_most=WINDOWS_MAX)
        if not listed and not dates:
            raise PolicyError("windows", "may be empty only beside dates")
        return cls(
            name=name,
            zone=_zone(given["timezone"]),
            windows=tuple(_weekly(item, f"windows[{index}]") for index, item in enumerate(listed)),
            dates=dates,
            selection=parse_selection(given["chats"]),
            enabled=reading.flag(given.get("enabled", True), "enabled"),
        )

    @property
    def readable(self) -> bool:
        """Whether it is one that somebody has made; see `unreadable`."""
        return bool(self.windows or self.dates)

    def to_json(self) -> dict[str, Any]:
        """The canonical document; reading it gives this policy again, but for a skip."""
        windows = [{"days": [DAYS[day] for day in window.days], **_times(window)} for window in self.windows]
        dates = {day.isoformat(): [_times(window) for window in windows] for day, windows in self.dates.items()}
        return {
            "timezone": self.zone,
            "windows": windows,
            **({"dates": dates} if dates else {}),
            "chats": self.selection.to_json(),
            "enabled": self.enabled,
        }


def unreadable(name: str) -> Policy:
    """What stands for a stored policy that makes no sense any more, e.g. because its zone is gone: it wants nothing.

    One such policy must not keep an account from letting go of what its others hold.
    """
    return Policy(name, "UTC", (), {}, All(), enabled=False)


def is_policy_name(name: object) -> bool:
    """Whether a policy may be called that."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def _zone(value: object) -> str:
    if not isinstance(value, str) or value not in zones.zone_names():
        raise PolicyError("timezone", "must be the IANA name of a time zone, e.g. Europe/Berlin")
    return value


def _weekly(value: object, path: str) -> Window:
    given = reading.fields(value, path, ("days", "start", "end"))
    days = reading.items(given.get("days"), f"{path}.days", at_most=len(DAYS))
    if not days:
        raise PolicyError(f"{path}.days", "must name at least one day")
    for index, day in enumerate(days):
        if day not in DAYS:
            raise PolicyError(f"{path}.days[{index}]", "must be one of " + ", ".join(DAYS))
        if day in days[:index]:
            raise PolicyError(f"{path}.days[{index}]", "is given twice")
    start, end = _start_and_end(given, path)
    return Window(start, end, tuple(sorted(DAYS.index(day) for day in days)))


def _dates(value: object) -> dict[date, tuple[Window, ...]]:
    if not isinstance(value, Mapping):
        raise PolicyError("dates", "must be an object")
    if len(value) > DATES_MAX:
        raise PolicyError("dates", f"at most {DATES_MAX} are allowed")
    dates: dict[date, tuple[Window, ...]] = {}
    for name, windows in value.items():
        path = f"dates.{reading.printable(name)}"
        dates[_date(name, path)] = _windows_of_date(windows, path)
    if sum(map(len, dates.values())) > DATE_WINDOWS_MAX:
        raise PolicyError("dates", f"at most {DATE_WINDOWS_MAX:,} windows are allowed in all of them")
    return dict(sorted(dates.items()))


def _windows_of_date(value: object, path: str) -> tuple[Window, ...]:
    windows = []
    for index, item in enumerate(reading.items(value, path, at_most=WINDOWS_MAX)):
        given = reading.fields(item, f"{path}[{index}]", ("start", "end"))
        windows.append(Window(*_start_and_end(given, f"{path}[{index}]")))
    return tuple(windows)


def _date(name: str, path: str) -> date:
    try:
        if _DATE.fullmatch(name):
            return date.fromisoformat(name)
    except ValueError:
        pass
    raise PolicyError(path, "must be a date like 2026-12-25")


def _start_and_end(given: Mapping[str, Any], path: str) -> tuple[int, int]:
    start, end = _time(given.get("start"), f"{path}.start"), _end(given.get("end"), f"{path}.end")
    if start == end:
        raise PolicyError(f"{path}.end", "must differ from start")
    return start, end


def _time(value: object, path: str, reason: str = "must be HH:MM") -> int:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PolicyError(path, reason)
    return int(match[1]) * 60 + int(match[2])


def _end(value: object, path: str) -> int:
    return _MIDNIGHT if value == "24:00" else _time(value, path, "must be HH:MM or 24:00")


def _times(window: Window) -> dict[str, str]:
    return {"start": _clock(window.start), "end": _clock(window.end)}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
