"""All worlds of a plan, on all of the machine's cores."""

import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed

from local.scale.report import Night
from local.scale.world import Plan, World
from local.terminal import paint, say

PORTALS_TO_A_WORLD = 50


def night(plan: Plan, mine: range, worlds: int) -> Night:
    """One world's night, in a process of its own."""
    gc.disable()
    return World(plan, mine, worlds).night()


def run(plan: Plan) -> list[Night]:
    """All worlds' nights."""
    cores = os.cpu_count() or 1
    worlds = max(min(cores, plan.portals), -(-plan.portals // PORTALS_TO_A_WORLD))
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    context = multiprocessing.get_context("spawn")
    nights: list[Night] = []
    with ProcessPoolExecutor(cores, context, max_tasks_per_child=1) as pool:
        started = [pool.submit(night, plan, range(number, plan.portals, worlds), worlds) for number in range(worlds)]
        for done in as_completed(started):
            nights.append(done.result())
            say(paint(f"world {len(nights)} of {worlds}", "dim"))
    return nights
