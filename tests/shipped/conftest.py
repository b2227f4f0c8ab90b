"""What is deployed, built by the makefiles that `sam build` uses."""

from pathlib import Path

import pytest

from local.build import build


@pytest.fixture(scope="session")
def folders() -> dict[str, Path]:
    """By logical id; built once for all suites, as long as nothing changes."""
    return build()
