"""The time budget of an invocation."""

import pytest

from bitrix24 import Clock
from chat_mute.budget import Budget
from tests.unit.function.doubles import Context, FakeClock


@pytest.mark.parametrize(
    ("milliseconds", "spare", "at_most", "seconds"),
    [
        (120_000, 10, float("inf"), 110),
        (120_000, 1, 25, 25),
        (29_000, 1, 25, 25),
        (20_000, 1, 25, 19),
        (26_000, 1, 25, 25),
        (500, 1, 25, -0.5),
        (0, 10, float("inf"), -10),
    ],
)
def test_it_is_what_lambda_leaves_without_the_spare_at_most(
    milliseconds: int, spare: float, at_most: float, seconds: float
) -> None:
    budget = Budget(Context(milliseconds), FakeClock(), spare=spare, at_most=at_most)
    assert budget() == pytest.approx(seconds)
    assert budget.get_remaining_time_in_millis() == max(0, int(seconds * 1000))


def test_it_shrinks_with_the_clock_and_tells_lambdas_question_never_below_zero() -> None:
    clock = FakeClock()
    budget = Budget(Context(20_000), clock, spare=1)
    clock.forward(18.5)
    assert budget() == pytest.approx(0.5)
    assert budget.get_remaining_time_in_millis() == 500
    clock.forward(1)
    assert budget() == pytest.approx(-0.5)
    assert budget.get_remaining_time_in_millis() == 0


def test_it_runs_on_the_machines_monotonic_clock() -> None:
    budget = Budget(Context(20_000), Clock(), spare=0)
    first = budget()
    assert 19 < first <= 20
    assert budget() <= first
