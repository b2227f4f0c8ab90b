"""`make bench-memory`: latency and price at the CPU shares that Lambda's memory sizes come with.

Lambda gives CPU in proportion to memory, one whole at 1,769 MB (its documentation). A share is enforced by the kernel's
CPU bandwidth control: a cgroup with a quota for each 20 ms. Without the right to make one, this is told as skipped.
Init is measured at the same share; on AWS it may get more. Prices are eu-west-1's for arm64, without the free tier.
"""

import contextlib
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from local.bench.runtime_api import started
from local.bench.variants import Place, Variant, mute_event, variants, world
from local.terminal import say

SIZES = (128, 256, 512, 1024, 1769)
PER_GB_SECOND, PER_REQUEST = 0.0000133334, 0.0000002
_WHOLE_MB, _PERIOD_US, _ROUNDS, _CALLS = 1769, 20_000, 3, 60


@contextlib.contextmanager
def share(memory_mb: int) -> Iterator[Path]:
    """A cgroup with the CPU of a memory size.

    Raises:
        OSError: there is no right to make one.
    """
    version2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    group = Path("/sys/fs/cgroup" if version2 else "/sys/fs/cgroup/cpu") / f"quiet-hours-{memory_mb}"
    group.mkdir()
    try:
        quota = _PERIOD_US * memory_mb // _WHOLE_MB
        if version2:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        yield group
    finally:
        group.rmdir()


def main() -> int:
    """Prints the table, as docs/performance.md has it."""
    ours = variants()["ours"]
    say("| MB | of a CPU | init ms | first call ms | warm p50 ms | p99 ms | a million warm | a million cold |")
    say("|--:|--:|--:|--:|--:|--:|--:|--:|")
    with world(ours) as place:
        for memory_mb in SIZES:
            try:
                with share(memory_mb) as group:
                    seen = [_one(ours, place, group, number) for number in range(_ROUNDS)]
            except PermissionError as error:
                say(f"skipped: no right to make a cgroup ({error.filename})")
                return 0
            init, first = (statistics.median(column) for column in list(zip(*seen, strict=True))[:2])
            warm = [call for _, _, calls in seen for call in calls]
            p50, p99 = statistics.median(warm), statistics.quantiles(warm, n=100)[98]
            price = [PER_REQUEST + ms / 1000 * memory_mb / 1024 * PER_GB_SECOND for ms in (p50, init + first)]
            say(f"| {memory_mb:,} | {memory_mb / _WHOLE_MB:.0%} | {init:.0f} | {first:.0f} | {p50:.1f} | {p99:.1f} "
                f"| ${price[0] * 1e6:.2f} | ${price[1] * 1e6:.2f} |")  # fmt: skip
    return 0


def _one(ours: Variant, place: Place, group: Path, number: int) -> tuple[float, float, list[float]]:
    key = f"{group.name}-{number}"
    with started(ours, place, group) as environment:
        first, _ = environment.invoke(mute_event(key))
        warm = [environment.invoke(mute_event(f"{key}-{call}"))[0] for call in range(_CALLS)]
        return environment.init_ms, first, warm


if __name__ == "__main__":
    sys.exit(main())
