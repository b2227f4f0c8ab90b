"""Logs and metrics, through Powertools: which account, which chat, what outcome; never a webhook's code or a token."""

import json
import logging
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from bitrix24.redaction import redact

SERVICE = "chat-mute"
NAMESPACE = "QuietHours"

_LIBRARIES = ("botocore", "boto3", "urllib3")

Handler = Callable[[dict[str, Any], Any], Any]


class Telemetry:
    """One logger and one set of metrics per process.

    Args:
        stack: whose metrics they are, for two stacks in one AWS account have one namespace.
    """

    def __init__(self, stack: str = SERVICE) -> None:
        logging.setLogRecordFactory(_Record)
        self.logger = Logger(service=SERVICE, use_rfc3339=True, json_serializer=_serialize)
        self._metrics = Metrics(namespace=NAMESPACE, service=stack)
        self._stack = stack

    def observe(self, handler: Handler) -> Handler:
        """``handler`` with Lambda's context in each log line, and its metrics written at its end, whatever the end.

        What it raises is counted by trigger, which Lambda's own count of errors does not know.
        """

        def observed(event: dict[str, Any], context: Any) -> Any:
            try:
                return handler(event, context)
            except BaseException:
                self.count("Raised")
                raise
            finally:
                if self._metrics.metric_set:
                    self._metrics.flush_metrics()
                self._metrics.clear_metrics()

        return self.logger.inject_lambda_context(observed, clear_state=True)

    def trigger(self, name: str, correlation_id: str) -> None:
        """Says what this invocation is about, for its log lines and metrics."""
        self.logger.append_keys(trigger=name)
        self.logger.set_correlation_id(correlation_id)
        self._metrics.add_dimension("trigger", name)

    def count(self, metric: str, times: int = 1) -> None:
        """Counts a ``metric``."""
        self._metrics.add_metric(metric, MetricUnit.Count, times)

    def raised_none(self, trigger: str) -> None:
        """Says that a trigger has raised nothing: an alarm takes its count off another, and must find a number."""
        with single_metric(name="Raised", unit=MetricUnit.Count, value=0, namespace=NAMESPACE) as metric:
            metric.add_dimension("service", self._stack)
            metric.add_dimension("trigger", trigger)

    def changed(self, because: str, *, muted: bool, times: int = 1) -> None:
        """Counts chats muted or unmuted, in all and by reason."""
        metric = "ChatMuted" if muted else "ChatUnmuted"
        self.count(metric, times)
        self.count(f"{metric}.{because}", times)


class _Record(logging.LogRecord):
    """At DEBUG botocore logs the answers of Secrets Manager, and urllib3 the paths of portals."""

    def getMessage(self) -> str:  # noqa: N802  logging's name
        """The message, without secrets where a library wrote it."""
        message = super().getMessage()
        return redact(message) if self.name.startswith(_LIBRARIES) else message


def _serialize(line: dict[str, Any]) -> str:
    return redact(json.dumps(line, default=str))
