"""The Lambda's entry: recognises what invoked it and hands over."""

import os
from functools import cache, partial
from typing import Any

from chat_mute.errors import UnknownEvent
from chat_mute.observability import Handler
from chat_mute.operator import is_operators
from chat_mute.schedule import is_direct
from chat_mute.tick import is_tick
from chat_mute.wiring import Service, build
from chat_mute.worker import is_message


def lambda_handler(event: Any, context: Any) -> Any:
    """Handles one invocation.

    Raises:
        UnknownEvent: nobody we know sends such an event.
    """
    return _handler()(event, context)


@cache
def _handler() -> Handler:
    service = build(os.environ)
    return service.telemetry.observe(partial(dispatch, service))


def dispatch(service: Service, event: Any, context: Any) -> Any:
    """Hands ``event`` to the trigger it belongs to.

    Raises:
        UnknownEvent: see `lambda_handler`.
    """
    if isinstance(event, dict):
        if "httpMethod" in event and "requestContext" in event:
            return service.api.handle(event, context)
        if is_tick(event):
            return service.tick.handle(event, context)
        if is_message(event):
            return service.worker.handle(event, context)
        if is_operators(event):
            return service.operator.handle(event, context)
        if is_direct(event):
            return service.schedule.direct(event, context)
    service.telemetry.trigger("unknown", context.aws_request_id)
    service.telemetry.count("UnknownEvent")
    raise UnknownEvent
