"""`make mutants`: mutmut on the parts that must not be wrong, each with the unit tests that are about it.

mutmut changes one thing at a time in a copy of the project, runs the tests that pass through it, and tells which
changes no test notices. docs/reliability.md explains those one by one.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from typing import Any, NamedTuple

from local.paths import BUILD, ROOT, venv_python
from local.terminal import say

_COPIED = {
    "functions/chat_mute": "src/chat_mute", "layers/bitrix24/bitrix24": "src/bitrix24", "local": "local",
    "tests": "tests", "events": "events", "docs": "docs", "template.yaml": "template.yaml",
}  # fmt: skip
"""mutmut takes a module's name from its path, below ``src`` if there is one."""


_SAID = (r"telemetry\.logger", r"extra=", r"^\s+(raise )?\w*Error\(", r"raise ValueError")
"""Lines whose words people read, and which decide nothing; other tests are about some of them."""
_FAILED = {1, 3}
_OVER_TIME = {-24, 24, 36, 152, 255}
"""Exit codes of a mutant's run: a test failed; it took far longer than without the change, as an endless loop does."""


class Suite(NamedTuple):
    """What is changed, and by which tests that is to be noticed."""

    mutated: tuple[str, ...]
    tests: tuple[str, ...]


_DOMAIN = "tests/unit/quiet_hours_domain"
SUITES = {
    "quiet_hours": Suite(
        ("src/chat_mute/quiet_hours/*.py",),
        tuple(
            f"{_DOMAIN}/test_{name}.py"
            for name in ("agenda", "decision", "forecast", "globs", "mutants", "policy", "requests", "selection",
                         "windows_dst", "windows_oracle", "windows_search", "zones")
        ),
    ),
    "reconcile": Suite(
        ("src/chat_mute/reconcile.py", "src/chat_mute/look.py"),
        (
            *(f"tests/unit/function/test_{name}.py" for name in ("jobs_route", "look_counts", "look_records", "looks")),
            *(f"tests/unit/test_{name}.py" for name in
              ("prove_found", "release_only", "second_look", "semantics", "third_look")),
        ),
    ),
    "client": Suite(
        ("src/bitrix24/client.py", "src/bitrix24/limits.py"),
        ("tests/unit/layer", "tests/unit/layer_portal"),
    ),
}  # fmt: skip


def main(names: list[str]) -> int:
    """Runs some suites, or all. Writes ``build/mutants.json``, beside what it says of other suites.

    What a test has caught before is kept until its function changes; the others are tried again.
    """
    BUILD.mkdir(exist_ok=True)
    file = BUILD / "mutants.json"
    told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    for name in names or SUITES:
        told[name] = run(name, SUITES[name])
        say(f"{name}: {told[name]['caught']} of {told[name]['mutants']} caught ({told[name]['rate']} %)")
        for survivor in told[name]["survivors"]:
            say(f"  {survivor}")
        file.write_text(json.dumps(told, indent=2) + "\n")
    return 0


def run(name: str, suite: Suite) -> dict[str, Any]:
    """One suite, in a copy of the project in ``build/mutants/NAME``."""
    folder, began = BUILD / "mutants" / name, time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    for one, there in _COPIED.items():
        source, target = ROOT / one, folder / there
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    project = (ROOT / "pyproject.toml").read_text().replace('"functions", "layers/bitrix24", "."]', '"src", "."]', 1)
    (folder / "pyproject.toml").write_text(project + _settings(suite))
    environment = {**os.environ, "PATH": f"{venv_python('mutation').parent}{os.pathsep}{os.environ['PATH']}"}
    mutmut = str(venv_python("mutation").parent / "mutmut")
    for meta in folder.glob("mutants/**/*.meta"):
        known = json.loads(meta.read_text())
        codes = known["exit_code_by_key"]
        known["exit_code_by_key"] = {key: code if code in _FAILED else None for key, code in codes.items()}
        meta.write_text(json.dumps(known, indent=4))
    # Which tests pass through what is found out anew, for tests have changed.
    (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    subprocess.run([mutmut, "run"], cwd=folder, env=environment, check=True)  # noqa: S603
    codes = {}
    for meta in folder.glob("mutants/**/*.meta"):
        codes |= json.loads(meta.read_text())["exit_code_by_key"]
    survivors = sorted(key for key, code in codes.items() if code not in _FAILED | _OVER_TIME)
    caught = len(codes) - len(survivors)
    return {
        "mutants": len(codes),
        "caught": caught,
        "rate": round(100 * caught / max(1, len(codes)), 1),
        "seconds": round(time.monotonic() - began),
        "over_time": sorted(key for key, code in codes.items() if code in _OVER_TIME),
        "survivors": survivors,
    }


def _settings(suite: Suite) -> str:
    settings = {
        "source_paths": ["src"],
        "only_mutate": suite.mutated,
        "do_not_mutate_patterns": _SAID,
        "pytest_add_cli_args_test_selection": suite.tests,
        "pytest_add_cli_args": ["-p", "no:cacheprovider"],
        "also_copy": ["local", "events", "docs", "template.yaml"],
        "use_git_change_detection": False,
        "timeout_multiplier": 2.0,
        "timeout_constant": 30.0,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join(["\n[tool.mutmut]", *lines, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
