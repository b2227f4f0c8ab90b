"""What the function's tests stand on, and the world the document's examples are about."""

from tests.unit.function.conftest import log, telemetry

__all__ = ["log", "telemetry"]
