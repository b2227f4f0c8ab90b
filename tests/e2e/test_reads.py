"""`make reads`: an idle tick costs the same whatever there is, and docs/operations.md says what was counted."""

from local.paths import ROOT
from local.reads import tables


def test_an_idle_tick_costs_one_query_however_many_policies_there_are() -> None:
    lines = list(tables((1, 100), (1, 20), 200))
    idle = [line for line in lines if "idle polic" in line]
    assert len(idle) == 4
    assert {line.split("|", 3)[3] for line in idle} == {" 1 | 0.5 |"}


def test_the_documented_tables_are_what_is_counted() -> None:
    documented = (ROOT / "docs" / "operations.md").read_text().splitlines()
    assert set(tables((1,), (1,), 200)) <= {*documented, ""}
