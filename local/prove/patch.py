"""The campaign on a copy of the code with a patch: would it find that?"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from local.paths import ROOT

_CODE = ("functions", "layers")


class PatchRefused(Exception):
    """It does not apply, or changes nothing of the code."""


def copied(patch: Path, folder: Path) -> str:
    """Copies the code to a folder and patches it there.

    Args:
        patch: a unified diff as git makes it, with paths from the project's root.
        folder: an empty one.

    Returns:
        What PYTHONPATH must begin with.

    Raises:
        PatchRefused: saying why.
    """
    for name in _CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = _content(folder)
    only = [f"--include={name}/*" for name in _CODE]
    command = ["git", "apply", "--whitespace=nowarn", *only, str(patch.resolve())]
    if shutil.which("git") is None:
        command = ["patch", "-p1", "--batch", "-i", str(patch.resolve())]
    environment = {
        **os.environ,
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_DIR": str(folder / "no-repository"),
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise PatchRefused(f"{patch} does not apply: {done.stderr.strip()}")
    if _content(folder) == before:
        raise PatchRefused(f"{patch} changes nothing in {' or '.join(_CODE)}")
    return os.pathsep.join(str(folder / path) for path in ("functions", "layers/bitrix24"))


def run_patched(patch: Path, arguments: Sequence[str]) -> int:
    """Runs the campaign on a patched copy, to the first violation. Returns the exit code of that."""
    with tempfile.TemporaryDirectory() as folder:
        path = copied(patch, Path(folder))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((path, str(ROOT)))}
        command = [sys.executable, "-m", "local.prove", "--until-found", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*.py"))}
