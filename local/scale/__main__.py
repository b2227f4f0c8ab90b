"""Runs a plan on all of the machine's cores, prints what came of it, and writes build/scale.json."""

import argparse
import json
import sys
import time

from local.paths import BUILD
from local.scale.prices import price
from local.scale.report import night_units, report
from local.scale.run import run
from local.scale.world import Plan
from local.terminal import paint, say

TARGETS = {"median_over_bound": 1.15, "worst_over_bound": 1.3, "throttled_worst": 1, "lost": 0, "wrong": 0}


def arguments() -> Plan:
    """What is asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.scale", description=__doc__)
    for name, value in vars(Plan()).items():
        if value is not None:
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--margins", type=float, nargs=2, metavar=("BURST", "PACE"))
    asked = vars(parser.parse_args())
    return Plan(**{**asked, "margins": asked["margins"] and tuple(asked["margins"])})


def main() -> int:
    """Returns 0 if the targets are met."""
    plan, began = arguments(), time.monotonic()
    say(f"{plan.portals} portals x {plan.accounts} accounts x {plan.chats} chats, {plan.at_once} portals at once,"
        f" {plan.failing:.0%} of calls failing, seed {plan.seed}")  # fmt: skip
    nights = run(plan)
    told = report(plan, nights, time.monotonic() - began)
    for name, edge in told["edges"].items():
        say(paint(name, "bold"))
        say(f"  seconds      median {edge['median_seconds']}, worst {edge['worst_seconds']}")
        say(f"  over bound   median {edge['median_over_bound']}, worst {edge['worst_over_bound']};"
            f" without failed calls {edge['median_over_plain']} and {edge['worst_over_plain']}")  # fmt: skip
        say(f"  requests     {edge['requests']}, of those failed {edge['failed']}, retries {edge['retries']},"
            f" 503 {edge['throttled']}, at most {edge['throttled_worst']} for a portal")  # fmt: skip
        say(f"  lost, wrong  {edge['lost']}, {edge['wrong']}")
        say(f"  workers      at most {edge['peak_concurrency']} at once; after seconds: {_curve(edge['concurrency'])}")
        say(f"  queue        after seconds: {_curve(edge['queue_depth'])}")
    say(paint("AWS, a night", "bold"))
    for unit, number in sorted(night_units(nights).items()):
        say(f"  {unit:23}{number:14,.0f}  {price({unit: number}):8.2f} USD")
    say(f"  {'':23}{'':14}  {told['usd_a_night']:8.2f} USD  ({told['prices']})")
    for name, most in TARGETS.items():
        verdict = paint("reached", "green") if told[name] <= most else paint("missed", "red")
        say(f"{name:20}{told[name]:8}  at most {most:<5}  {verdict}")
    BUILD.mkdir(exist_ok=True)
    (BUILD / "scale.json").write_text(json.dumps(told, indent=2) + "\n")
    say(f"{told['wall_seconds']} s on {told['machine']}; build/scale.json")
    return 0 if all(told[name] <= most for name, most in TARGETS.items()) else 1


def _curve(points: list[tuple[int, int]]) -> str:
    busy = [f"{second}:{number}" for second, number in points if second % 10 == 0]
    return " ".join(busy[:16])


if __name__ == "__main__":
    sys.exit(main())
