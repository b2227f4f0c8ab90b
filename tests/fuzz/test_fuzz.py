"""A short run of `make fuzz`, the same on each machine."""

import json
from pathlib import Path

from tests.fuzz.conftest import Run


def test_nothing_outside_the_contract_is_answered(run: Run, tmp_path: Path) -> None:
    done = run("tests.fuzz", "--cases", "250", "--seed", "1", "--out", str(tmp_path / "fuzz.json"))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    result = json.loads((tmp_path / "fuzz.json").read_text())
    assert result["cases"] >= 250
    assert {"200", "400", "404", "405", "422", "502"} <= set(result["statuses"]), "it gets everywhere"
