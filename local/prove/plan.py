"""What happens in an episode: drawn from its seed, before anything is played, so that steps can be left out."""

import random
from collections.abc import Collection
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
    "look_up": 6, "view": 8, "policies": 3, "preview": 4, "stale_put": 1,
    "deploy": 3, "old_tick": 2, "two_ticks": 3, "old_message": 2, "again": 2, "foreign_post": 2,
    "portal_trouble": 7, "aws_trouble": 3, "dying": 4, "gap": 2, "rotate": 2, "owner": 4, "moved": 1, "full": 1,
    "tokens_lost": 1, "lost_answers": 5, "hiccup": 4, "paused": 4, "refusing": 3, "expired": 4,
    "outage": 8, "overtaken": 5, "dies_telling": 6,
}  # fmt: skip
"""What happens, and how often beside the others; each is a method of `troubles.Troubles`."""
TROUBLES = frozenset(
    {
        "portal_trouble",
        "aws_trouble",
        "dying",
        "dies_telling",
        "gap",
        "rotate",
        "owner",
        "moved",
        "full",
        "tokens_lost",
        "lost_answers",
        "hiccup",
        "paused",
        "refusing",
        "expired",
    }
)
DENSE = 0.9
"""The share of episodes that are short."""
_NEAR = (-3.6, -0.4, -0.01, 0.002, 0.004, 0.008, 0.02, 0.5, 1.2, 8.01)
"""Minutes from an edge."""


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
        times: at which their windows begin and end, on local clocks.
        start: when it begins.
        days: how long it goes on.
        small: one account with few chats, and troubles of minutes.
    """

    seed: int
    zones: tuple[str, ...]
    times: tuple[str, ...]
    start: datetime
    days: float
    small: bool
    steps: tuple[Step, ...]


def plan(seed: int) -> Plan:
    """The episode of a seed: some days of several accounts; or, more often, some hours in which much meets."""
    chance = random.Random(seed)  # noqa: S311  no secret
    return _dense(chance, seed) if chance.random() < DENSE else _wide(chance, seed)


def _wide(chance: random.Random, seed: int) -> Plan:
    zone, day = chance.choice(PLACES)
    zones = tuple(dict.fromkeys((zone, chance.choice(("UTC", zone, chance.choice(PLACES)[0])))))
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(hours=chance.randint(0, 12))
    days = chance.randint(2, 4)
    calm = chance.random() < 0.3
    steps = [Step(minutes(start) + 1, "policy", chance.getrandbits(32)) for _ in range(2)]
    for _ in range(days * chance.randint(8, 22)):
        kind = _kind(chance)
        if calm and kind in TROUBLES:
            continue
        steps.append(Step(_when(chance, start, days, zones), kind, chance.getrandbits(32)))
    return Plan(seed, zones, TIMES, start, days, small=False, steps=_in_order(steps))


def _dense(chance: random.Random, seed: int) -> Plan:
    """Few edges, and much that happens together around them: a trouble, and what people do in the minutes after."""
    zone, day = chance.choice(PLACES)
    zones = (zone, "UTC") if chance.random() < 0.2 else (zone,)
    local = datetime.combine(date.fromisoformat(day), datetime.min.time(), ZoneInfo(zone))
    start = (local + timedelta(days=chance.randint(0, 3), hours=chance.choice((0, 1, 6, 11, 17, 18, 20)))).astimezone(
        UTC
    )
    hours = chance.randint(4, 9)
    edges = _edges(start, hours, zone)
    times = tuple(chance.sample(sorted(edges), min(len(edges), chance.choice((2, 3, 3, 4)))))
    times = times if len(times) > 1 else TIMES
    moments = [edges[time] for time in times if time in edges] or [minutes(start) + 60]
    calm = chance.random() < 0.2
    steps = [Step(minutes(start) + 1, "policy", chance.getrandbits(32)) for _ in range(chance.choice((0, 1, 2, 2)))]
    for _ in range(hours):
        at = chance.choice(moments) + chance.choice(_NEAR) if chance.random() < 0.7 else None
        at = max(at or minutes(start) + chance.uniform(2, hours * 60), minutes(start) + 2)
        if chance.random() < 0.6 and not calm:
            steps.append(Step(at, _kind(chance, TROUBLES), chance.getrandbits(32)))
        for _ in range(chance.randint(1, 4)):
            later = chance.choice((0.0, 0.0, 0.001, 0.004, 0.01, 0.1, 0.5, 1.0, 1.5, 3.0, 6.0))
            steps.append(Step(at + later, _kind(chance, KINDS.keys() - TROUBLES), chance.getrandbits(32)))
    if chance.random() < 0.2:
        before = max(chance.choice(moments) - chance.uniform(4, 25), minutes(start) + 2)
        steps.append(Step(before, "outage", chance.getrandbits(32)))
    return Plan(seed, zones, times, start, hours / 24, small=True, steps=_in_order(steps))


def _edges(start: datetime, hours: int, zone: str) -> dict[str, float]:
    """When, in a stretch of time, clocks show one of `TIMES`."""
    found: dict[str, float] = {}
    for minute in range(int(minutes(start)) + 3, int(minutes(start)) + hours * 60):
        shown = f"{datetime.fromtimestamp(minute * 60, ZoneInfo(zone)):%H:%M}"
        if shown in TIMES:
            found.setdefault(shown, float(minute))
    return found


def _kind(chance: random.Random, among: Collection[str] = KINDS) -> str:
    kinds = sorted(among)
    return chance.choices(kinds, [KINDS[kind] for kind in kinds])[0]


def _in_order(steps: list[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: step.at))


def _when(chance: random.Random, start: datetime, days: int, zones: tuple[str, ...]) -> float:
    """Often around one of the times at which windows begin or end."""
    if chance.random() < 0.4:
        return minutes(start) + 2 + chance.random() * days * 1440
    day = start + timedelta(days=chance.randint(0, days - 1))
    hour, minute = map(int, chance.choice(TIMES).split(":"))
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(chance.choice(zones)))
    return max(minutes(local) + chance.choice(_NEAR), minutes(start) + 2)


def policy(chance: random.Random, plan: Plan, chats: list[str]) -> dict[str, Any]:
    """A policy somebody may write."""
    windows = []
    for _ in range(chance.choice((1, 1, 1, 2))):
        days = sorted(chance.sample(DAYS, chance.choice((7, 7, 5, 2) if plan.days > 1 else (7,))), key=DAYS.index)
        windows.append({"days": days, **_window(chance, plan.times)})
    if chance.random() < 0.2:  # a pause that is no pause
        windows = [
            {"days": list(DAYS), "start": "19:00", "end": "21:59"},
            {"days": list(DAYS), "start": "22:00", "end": "02:30"},
        ]
    document: dict[str, Any] = {
        "timezone": chance.choice(plan.zones),
        "windows": windows,
        "chats": _chats(chance, chats),
    }
    if chance.random() < 0.3:
        day = (plan.start + timedelta(days=chance.randint(0, 5 if plan.days > 1 else 1))).date()
        document["dates"] = {day.isoformat(): chance.choice(([], [_window(chance, plan.times)]))}
    if chance.random() < 0.1:
        document["enabled"] = False
    return document


def _window(chance: random.Random, times: tuple[str, ...]) -> dict[str, str]:
    begin, end = chance.sample(times, 2)
    return {"start": begin, "end": chance.choice((end, end, end, end, "24:00"))}


def _chats(chance: random.Random, chats: list[str]) -> dict[str, Any]:
    some = chance.sample(chats, min(len(chats), chance.randint(1, 4)))
    return chance.choice((
        {"all": True}, {"all": True}, {"all": True, "workgroups": True}, {"only": some}, {"only": some},
        {"all": True, "except": some}, {"all": True, "types": ["private"]}, {"all": True, "types": ["CHAT", "open"]},
        {"all": True, "title": "deal *"}, {"all": True, "title": "*?4*", "workgroups": True},
    ))  # fmt: skip
