"""`make bench-client`: our layer beside the vendor's b24pysdk and fast-bitrix24, against one simulated portal.

Every run has a portal of its own, in a process of its own: 30 ms a call and 2 ms a command, a bucket of 50 that drains
by 2 a second. `bound_s` is what the bucket or the latency alone takes. Peers run unmodified in their own virtual
environment, with their default settings. `bare requests` sends ready bodies at our pace and does nothing else: the
floor of whatever is built on requests. Writes build/bench-client.json.
"""

import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.paths import BUILD, ROOT, venv_python
from local.terminal import paint, say

LATENCY, COMMAND_LATENCY, BURST, PER_SECOND, SIZE = 0.03, 0.002, 50, 2, 50
GIVE_UP_SECONDS = 400
OURS, VENDORS, FAST, BARE = "bitrix24 (ours)", "b24pysdk", "fast-bitrix24", "bare requests"


@dataclass(frozen=True)
class Plan:
    """One run."""

    client: str
    chats: int
    in_flight: int = 4
    rejected_calls_count: bool = False
    neighbour: float = 0

    @property
    def mode(self) -> str:
        """What is special about the portal."""
        return "refused calls count" if self.rejected_calls_count else "a neighbour" if self.neighbour else ""

    @property
    def bound(self) -> float:
        """Seconds that no client can beat: the bucket's, or one batch's latency where the burst takes them all."""
        requests = -(-self.chats // SIZE)
        latency = LATENCY + min(self.chats, SIZE) * COMMAND_LATENCY
        return max((requests - BURST) / PER_SECOND, latency)


@dataclass(frozen=True)
class Run:
    """What one run took; field names are fixed, checks outside the repository read them."""

    client: str
    mode: str
    in_flight: int
    chats: int
    wall_s: float
    bound_s: float
    cpu_s: float
    requests: int
    throttled: int
    muted: int
    told: int
    connections: int
    rss_mb: float
    error: str | None


PLANS = [
    *(Plan(client, 1_000) for client in (OURS, VENDORS, FAST)),
    *(Plan(client, 1_000, 20) for client in (OURS, FAST, OURS, FAST, OURS, FAST)),
    *(Plan(client, 10_000) for client in (OURS, VENDORS, FAST, BARE)),
    *(Plan(client, 10_000, rejected_calls_count=True) for client in (OURS, VENDORS, FAST)),
    *(Plan(client, 10_000, neighbour=PER_SECOND) for client in (OURS, VENDORS, FAST)),
]


def run(plan: Plan) -> Run:
    """Carries one plan out."""
    with _portal(plan) as (ready, counted):
        seen = _drive(plan, ready)
    return Run(
        client=plan.client,
        mode=plan.mode,
        in_flight=plan.in_flight if plan.client == OURS else 0,
        chats=plan.chats,
        wall_s=round(seen["wall_s"], 3),
        bound_s=plan.bound,
        cpu_s=round(seen["cpu_s"], 3),
        requests=counted["requests"],
        throttled=counted["throttled"],
        muted=counted["muted"],
        told=seen["told"],
        connections=counted["connections"],
        rss_mb=round(seen["rss_mb"], 1),
        error=seen["error"],
    )


@contextlib.contextmanager
def _portal(plan: Plan) -> Iterator[tuple[dict[str, str], dict[str, int]]]:
    """A portal for one run: how to reach it, and, after its end, what it has counted."""
    counted: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="quiet-hours-bench-") as folder:
        settings = {
            "folder": folder, "chats": plan.chats, "burst": BURST, "per_second": PER_SECOND, "latency": LATENCY,
            "command_latency": COMMAND_LATENCY, "rejected_calls_count": plan.rejected_calls_count,
            "neighbour": plan.neighbour,
        }  # fmt: skip
        with subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "local.bench.portal", json.dumps(settings)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            if process.stdin is None or process.stdout is None:
                raise AssertionError
            yield json.loads(process.stdout.readline()), counted
            process.stdin.close()
            counted.update(json.loads(process.stdout.readline()))


