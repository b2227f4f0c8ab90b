"""Capacity units, as DynamoDB documents them."""

from dataclasses import dataclass

_READ_BYTES, _WRITE_BYTES = 4096, 1024


@dataclass
class Capacity:
    """What a client's calls have consumed.

    Attributes:
        read: read units, index reads included.
        write: write units, index writes and refused conditions included.
    """

    read: float = 0.0
    write: float = 0.0


def read_units(size: int, *, consistent: bool) -> float:
    """One per 4 KB begun, at least one; half of it if the read may be stale."""
    units = max(-(-size // _READ_BYTES), 1)
    return float(units) if consistent else units / 2


def write_units(size: int) -> float:
    """One per KB begun, at least one."""
    return float(max(-(-size // _WRITE_BYTES), 1))
