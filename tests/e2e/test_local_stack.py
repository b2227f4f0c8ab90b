"""The local stack itself: the demo, and that nothing it started outlives it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import ROOT
from local.stack import wait_until
from tests.documents import blocks

_STACK_UP = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may have it ignored
from local.portal import Portal
from local.stack import running
with running(Portal()) as stack:
    stack.invoke({"httpMethod": "GET", "resource": "/health", "requestContext": {"requestId": "r", "identity": {}},
                  "pathParameters": None})
    print(stack.emulator.log.parent, flush=True)
    time.sleep(60)
"""


def _processes(folder: str) -> list[int]:
    """Processes whose environment names ``folder``: the emulator and the function it started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if folder.encode() in environment and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_every_process_ends_with_the_one_that_started_it(end: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", _STACK_UP], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as process:  # fmt: skip
        assert process.stdout is not None
        folder = process.stdout.readline().strip()
        assert len(_processes(folder)) >= 2, "the emulator and the function"
        process.send_signal(end)
        process.wait(20)
    assert wait_until(lambda: not _processes(folder), 10)
    if end is not signal.SIGKILL:
        assert not Path(folder).exists()


@pytest.fixture
def newcomer(tmp_path: Path) -> Path:
    """The project as it is after `git clone`; only the virtual environments are there, to save minutes."""
    unwanted = shutil.ignore_patterns("build", ".*_cache", ".venvs", ".git", ".hypothesis", "__pycache__")
    folder = Path(shutil.copytree(ROOT, tmp_path / "clone", ignore=unwanted))
    (folder / ".venvs").symlink_to((ROOT / ".venvs").resolve())
    return folder


def test_the_readmes_first_command_shows_every_step_as_it_should_be(newcomer: Path) -> None:
    first = next(text for text in blocks(ROOT / "README.md", "bash") if "make demo" in text).splitlines()[0]
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}}
    demo = subprocess.run(["bash", "-c", first], cwd=newcomer, env=environment, capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip
    assert demo.returncode == 0, demo.stdout + demo.stderr
    report = json.loads((newcomer / "build/demo.json").read_text())
    assert [step["ok"] for step in report["steps"]] == [True] * len(report["steps"])
    assert {tuple(step) for step in report["steps"]} == {("name", "status", "portal_calls", "ok")}
    replay = next(step for step in report["steps"] if "Idempotency-Key" in step["name"])
    assert (replay["status"], replay["portal_calls"]) == (200, 0)
    assert set(report["portal"]) == {"before", "after", "night"}
    assert set(report["portal"]["before"].values()) == {"audible"}
    assert list(report["portal"]["after"].values()).count("muted") == 1
    night = report["portal"]["night"]
    assert night["after"] == night["before"]
    assert [list(bells.values()).count("muted") for bells in night.values()] == [2, 4, 3, 2]


def test_invoke_without_an_event_says_how() -> None:
    invoke = subprocess.run([sys.executable, "-m", "local.invoke"], cwd=ROOT, capture_output=True, text=True,
                            check=False)  # fmt: skip
    assert invoke.returncode == 2
    assert "EVENT=events/" in invoke.stdout
