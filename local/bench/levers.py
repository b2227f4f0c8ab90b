"""`make bench-levers`: what each choice in how we build saves of a cold start, by taking it back; instructions only."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from local.bench.cold import VALGRIND, instructions
from local.bench.variants import WHOLE_BUNDLES, Variant, variants, world
from local.paths import venv_python
from local.terminal import say


def levers(ours: Variant, folder: Path) -> Iterator[tuple[str, Variant]]:
    """Ours, and ours without one choice; copies of packages go into ``folder``."""
    handlers, function, runtime, bitrix24 = ours.path
    yield "as it is", ours
    (whole,) = (venv_python("tutorial").parent.parent / "lib").glob("python3.*/site-packages")
    untrimmed = folder / "untrimmed"
    shutil.copytree(runtime, untrimmed)
    shutil.rmtree(untrimmed / "botocore" / "data")
    for package in ("boto3", "botocore"):
        shutil.copytree(whole / package / "data", untrimmed / package / "data")
    yield "boto3's data whole", replace(ours, path=(handlers, function, untrimmed, bitrix24))
    for name in WHOLE_BUNDLES:
        whose = "AWS's" if name.startswith("AWS") else "portals'"
        yield f"{whose} roots from certifi's file", replace(ours, settings={name: WHOLE_BUNDLES[name]})
    bare = []
    for number, one in enumerate(ours.path):
        copy = folder / f"bare-{number}"
        shutil.copytree(one, copy, ignore=shutil.ignore_patterns("__pycache__"))
        bare.append(copy)
    yield "no byte-code, read-only", replace(ours, path=tuple(bare), settings={"PYTHONDONTWRITEBYTECODE": "1"})


def main() -> int:
    """Prints the table, as docs/performance.md has it."""
    if VALGRIND is None:
        say("skipped: there is no valgrind")
        return 0
    ours = variants()["ours"]
    say("| | init | init and first call | more than as it is |")
    say("|---|--:|--:|--:|")
    with tempfile.TemporaryDirectory(prefix="quiet-hours-levers-") as folder, world(ours) as place:
        usual = 0.0
        for name, variant in levers(ours, Path(folder)):
            init, total = instructions(replace(variant, name=name.replace(" ", "-")), place)
            usual = usual or total
            say(f"| {name} | {init:,.0f} | {total:,.0f} | {total / usual - 1:+.0%} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
