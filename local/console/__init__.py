"""The local console: a page on loopback that shows the simulated portal and calls the service's real, signed API."""

from local.console.server import Console

__all__ = ["Console"]
