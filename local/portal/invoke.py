"""Carrying out one method for one caller: scope, operating time, faults of batch commands, the clockwork of `time`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from local.portal import php
from local.portal.errors import known
from local.portal.method import Caller, Method, Reply, allows
from local.portal.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.portal.state import Portal

PORTAL_ZONE = timezone(timedelta(hours=3))


def find(name: str, portal: Portal) -> Method:
    """Return a method by name in any case.

    Raises:
        RestError: 404 `ERROR_METHOD_NOT_FOUND`.
    """
    method = METHODS.get(name.lower())
    if method is None:
        raise known("ERROR_METHOD_NOT_FOUND", portal.quirks)
    return method


def run(portal: Portal, caller: Caller, name: str, params: Mapping[Any, Any], *, pays: str | None = None) -> Reply:
    """Carry out one method.

    Args:
        portal: the portal.
        caller: who calls.
        name: the method, any case.
        params: as sent; top-level names are case-insensitive.
        pays: the method charged for the operating time, if not this one.

    Raises:
        RestError: whatever the portal answers instead of a result.
    """
    method = find(name, portal)
    if not allows(caller, method):
        raise known("insufficient_scope", portal.quirks)
    now, key = portal.clock(), pays or name.lower()
    portal.limits.check_operating(caller.credential, key, now, portal.quirks)
    reply = method.run(portal, caller, php.upper_keys(dict(params)))
    portal.limits.charge(caller.credential, key, portal.limits.cost.get(name.lower(), 0.0), now, portal.quirks)
    return reply


def timing(portal: Portal, started: float, credential: str, method: str) -> dict[str, Any]:
    """Return the `time` object of a call that began at `started` (Unix seconds)."""
    now, quirks = portal.clock(), portal.quirks
    duration = max(0.0, now - started)
    fields: dict[str, Any] = {
        "start": int(started) if quirks.integer_start else started,
        "finish": now,
        "duration": duration,
        "processing": duration,
        "date_start": datetime.fromtimestamp(started, PORTAL_ZONE).isoformat(timespec="seconds"),
        "date_finish": datetime.fromtimestamp(now, PORTAL_ZONE).isoformat(timespec="seconds"),
    }
    if quirks.time == "no_operating" or not portal.limits.enabled:
        return fields
    if quirks.time == "operating_zero":
        return {**fields, "operating": 0}
    operating, reset_at = portal.limits.operating(credential, method, now)
    return {**fields, "operating_reset_at": int(reset_at), "operating": operating or 0}
