"""The tools that check and fuzz the contract, in their own virtual environment and process."""

import os
import subprocess
from collections.abc import Callable

import pytest

from local.paths import ROOT, venv_python

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run() -> Run:
    """Runs a module of the environment ``fuzz`` from the project's root."""

    def of(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [str(venv_python("fuzz")), "-m", module, *arguments]
        environment = {**os.environ, "PYTHONPATH": "functions:layers/bitrix24"}
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return of
