"""`make bench`: our function beside the floor and its peers, in one run on one machine. Writes build/bench.json.

docs/performance.md explains the peers and keeps the figures. Returns 1 if a target is missed. What valgrind or
python3.13 would show is told as skipped where they are not there.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from local.bench import cold, warm
from local.bench.cold import Cold
from local.bench.size import Size, size
from local.bench.variants import PYTHON, Variant, variants, world
from local.bench.warm import Driver, Warm
from local.paths import BUILD
from local.terminal import paint, say

_PACKAGES = ("boto3", "requests", "urllib3", "aws-lambda-powertools", "pydantic", "aws-xray-sdk")
_WARM_TARGETS = ("api", "api_idempotent", "schedule", "tick")
"""A look is not among them: its floor asks the same, but decides nothing."""


class Target(NamedTuple):
    """What was measured, and what it may be at most; None where it could not be measured."""

    name: str
    measured: float | None
    at_most: float

    @property
    def verdict(self) -> str:
        """Whether it was reached."""
        if self.measured is None:
            return "skipped"
        return "reached" if self.measured <= self.at_most else "missed"


def targets(colds: dict[str, Cold], warms: dict[str, Warm], ratios: dict[str, float]) -> list[Target]:
    """What we have set out to reach."""

    def ratio(peer: str) -> float | None:
        ours, theirs = colds["ours"].total_minstr, colds[peer].total_minstr
        return None if ours is None or theirs is None else ours / theirs

    found = [
        Target("cold, init and first call: instructions over minimal's", ratio("minimal"), 1.20),
        Target("cold, init and first call: instructions over tutorial's", ratio("tutorial"), 0.50),
    ]
    unit = "instructions" if ratios else "CPU"
    found += [
        Target(f"warm, {name}: {unit} over the floor's", ratios.get(name, warms[name].over_floor), 1.30)
        for name in _WARM_TARGETS
    ]
    most = {"api": (1, 1, 0), "api_idempotent": (1, 3, 0), "schedule": (1, 3, 0), "tick": (0, 1, 0)}
    for name, limits in most.items():
        found += [
            Target(f"warm, {name}: calls to {service}", warms[name].calls[service], limit)
            for service, limit in zip(warm.SERVICES, limits, strict=True)
        ]
    return found


def main() -> int:
    """Measures, prints, writes."""
    every = variants()
    ours, machine = every["ours"], _machine(every["tutorial"])
    say(", ".join(machine.values()))
    say(f"load {_load()}: others' work makes times longer, not instructions more")
    if cold.VALGRIND is None:
        say(paint("skipped: instructions, there is no valgrind", "red"))
    if "python 3.13" not in machine["python"]:
        say(paint("skipped: byte-code, there is no python3.13; our cold starts compile every module", "red"))
    with world(ours) as place:
        colds = cold.measure(every, place)
    sizes = {name: size(every[name]) for name in ("minimal", "tutorial", "ours")}
    _print_cold(colds, sizes)
    with world(ours) as one, world(ours) as other, Driver(ours, one) as mine, Driver(every["floor"], other) as floor:
        warms = warm.measure(mine, floor)
    ratios = _count_warm(ours, every["floor"])
    _print_warm(warms, ratios)
    reached = targets(colds, warms, ratios)
    for target in reached:
        colour = {"reached": "green"}.get(target.verdict, "red")
        figure = "" if target.measured is None else f"{target.measured:.3f}"
        say(f"{target.name:58}{figure:>8}  at most {target.at_most:g}  {paint(target.verdict, colour)}")
    say(f"load {_load()}")
    report = {
        "machine": machine,
        "cold": {name: asdict(one) for name, one in colds.items()},
        "warm": {name: asdict(one) for name, one in warms.items()},
        "warm_minstr_over_floor": ratios,
        "calls": {name: one.calls for name, one in warms.items()},
        "package_mb": sizes["ours"].unpacked,
        "rss_mb": colds["ours"].rss_mb,
        "requests_per_second": colds["ours"].per_second,
        "packages": {name: one._asdict() for name, one in sizes.items()},
        "targets": [one._asdict() | {"verdict": one.verdict} for one in reached],
    }
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(report, indent=2) + "\n")
    return int(any(target.verdict == "missed" for target in reached))


def _print_cold(colds: dict[str, Cold], sizes: dict[str, Size]) -> None:
    titles = ("init Minstr", "+ call", "init ms", "+ call", "warm ms", "per s", "RSS MB", "size MB", "zipped")
    say(paint(f"{'cold start':15}" + "".join(f" {title:>14}" for title in titles), "bold"))
    for name, one in colds.items():
        figures = [
            one.init_minstr,
            one.total_minstr,
            one.init_ms,
            one.total_ms,
            one.warm_ms,
            one.per_second,
            one.rss_mb,
        ]
        _print_row(name, [*figures, *sizes.get(name, (None, None))])


def _count_warm(ours: Variant, floor: Variant) -> dict[str, float]:
    if cold.VALGRIND is None:
        return {}
    with tempfile.TemporaryDirectory(prefix="quiet-hours-bench-") as folder, world(ours) as one, world(ours) as other:
        counts = Path(folder)
        with Driver(ours, one, counts / "ours") as mine, Driver(floor, other, counts / "floor") as bare:
            return warm.instructions(mine, bare)


def _print_warm(warms: dict[str, Warm], ratios: dict[str, float]) -> None:
    titles = ("p50 ms", "p99 ms", "CPU ms", "floor's CPU", "x", "x Minstr", *warm.SERVICES)
    say(paint(f"{'warm call':15}" + "".join(f" {title:>14}" for title in titles), "bold"))
    for name, one in warms.items():
        figures = [one.p50_ms, one.p99_ms, one.cpu_ms, one.floor_cpu_ms, one.over_floor, ratios.get(name)]
        _print_row(name, [*figures, *one.calls.values()])


def _print_row(name: str, figures: list[float | None]) -> None:
    say(f"{name:15}" + "".join(f"{'-' if one is None else f'{one:,.2f}':>15}" for one in figures))


def _machine(tutorial: Variant) -> dict[str, str]:
    code = (
        "import importlib.metadata, json, platform, sys; found = {'python': platform.python_version()};"
        "found |= {name: importlib.metadata.version(name) for name in sys.argv[1:]}; print(json.dumps(found))"
    )
    said = subprocess.run(  # noqa: S603
        [str(PYTHON), "-c", code, *_PACKAGES],
        env={"PYTHONPATH": str(tutorial.packages[0])}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    versions = {name: f"{name} {version}" for name, version in json.loads(said.stdout).items()}
    return {"machine": platform.machine(), "cores": f"{os.cpu_count()} cores", **versions}


def _load() -> str:
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
