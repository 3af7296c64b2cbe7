"""An address that is sent each alert (Standard Webhooks)."""

from dataclasses import asdict
from typing import Final

import httpx
import orjson

from graphs.clock import Clock
from orchestrator.alerts.port import Alert, AlertError, AlertSink
from orchestrator.webhooks.signing import headers_for

_TIMEOUT: Final = 10.0


class WebhookSink(AlertSink):
    """Sends a message for each alert.

    Args:
        url: Where to.
        secret: It is signed with this, if there is one.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str | None, clock: Clock) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock

    async def tell(self, alert: Alert) -> None:
        """See the port."""
        body = orjson.dumps({"type": "alert.raised", "timestamp": alert.at, "data": asdict(alert)})
        headers = {"content-type": "application/json", "user-agent": "baton"}
        if self._secret is not None:
            headers |= headers_for([self._secret], f"alert_{alert.id}", self._clock.now(), body)
        try:
            async with (
                httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client,
                client.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                problem = None if answer.is_success else f"it answered {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = f"it cannot be reached ({type(error).__name__})"
        if problem is not None:
            raise AlertError(f"the webhook for alerts was not told: {problem}.")
