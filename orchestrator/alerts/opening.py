"""From settings to sinks."""

from collections.abc import Iterable
from typing import Any

from agents.loading import load_now
from graphs.clock import Clock
from graphs.steps import Logger
from orchestrator.alerts.port import AlertSink
from orchestrator.alerts.settings import AlertSettings
from orchestrator.alerts.sinks import FileSink, LogSink


def open_sinks(settings: AlertSettings, given: Iterable[Any], log: Logger, clock: Clock) -> list[AlertSink]:
    """Where alerts go: as settings say, and to the application's own sinks."""
    sinks: list[AlertSink] = [one for one in given if isinstance(one, AlertSink)]
    if settings.log:
        sinks.append(LogSink(log))
    if settings.file is not None:
        sinks.append(FileSink(settings.file))
    if (webhook := settings.webhook) is not None:
        secret = webhook.secret.get_secret_value() if webhook.secret is not None else None
        sinks.append(load_now("orchestrator.alerts.webhook").WebhookSink(webhook.url, secret, clock))
    return sinks
