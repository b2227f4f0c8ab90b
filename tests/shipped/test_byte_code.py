"""Every shipped module has byte-code that Lambda's read-only file system can use: without it, init takes 3.5 times
as long.

Checked by the runtime's own minor version, as importlib does it, and for what importlib does not ask: that an unchecked
file belongs to the source beside it.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local.paths import ROOT

CHECK = """
import importlib.util, json, pathlib, sys
wrong = {}
sources = 0
for source in pathlib.Path(sys.argv[1]).rglob("*.py"):
    sources += 1
    cached = pathlib.Path(importlib.util.cache_from_source(source))
    if not cached.exists():
        wrong[str(source)] = "none"
        continue
    head = cached.read_bytes()[:16]
    if head[:4] != importlib.util.MAGIC_NUMBER:
        wrong[str(source)] = "of another Python"
    elif int.from_bytes(head[4:8], "little") != 0b01:
        wrong[str(source)] = "not unchecked-hash"
    elif head[8:] != importlib.util.source_hash(source.read_bytes()):
        wrong[str(source)] = "of another source"
json.dump([sources, wrong], sys.stdout)
"""


def python313() -> str:
    """The interpreter the recipes compile with."""
    recipe = "include layers/build.mk\n$(info $(PYTHON313))\nall: ;"
    make = shutil.which("make") or "make"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    said = subprocess.run(
        [make, "-s", "-f", "-"], input=recipe, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


def check(folder: Path) -> tuple[int, dict[str, str]]:
    """How many modules there are in a folder, and what is wrong with their byte-code."""
    python = python313()
    if not python:
        pytest.skip("there is no python3.13: what is built on this machine has no byte-code, and would start slowly")
    said = subprocess.run([python, "-c", CHECK, folder], capture_output=True, text=True, check=True)
    sources, wrong = json.loads(said.stdout)
    return sources, wrong


@pytest.mark.parametrize(
    ("logical_id", "at_least"), [("RuntimeLayer", 400), ("Bitrix24Layer", 80), ("ChatMuteFunction", 40)]
)
def test_every_shipped_module_has_its_byte_code(folders: dict[str, Path], logical_id: str, at_least: int) -> None:
    sources, wrong = check(folders[logical_id])
    assert wrong == {}
    assert sources >= at_least


def test_what_is_stale_missing_or_timestamped_is_found(tmp_path: Path) -> None:
    for name in ("stale", "missing", "timestamped", "right"):
        (tmp_path / f"{name}.py").write_text("x = 1\n")
    check(tmp_path)
    mode = ["-m", "compileall", "-q", "--invalidation-mode"]
    subprocess.run([python313(), *mode, "unchecked-hash", tmp_path], check=True)
    (tmp_path / "stale.py").write_text("x = 2\n")
    next((tmp_path / "__pycache__").glob("missing.*")).unlink()
    subprocess.run([python313(), *mode, "timestamp", "-f", tmp_path / "timestamped.py"], check=True)
    _, wrong = check(tmp_path)
    assert {Path(name).stem: why for name, why in wrong.items()} == {
        "stale": "of another source",
        "missing": "none",
        "timestamped": "not unchecked-hash",
    }
