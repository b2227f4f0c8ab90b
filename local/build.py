"""Building what template.yaml names, with the same makefiles `sam build` uses."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from local.paths import BUILD, ROOT, TEMPLATE

_MAKE = shutil.which("make") or "make"


def read_template() -> dict[str, object]:
    """template.yaml as a document, its short tags in their long form."""
    template: dict[str, object] = yaml_parse(TEMPLATE.read_text())
    return template


def build() -> dict[str, Path]:
    """Builds every resource with ``BuildMethod: makefile``, unless nothing it is made of is newer than its last build.

    Returns:
        The folder of each resource's artifacts, by logical id.

    Raises:
        subprocess.CalledProcessError: make failed.
    """
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "local.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run beside each other
        return dict(_built())


def _built() -> Iterator[tuple[str, Path]]:
    for logical_id, source in _made_by_make():
        folder = BUILD / "local" / logical_id
        done = folder.with_suffix(".done")
        if done.exists() and done.stat().st_mtime > _newest(source):
            yield logical_id, folder
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(  # noqa: S603
            [_MAKE, "--silent", "--makefile", source / "Makefile", f"build-{logical_id}", f"ARTIFACTS_DIR={folder}",
             f"PYTHON={sys.executable}"],
            cwd=ROOT, check=True, env=_pip_environment(),
        )  # fmt: skip
        done.touch()
        yield logical_id, folder


def _made_by_make() -> Iterator[tuple[str, Path]]:
    resources = read_template()["Resources"]
    assert isinstance(resources, dict)  # noqa: S101
    for logical_id, resource in resources.items():
        if resource.get("Metadata", {}).get("BuildMethod") == "makefile":
            properties = resource["Properties"]
            yield logical_id, ROOT / (properties.get("CodeUri") or properties["ContentUri"])


def _newest(source: Path) -> float:
    files = [ROOT / "layers" / "build.mk", *(ROOT / "requirements").glob("*.txt"), *source.rglob("*")]
    return max(file.stat().st_mtime for file in files if "__pycache__" not in file.parts)


def _pip_environment() -> dict[str, str]:
    """Ours, without what would make a nested make or a byte-compilation behave differently."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONDONTWRITEBYTECODE"}
    }