def _drive(plan: Plan, ready: dict[str, str]) -> dict[str, Any]:
    """Runs the client in a process of its own and adds what the kernel says it took."""
    bundle = ready["ca"]
    arguments = [ready["webhook"], str(plan.chats)]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"REQUESTS_CA_BUNDLE": bundle, "SSL_CERT_FILE": bundle, "PYTHONDONTWRITEBYTECODE": ""}
    if plan.client == OURS:
        python, script = Path(sys.executable), "drive_ours.py"
        arguments += [str(plan.in_flight), str(GIVE_UP_SECONDS), bundle]
        environment["PYTHONPATH"] = str(ROOT / "layers" / "bitrix24")
    elif plan.client == BARE:
        python, script = Path(sys.executable), "drive_bare.py"
        arguments.append(bundle)
    else:
        python = venv_python("sdk")
        script = "drive_b24pysdk.py" if plan.client == VENDORS else "drive_fast_bitrix24.py"
    with subprocess.Popen(  # noqa: S603
        [python, Path(__file__).with_name(script), *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        killer = threading.Timer(GIVE_UP_SECONDS, process.kill)
        killer.start()
        said = process.stdout.read() if process.stdout else ""
        killer.cancel()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    unfinished = {"wall_s": GIVE_UP_SECONDS, "told": 0, "error": f"not finished after {GIVE_UP_SECONDS} s"}
    seen: dict[str, Any] = json.loads(said) if said.strip() else unfinished
    return {**seen, "cpu_s": usage.ru_utime + usage.ru_stime, "rss_mb": usage.ru_maxrss / 1024}


def targets(runs: list[Run]) -> list[tuple[str, float, float]]:
    """What we set out to reach: a name, what was measured, and what it may be at most."""

    def best(client: str, chats: int, mode: str = "", in_flight: int = 0) -> Run:
        found = [one for one in runs if (one.client, one.chats, one.mode) == (client, chats, mode)]
        return min((one for one in found if one.in_flight == in_flight), key=lambda one: one.wall_s)

    many, few = best(OURS, 10_000, in_flight=4), best(OURS, 1_000, in_flight=4)
    modes = [many, *(best(OURS, 10_000, mode, 4) for mode in ("refused calls count", "a neighbour"))]
    return [
        ("10,000 chats: wall over the bound", many.wall_s / many.bound_s, 1.08),
        ("10,000 chats: refusals", many.throttled, 1),
        ("10,000 chats: CPU over b24pysdk's", many.cpu_s / best(VENDORS, 10_000).cpu_s, 1 / 12),
        ("10,000 chats: CPU over bare requests'", many.cpu_s / best(BARE, 10_000).cpu_s, 1.5),
        ("10,000 chats: memory over 1,000 chats'", many.rss_mb / few.rss_mb, 1.1),
        ("10,000 chats, each mode: not muted or not told", max(20_000 - one.muted - one.told for one in modes), 0),
        ("1,000 chats, 20 in flight: wall over fast-bitrix24's",
         best(OURS, 1_000, in_flight=20).wall_s / best(FAST, 1_000).wall_s, 1),
        ("1,000 chats, 4 in flight: wall over b24pysdk's", few.wall_s / best(VENDORS, 1_000).wall_s, 1 / 4),
    ]  # fmt: skip


def main() -> int:
    """Prints the table as it grows."""
    say(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    say(paint(f"{'client':17}{'chats':>7}{'mode':>21}{'flight':>7}{'wall s':>8}{'bound':>7}{'x':>6}{'cpu s':>7}"
              f"{'req':>6}{'503':>5}{'muted':>7}{'told':>7}{'conn':>5}{'MB':>5}  error", "bold"))  # fmt: skip
    runs = []
    for plan in PLANS:
        one = run(plan)
        runs.append(one)
        say(f"{one.client:17}{one.chats:7}{one.mode:>21}{one.in_flight or '-':>7}{one.wall_s:8.2f}{one.bound_s:7.2f}"
            f"{one.wall_s / one.bound_s:6.2f}{one.cpu_s:7.2f}{one.requests:6}{one.throttled:5}{one.muted:7}{one.told:7}"
            f"{one.connections:5}{one.rss_mb:5.0f}  {one.error or ''}")  # fmt: skip
    for name, measured, most in targets(runs):
        verdict = paint("reached", "green") if measured <= most else paint("missed", "red")
        say(f"{name:55}{measured:8.3f}  at most {most:.3f}  {verdict}")
    BUILD.mkdir(exist_ok=True)
    report = {"machine": platform.machine(), "python": platform.python_version(), "runs": [asdict(one) for one in runs]}
    (BUILD / "bench-client.json").write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
