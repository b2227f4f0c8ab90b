"""Telemetry whose lines a test can read."""

import io
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools.logging import logger as powertools_logger

from chat_mute.observability import SERVICE, Telemetry
from tests.conftest import WEBHOOK_MARK
from tests.unit.function.office import Office

Lines = Callable[[], list[dict[str, Any]]]
Counts = Callable[[], dict[str, int]]


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def telemetry(log: io.StringIO) -> Iterator[Telemetry]:
    """Powertools keeps one logger and one set of metrics per process, so what a test leaves in them is taken out."""
    telemetry = Telemetry()
    (handler,) = (h for h in logging.getLogger(SERVICE).handlers if isinstance(h, logging.StreamHandler))
    handler.setStream(log)
    yield telemetry
    telemetry.logger.structure_logs(append=False)
    telemetry._metrics.clear_metrics()


@pytest.fixture
def lines(log: io.StringIO) -> Lines:
    """What has been logged so far, each line read back from its JSON."""
    return lambda: [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.fixture
def metrics(telemetry: Telemetry, capsys: pytest.CaptureFixture[str]) -> Lines:
    """The EMF lines written so far."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


@pytest.fixture
def counts(telemetry: Telemetry) -> Callable[[], dict[str, int]]:
    """What has been counted and not yet written."""
    return lambda: {name: len(metric["Value"]) for name, metric in telemetry._metrics.metric_set.items()}


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has not handled anything yet."""
    monkeypatch.setattr(powertools_logger, "is_cold_start", True)


@pytest.fixture
def office(telemetry: Telemetry, log: io.StringIO, capsys: pytest.CaptureFixture[str]) -> Iterator[Office]:
    """The whole service; whatever a test has done, no answer, line, metric or stored item holds a webhook's code."""
    office = Office()
    yield office
    said = capsys.readouterr()
    for text in (office.stored(), json.dumps(office.answers), log.getvalue(), said.out, said.err):
        assert WEBHOOK_MARK not in text


@pytest.fixture
def counted(office: Office, capsys: pytest.CaptureFixture[str]) -> Counts:
    """What looks have counted since it was last asked for, reasons left out."""

    def counted() -> dict[str, int]:
        found: Counter[str] = Counter()
        for line in capsys.readouterr().out.splitlines():
            said = json.loads(line)
            if said.get("trigger") == "queue" and "_aws" in said:
                for metric in said["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                    found[metric["Name"]] += int(sum(said[metric["Name"]]))
        return {name: times for name, times in found.items() if "." not in name}

    return counted
