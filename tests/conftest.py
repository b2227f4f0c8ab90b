"""For every suite: no environment but the test's own, and no webhook code in anything a passing test printed."""

from pathlib import Path

import pytest

WEBHOOK_MARK = "c0de5ecret"
"""Every webhook code of these tests holds it, so that one search finds any leak."""

_leaks: list[str] = []
_SHARING = {"integration", "ops", "sdk", "shipped"}
"""Folders whose tests share what takes seconds to start."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares something stays with one worker: a whole folder, elsewhere a file."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        item.add_marker(pytest.mark.xdist_group(folder if folder in _SHARING else str(item.path)))


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Searches what a test printed and logged. A failed test's traceback may show its own source."""
    if report.passed:
        _leaks.extend(f"{report.nodeid}: {name}" for name, text in report.sections if WEBHOOK_MARK in text)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run for a leak."""
    if _leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names the tests that leaked."""
    for leak in _leaks:
        terminalreporter.write_line(f"a webhook's code was printed or logged by {leak}", red=True)
