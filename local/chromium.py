"""The machine's own Chromium, for the console's test and its pictures; nothing else needs it.

Playwright drives it, from a virtual environment of its own that is loaded beside this one: 190 MB that nobody needs who
does not look at pages.
"""

import os
import shutil
import site
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from local.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")


class Absent(Exception):
    """There is no Chromium, or nothing to drive it; see `missing`."""


def missing() -> str | None:
    """What is not there of it, and how to get it; None where all is."""
    if _binary() is None:
        return "no Chromium is installed (apt-get install chromium)"
    if not (_packages() / "playwright").is_dir():
        return ".venvs/browser is not set up for this Python (make setup-browser)"
    return None


@contextmanager
def chromium() -> "Iterator[Browser]":
    """Runs it, without a window.

    Raises:
        Absent: it cannot be run here.
    """
    if reason := missing():
        raise Absent(reason)
    site.addsitedir(str(_packages()))
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  it is there only now

    # Chromium's sandbox refuses to run for root; what it shows is our own page.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_binary(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def _binary() -> str | None:
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def _packages() -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return ROOT / ".venvs" / "browser" / "lib" / version / "site-packages"
