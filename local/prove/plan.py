"""What happens in an episode: drawn from its seed, before anything is played, so that steps can be left out."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local.prove.hours import DAYS, minutes

PLACES = (
    ("Europe/Berlin", "2026-03-27"), ("Europe/Berlin", "2026-10-23"), ("Europe/Berlin", "2026-06-01"),
    ("Australia/Lord_Howe", "2026-04-03"), ("Australia/Lord_Howe", "2026-10-02"),
    ("Antarctica/Troll", "2026-03-27"), ("Antarctica/Troll", "2026-10-23"),
    ("Africa/Casablanca", "2026-02-13"), ("Africa/Casablanca", "2026-03-20"),
    ("America/Santiago", "2026-04-03"), ("America/Santiago", "2026-09-04"),
    ("Pacific/Apia", "2011-12-28"), ("Africa/Cairo", "2026-04-22"), ("Asia/Beirut", "2026-03-27"),
    ("America/New_York", "2026-03-06"), ("America/St_Johns", "2026-10-30"), ("Pacific/Chatham", "2026-04-03"),
    ("Asia/Kathmandu", "2026-06-01"), ("America/Havana", "2026-10-30"), ("Asia/Tehran", "2022-09-19"),
)  # fmt: skip
"""Zones, and days just before their clocks change, or a day is left out."""
TIMES = ("00:00", "01:00", "01:30", "02:00", "02:15", "02:30", "03:00", "08:00", "12:00", "13:00", "19:00", "21:59",
    "22:00", "22:01", "23:30")  # fmt: skip
KINDS = {
    "policy": 8, "drop": 3, "toggle": 3, "skip": 4, "unskip": 3,
    "mute": 6, "unmute": 8, "until": 12, "twins": 8, "job": 6, "let_go": 3, "direct": 4, "replay": 4,
    "click": 12, "during": 10, "new_chat": 3, "rename": 2, "leave": 2, "join": 2,
    "look_up": 8, "deploy": 3, "old_tick": 2, "two_ticks": 3, "old_message": 2, "again": 2, "foreign_post": 1,
    "portal_trouble": 7, "aws_trouble": 3, "dying": 4, "gap": 2, "rotate": 2, "owner": 4, "moved": 1, "full": 1,
    "tokens_lost": 1,
}  # fmt: skip
"""What happens, and how often beside the others; each is a method of `acts.Acts`."""


@dataclass(frozen=True)
class Step:
    """One thing that happens; ``seed`` decides the rest.

    Attributes:
        at: in minutes since 1970.
    """

    at: float
    kind: str
    seed: int


@dataclass(frozen=True)
class Plan:
    """An episode.

    Attributes:
        zones: of its policies.
        start: when it begins.
        days: how long it goes on.
    """

    seed: int
    zones: tuple[str, ...]
    start: datetime
    days: int
    steps: tuple[Step, ...]


def plan(seed: int) -> Plan:
    """The episode of a seed."""
    chance = random.Random(seed)  # noqa: S311  no secret
    zone, day = chance.choice(PLACES)
    zones = tuple(dict.fromkeys((zone, chance.choice(("UTC", zone, chance.choice(PLACES)[0])))))
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(hours=chance.randint(0, 12))
    days = chance.randint(2, 5)
    kinds, weights = zip(*KINDS.items(), strict=True)
    calm = chance.random() < 0.3
    steps = [Step(minutes(start) + 1, "policy", chance.getrandbits(32)) for _ in range(2)]
    for _ in range(days * chance.randint(8, 22)):
        kind = chance.choices(kinds, weights)[0]
        if calm and kind in TROUBLES:
            continue
        steps.append(Step(_when(chance, start, days, zones), kind, chance.getrandbits(32)))
    return Plan(seed, zones, start, days, tuple(sorted(steps, key=lambda step: step.at)))


TROUBLES = frozenset(
    {"portal_trouble", "aws_trouble", "dying", "gap", "rotate", "owner", "moved", "full", "tokens_lost"}
)


def _when(chance: random.Random, start: datetime, days: int, zones: tuple[str, ...]) -> float:
    """Often around one of the times at which windows begin or end."""
    if chance.random() < 0.4:
        return minutes(start) + 2 + chance.random() * days * 1440
    day = start + timedelta(days=chance.randint(0, days - 1))
    hour, minute = map(int, chance.choice(TIMES).split(":"))
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(chance.choice(zones)))
    at = minutes(local) + chance.choice((-0.4, -0.01, 0.002, 0.004, 0.008, 0.02, 0.5, 1.2, 8.0))
    return max(at, minutes(start) + 2)


def policy(chance: random.Random, zones: tuple[str, ...], chats: list[str], start: datetime) -> dict[str, Any]:
    """A policy somebody may write."""
    windows = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        days = sorted(chance.sample(DAYS, chance.choice((7, 7, 5, 2))), key=DAYS.index)
        begin, end = chance.sample(TIMES, 2)
        windows.append({"days": days, "start": begin, "end": chance.choice((end, end, end, "24:00"))})
    if chance.random() < 0.2:  # a pause that is no pause
        windows = [
            {"days": list(DAYS), "start": "19:00", "end": "21:59"},
            {"days": list(DAYS), "start": "22:00", "end": "02:30"},
        ]
    document: dict[str, Any] = {"timezone": chance.choice(zones), "windows": windows, "chats": _chats(chance, chats)}
    if chance.random() < 0.3:
        day = (start + timedelta(days=chance.randint(0, 5))).date()
        begin, end = chance.sample(TIMES, 2)
        document["dates"] = {day.isoformat(): chance.choice(([], [{"start": begin, "end": end}]))}
    if chance.random() < 0.1:
        document["enabled"] = False
    return document


def _chats(chance: random.Random, chats: list[str]) -> dict[str, Any]:
    some = chance.sample(chats, min(len(chats), chance.randint(1, 4)))
    return chance.choice((
        {"all": True}, {"all": True}, {"all": True, "workgroups": True}, {"only": some}, {"only": some},
        {"all": True, "except": some}, {"all": True, "types": ["private"]}, {"all": True, "types": ["CHAT", "open"]},
        {"all": True, "title": "deal *"}, {"all": True, "title": "*?4*", "workgroups": True},
    ))  # fmt: skip
