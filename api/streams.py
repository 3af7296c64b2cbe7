"""How many streams and WebSockets are open, by tenant."""

from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class OpenStreams:
    """Counts; a middleware around everything.

    Args:
        app: What answers.
        open: The counts.
    """

    def __init__(self, app: ASGIApp, open: Counter[str]) -> None:  # noqa: A002 - what they are
        self._app = app
        self._open = open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and count the answer as long as it lasts."""
        counted: list[str] = []

        async def telling(message: Message) -> None:
            # Where somebody may listen, the guard has found out who it is by now.
            if not counted and _lasts(message) and (who := scope.get("baton.principal")) is not None:
                counted.append(who.tenant)
                self._open[counted[0]] += 1
            await send(message)

        try:
            await self._app(scope, receive, telling)
        finally:
            if counted:
                self._open[counted[0]] -= 1


def _lasts(message: Message) -> bool:
    if message["type"] == "websocket.accept":
        return True
    if message["type"] != "http.response.start":
        return False
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in message["headers"])
