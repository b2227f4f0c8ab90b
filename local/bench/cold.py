"""Cold starts: instructions as callgrind counts them, and time under AWS's own runtime client."""

import json
import re
import shutil
import statistics
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.bench.runtime_api import started
from local.bench.variants import HANDLERS, PYTHON, Place, Variant, mute_event

COLD = ("bare", "minimal", "tutorial", "ours")
ROUNDS, CALLS = 9, 200
VALGRIND = shutil.which("valgrind")
_DRIVER = HANDLERS / "drive.py"


@dataclass(frozen=True)
class Cold:
    """One function's cold start; instructions are None where there is no valgrind."""

    init_minstr: float | None
    total_minstr: float | None
    init_ms: float
    total_ms: float
    warm_ms: float
    per_second: float
    rss_mb: float


def instructions(variant: Variant, place: Place) -> tuple[float, float]:
    """Millions of instructions until init has ended, and until the first call has: the interpreter's own included.

    Raises:
        RuntimeError: the first call went wrong.
    """
    with tempfile.TemporaryDirectory(prefix="quiet-hours-bench-") as folder:
        out = Path(folder) / "counts"
        run = subprocess.run(  # noqa: S603
            [*under_callgrind(out), PYTHON.resolve(), _DRIVER, variant.handler],
            input=json.dumps([mute_event(f"counted-{variant.name}")]) + "\n",
            env=place.environment(variant), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            raise RuntimeError(f"{variant.name} under callgrind: {run.stderr[-2000:]}")
        _check(variant, json.loads(run.stdout)["answers"][0])
        init, call = counted(out, 1), counted(out, 2)
    return init, init + call


def under_callgrind(out: Path) -> list[str]:
    """What comes before a command, so that it is counted at each `os.getloadavg`; see `counted`."""
    return [str(VALGRIND), "--tool=callgrind", "--dump-before=getloadavg", f"--callgrind-out-file={out}"]


def counted(out: Path, part: int) -> float:
    """Millions of instructions between two calls of `os.getloadavg`, the first part from the beginning."""
    file = out.with_name(f"{out.name}.{part}")
    found = re.search(r"^totals: (\d+)", file.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"no total in {file}")
    return int(found[1]) / 1e6


def _check(variant: Variant, answer: Any) -> None:
    """Whether a first call did what it is measured for."""
    if answer["statusCode"] != 200 or (variant.name != "bare" and json.loads(answer["body"])["result"] is not True):
        raise RuntimeError(f"{variant.name} answered {answer}")


def measure(variants: dict[str, Variant], place: Place) -> dict[str, Cold]:
    """All of `COLD`; time in rounds, so that what else the machine does meets all of them alike."""
    chosen = [variants[name] for name in COLD]
    counted: dict[str, tuple[float, float]] = {}
    if VALGRIND:
        with ThreadPoolExecutor(2) as pool:
            counted = dict(zip(COLD, pool.map(lambda one: instructions(one, place), chosen), strict=True))
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in COLD}
    warm: dict[str, tuple[float, float, float]] = {}
    for number in range(ROUNDS):
        for one in chosen:
            with started(one, place) as environment:
                first, answer = environment.invoke(mute_event(f"{one.name}-{number}"))
                _check(one, answer)
                seen[one.name].append((environment.init_ms, environment.init_ms + first))
                if number == ROUNDS - 1:
                    calls = [environment.invoke(mute_event(f"{one.name}-{call}-warm"))[0] for call in range(CALLS)]
                    warm[one.name] = (
                        statistics.median(calls),
                        1000 / statistics.fmean(calls),
                        environment.memory_mb()[0],
                    )
    return {name: _cold(counted.get(name), seen[name], warm[name]) for name in COLD}


def _cold(
    counted: tuple[float, float] | None, seen: list[tuple[float, float]], warm: tuple[float, float, float]
) -> Cold:
    init_minstr, total_minstr = counted or (None, None)
    init_ms, total_ms = (statistics.median(column) for column in zip(*seen, strict=True))
    return Cold(init_minstr, total_minstr, init_ms, total_ms, *warm)
