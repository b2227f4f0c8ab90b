"""How much time an invocation may still take."""

from typing import Protocol

from bitrix24 import Clock

CALL_SECONDS = 25.0
"""What a request or a schedule has: API Gateway gives up after 29 s, and looks take a call for dead after 30."""


class LambdaContext(Protocol):
    """What we use of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda kills the invocation."""


class Budget:
    """Seconds left; call it to know. Answers Lambda's question too, for Powertools.

    Args:
        context: Lambda's.
        spare: seconds kept back for what comes after the portal's answer.
        at_most: an upper bound, seconds.
        clock: what the seconds are measured with.
    """

    def __init__(
        self,
        context: LambdaContext,
        clock: Clock,
        *,
        spare: float,
        at_most: float = float("inf"),
    ) -> None:
        self._monotonic = clock.monotonic
        self._end = clock.monotonic() + min(context.get_remaining_time_in_millis() / 1000 - spare, at_most)

    def __call__(self) -> float:
        """Seconds left, negative when over."""
        return self._end - self._monotonic()

    def get_remaining_time_in_millis(self) -> int:
        """The same in milliseconds, at least 0."""
        return max(0, int(self() * 1000))
