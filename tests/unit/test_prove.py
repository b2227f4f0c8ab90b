"""The campaign of `make prove`, short and with fixed seeds, and that it can fail."""

import difflib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import ROOT
from local.prove.hours import Named, policy_hours
from local.prove.judge import Judge
from local.prove.quiet import Quiet
from local.prove.sight import Violation

ENVIRONMENT = {
    **os.environ,
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": os.pathsep.join(("functions", "layers/bitrix24", ".")),
}
EPISODES = "6"


def prove(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.prove", "--workers=1", "--seconds=60", *arguments]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)


def test_some_random_days_without_a_violation() -> None:
    done = prove("--seed=1", f"--episodes={EPISODES}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 violations" in done.stdout


def test_a_mutant_is_found(tmp_path: Path) -> None:
    path = "functions/chat_mute/quiet_hours/situation.py"
    before = (ROOT / path).read_text().splitlines(keepends=True)
    after = [line.replace("overridden_until=self.override(hold)", "overridden_until=None") for line in before]
    mutant = tmp_path / "mutant.diff"
    mutant.write_text("".join(difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")))
    done = prove("--seed=1", f"--patch={mutant}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "again: make prove SEED=1" in done.stdout


def test_a_patch_that_does_not_apply_or_changes_no_code_is_told_apart(tmp_path: Path) -> None:
    mutant = tmp_path / "mutant.diff"
    mutant.write_text("--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# nothing\n+# nothing else\n")
    assert prove(f"--patch={mutant}").returncode == 2


def test_quiet_times_are_found_minute_by_minute() -> None:
    night = {"timezone": "Europe/Berlin", "windows": [{"days": ["sat"], "start": "22:00", "end": "02:30"}], "chats": {}}
    day = 20384  # 2025-10-23, two days before the clocks go back
    saturday = (day + 2) * 1440
    assert policy_hours(night, day * 1440, (day + 6) * 1440).spans == ((saturday + 20 * 60, saturday + 25 * 60 + 30),)


def test_a_chat_nobody_holds_must_not_be_muted_and_one_that_is_held_must() -> None:
    muted: set[int] = set()
    judge = Judge("a", Quiet(0, 10_000), lambda chat: chat in muted)
    judge.appears(1, Named(frozenset({"chat1"}), frozenset({"chat"}), "Deal"), mutable=True, listed=True, now=100.0)
    judge.check(130.0, {})
    muted.add(1)
    with pytest.raises(Violation, match="muted without a reason"):
        judge.check(131.0, {1: [True]})
    muted.clear()
    number = judge.begin([1], "mute", 140.0, owner="caller:a", until=200.0)
    judge.end(number, 140.1, sure=True)
    with pytest.raises(Violation, match="audible and should not be"):
        judge.check(143.0, {})
