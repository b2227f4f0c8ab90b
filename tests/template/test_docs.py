"""What the runbook names is there: parameters, outputs, alarms, metrics, log messages, targets, headings; and sums."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.build import read_template
from local.paths import ROOT
from local.scale.prices import USD
from tests.template.test_alarms import SOURCES, counted

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ALARMS = (ROOT / "docs" / "alarms.md").read_text()
README = (ROOT / "README.md").read_text()
PAGES = {"operations.md": OPERATIONS, "alarms.md": ALARMS, "README.md": README}
TEMPLATE: Any = read_template()
NIGHTS, LOOKS = 30, 35
"""A month's; and those of a window of nine hours between its start and its end, one every 15 minutes."""
FIXED = 5
"""The last rows of the cost table, which are the same for any number of accounts."""

OF_THE_AWS_CLI = {"Name", "Enabled", "PointInTimeRecoveryEnabled", "AttributeName"}

pages = pytest.mark.parametrize("page", PAGES)


def section(heading: str) -> str:
    """What is under a heading of the runbook."""
    found = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", OPERATIONS, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def code(text: str) -> Iterator[str]:
    """Each piece of code, in a line or in a block of its own."""
    blocks = re.findall(r"^```\w*$(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    yield from blocks
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def first_cells(text: str) -> set[str]:
    """The names in code in the first column of a table."""
    cells = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+)[^|]*\|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


@pages
def test_each_parameter_is_the_templates(page: str) -> None:
    given = {name for piece in code(PAGES[page]) for name in re.findall(r"\b([A-Z][a-z]+[A-Za-z]*)=[\w@./(-]", piece)}
    assert given - {"Name", "Mode", "Enabled", "PointInTimeRecoveryEnabled", "AttributeName"} <= set(
        TEMPLATE["Parameters"]
    )


def test_each_parameter_of_the_template_is_explained_but_the_tests_own() -> None:
    assert first_cells(section("Deploying")) | {"LogLevel", "LogRetentionDays"} == set(TEMPLATE["Parameters"]) - {
        "AllowTimeTravel"
    }


def test_each_output_is_the_stacks() -> None:
    named = set(re.findall(r"\boutput ([A-Z]\w+)", OPERATIONS)) | set(re.findall(r"outputs? `(\w+)`", OPERATIONS))
    assert {"ApiUrl", "FunctionArn", "StateTableName"} <= named
    assert named <= set(TEMPLATE["Outputs"])


@pages
def test_each_alarm_and_queue_is_the_stacks(page: str) -> None:
    named = {name for piece in code(PAGES[page]) for name in re.findall(r"\b[A-Z]\w+(?:Alarm|DeadLetters)\b", piece)}
    assert named <= set(TEMPLATE["Resources"])


def test_each_metric_is_counted_and_each_that_is_counted_is_explained() -> None:
    named = first_cells(section("What is counted")) - {".REASON"}
    assert named == {metric for metrics in counted().values() for metric in metrics}


def test_each_message_is_logged() -> None:
    text = "".join(source.read_text() for source in SOURCES.glob("*.py"))
    for message in first_cells(section("What is logged")):
        assert f'"{message}"' in text, message


def test_each_order_is_one_the_operators_payloads_take() -> None:
    text = (SOURCES / "operator.py").read_text()
    orders = set(re.findall(r"""order '\{"(\w+)":""", OPERATIONS))
    assert orders == {"check", "forget", "moved"}
    assert all(f'"{order}"' in text for order in orders)


def _numbers(cells: list[str]) -> list[float]:
    return [float(cell.replace(",", "")) for cell in cells]


def test_the_costs_are_what_was_measured_at_the_listed_prices_and_add_up() -> None:
    measured = {
        what: [float(one) for one in numbers.split("|")]
        for what, numbers in re.findall(r"^\| (the window's start|a look|the window's end)[^|]*\|([\d. |]+)\|$",
                                        OPERATIONS, re.MULTILINE)
    }  # fmt: skip
    assert len(measured) == 3
    reads, writes = (
        NIGHTS * (measured["the window's start"][i] + LOOKS * measured["a look"][i] + measured["the window's end"][i])
        for i in (1, 3)
    )
    table = [line.strip("|").split("|") for line in section("What it costs").splitlines() if line.startswith("|")][2:]
    rows = {cells[0].strip(" *"): (cells[1], _numbers(cells[2:])) for cells in table}
    for name, units, kind in (("reads", reads, "read"), ("writes", writes, "write")):
        how, numbers = rows[f"DynamoDB, {name}"]
        assert f"{units:,.0f} units" in how
        assert numbers[2] == pytest.approx(10_000 * units * USD[f"dynamodb_{kind}_units"], abs=0.01)
    _, total = rows.pop("together")
    for column in range(3):
        assert sum(numbers[column] for _, numbers in rows.values()) == pytest.approx(total[column], abs=0.011)
    for number, (name, (_, numbers)) in enumerate(rows.items()):
        factors = (1, 1) if number >= len(rows) - FIXED else (1 / 100, 1 / 10_000)
        assert numbers[1] == pytest.approx(numbers[2] * factors[1] / factors[0], abs=0.01), name
        assert numbers[0] == pytest.approx(numbers[2] * factors[1], abs=0.01), name
