"""Where Chromium or its driver is not there, it is told which, so that a test can say why it is skipped."""

from pathlib import Path

import pytest

from local import chromium
from local.chromium import Absent


def test_no_chromium(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(Absent, match="no Chromium is installed"), chromium.chromium():
        pass


def test_nothing_to_drive_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/chromium")
    monkeypatch.setattr(chromium, "ROOT", tmp_path)
    with pytest.raises(Absent, match="make setup-browser"), chromium.chromium():
        pass
