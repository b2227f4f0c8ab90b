"""What AWS sends the bill for, and its list prices."""

from collections.abc import Mapping

DATED = (
    "2026-11, us-east-1, arm64, on demand, without free tiers; from memory and unverified, but for Lambda's,"
    " which a third party's notes confirm"
)
USD = {
    "dynamodb_read_units": 0.125e-6,
    "dynamodb_write_units": 0.625e-6,
    "sqs_requests": 0.50e-6,
    "lambda_requests": 0.20e-6,
    "lambda_gb_seconds": 13.3334e-6,
    "secrets_manager_calls": 0.05 / 10_000,
    "scheduler_invocations": 1.00e-6,
}
"""For one of each. Not in it: a secret's 0.40 a month, whatever is done with it; logs at 0.50 a GB."""


def price(units: Mapping[str, float]) -> float:
    """US dollars."""
    return sum(USD[name] * number for name, number in units.items())
