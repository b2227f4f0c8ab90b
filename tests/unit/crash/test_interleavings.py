"""Two invocations at once, at every call of one of them: see `interleaving`. `make races` plays every pair."""

import pytest

from tests.unit.crash.interleaving import KNOWN, Case, cases, play

ACTS = {"mute until ten", "mute", "unmute", "look"}
WHEN = {"at rest", "at the window's start", "at the window's end", "while a job waits"}
QUICK = [case for case in cases() if {case.outer, case.inner} <= ACTS and case.when in WHEN and case not in KNOWN]


@pytest.mark.parametrize("case", QUICK, ids=" - ".join)
def test_two_at_once_end_as_if_one_had_come_after_the_other(case: Case) -> None:
    assert list(play(case)) == []


@pytest.mark.parametrize("case", sorted(KNOWN), ids=" - ".join)
def test_what_is_known_to_be_left_is_left(case: Case) -> None:
    assert list(play(case)), "mended: it can go from the list, and from docs/decisions.md"
