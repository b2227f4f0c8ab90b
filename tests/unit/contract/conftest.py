"""What the function's tests stand on, and the world the document's examples are about."""

from tests.unit.function.conftest import lines, log, telemetry

__all__ = ["lines", "log", "telemetry"]
