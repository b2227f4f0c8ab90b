"""The floor of every Python Lambda: a handler that does nothing."""

from typing import Any


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001  what Lambda hands over
    """Answers."""
    return {"statusCode": 200, "body": "{}"}
