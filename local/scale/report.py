"""From worlds to one report."""

import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from local.scale.prices import DATED, price
from local.scale.world import MIDNIGHT_LOOK, OPENING, Part, Plan

STEP = 5
"""Seconds between two points of a curve."""
_QUARTER = 15 * 60
LOOKS = int((MIDNIGHT_LOOK - OPENING).total_seconds()) // _QUARTER
MINUTES_A_DAY = 1440

Night = Mapping[str, Part]


def report(plan: Plan, nights: Sequence[Night], wall_seconds: float) -> dict[str, Any]:
    """What is printed and written; the first ten fields' names are fixed, checks outside the repository read them."""
    edges = {name: edge(plan, merged(night[name] for night in nights)) for name in ("opening", "closing")}
    units = night_units(nights)
    return {
        "accounts": plan.portals * plan.accounts,
        "portals": plan.portals,
        "chats": plan.portals * plan.accounts * plan.chats,
        "median_over_bound": max(one["median_over_bound"] for one in edges.values()),
        "worst_over_bound": max(one["worst_over_bound"] for one in edges.values()),
        "lost": sum(one["lost"] for one in edges.values()),
        "wrong": sum(one["wrong"] for one in edges.values()),
        "requests": sum(one["requests"] for one in edges.values()),
        "peak_concurrency": max(one["peak_concurrency"] for one in edges.values()),
        "aws_units": {name: round(number) for name, number in units.items()},
        "throttled_worst": max(one["throttled_worst"] for one in edges.values()),
        "retries": sum(one["retries"] for one in edges.values()),
        "edges": edges,
        "usd_a_night": round(price(units), 2),
        "prices": DATED,
        "portals_at_once": plan.at_once,
        "memory_mb": plan.memory,
        "failing": plan.failing,
        "seed": plan.seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "wall_seconds": round(wall_seconds, 1),
    }


def edge(plan: Plan, part: Part) -> dict[str, Any]:
    """One edge of the windows. ``over_bound`` counts a call more for each that failed, ``over_plain`` does not."""
    seen = list(part.seen.values())
    over = [one.quiet_after / plan.bound(plan.needed + one.failed) for one in seen]
    plain = [one.quiet_after / plan.bound(plan.needed) for one in seen]
    quiet = [one.quiet_after for one in seen]
    return {
        "median_over_bound": round(statistics.median(over), 3),
        "worst_over_bound": round(max(over), 3),
        "median_over_plain": round(statistics.median(plain), 3),
        "worst_over_plain": round(max(plain), 3),
        "median_seconds": round(statistics.median(quiet), 1),
        "worst_seconds": round(max(quiet), 1),
        "lost": part.lost,
        "wrong": part.wrong,
        "requests": sum(one.requests for one in seen),
        "retries": sum(one.requests - plan.needed for one in seen),
        "failed": sum(one.failed for one in seen),
        "throttled": sum(one.throttled for one in seen),
        "throttled_worst": max(one.throttled for one in seen),
        "peak_concurrency": peak(part.spans),
        "concurrency": curve([*((start, 1) for start, _ in part.spans), *((end, -1) for _, end in part.spans)]),
        "queue_depth": curve(part.depth),
    }


def merged(parts: Iterable[Part]) -> Part:
    """The same edge of all worlds."""
    whole = Part()
    for part in parts:
        whole.seen.update(part.seen)
        whole.lost += part.lost
        whole.wrong += part.wrong
        whole.spans += part.spans
        whole.depth += part.depth
        for name, number in part.units.items():
            whole.units[name] += number
    return whole


def night_units(nights: Sequence[Night]) -> dict[str, float]:
    """Of AWS, for a whole night: its edges, its looks in between, of which one was simulated, and a day's ticks."""
    units: dict[str, float] = defaultdict(float)
    for name, times in {"opening": 1, "look": LOOKS, "closing": 1}.items():
        for unit, number in merged(night[name] for night in nights).units.items():
            units[unit] += number * times
    units["lambda_requests"] += MINUTES_A_DAY - units["scheduler_invocations"]
    units["scheduler_invocations"] = MINUTES_A_DAY
    return dict(units)


def peak(spans: Iterable[tuple[float, float]]) -> int:
    """How many there were at once, at most; who ends just as another begins is not counted with it."""
    changes = sorted([*((start, 1) for start, _ in spans), *((end, -1) for _, end in spans)])
    return max(accumulate(change for _, change in changes), default=0)


def curve(changes: Iterable[tuple[float, int]]) -> list[tuple[int, int]]:
    """A sum of changes as it was every few seconds, until it is back at 0 for good."""
    at: dict[int, int] = defaultdict(int)
    for moment, change in changes:
        at[int(moment // STEP) + 1] += change
    points, level = [(0, 0)], 0
    for step in range(1, max(at, default=0) + 1):
        level += at[step]
        points.append((step * STEP, level))
    return points
