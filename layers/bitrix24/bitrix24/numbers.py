"""Numbers as PHP sends them."""

from typing import Any


def positive(value: Any) -> int | None:
    """A positive integer, which PHP may have sent as a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
