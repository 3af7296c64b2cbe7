"""Deny by default, on route objects: a route that does not declare what it needs cannot be served.

Each declared route's app is wrapped, so who asks and whether they may is settled before a byte of the body is read,
for plain routes, streams and WebSockets alike. Nothing here looks at a path.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence

from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from api import errors
from api.security.door import Door
from api.security.needs import Needs, declared
from api.security.principal import Principal
from graphs.errors import BatonError, EngineError

_NOBODY = Principal(rights=frozenset(), source="nobody")


def guarded(routers: Iterable[APIRouter], door: Door) -> Iterator[BaseRoute]:
    """The routers' routes, each behind a guard; copies, because another gateway may serve the same routers.

    Raises:
        EngineError: a route does not say what it needs.
    """
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute | APIWebSocketRoute):
                raise EngineError(
                    f"{route!r} cannot be guarded.",
                    hint="Add routes to the router that api.app names, not to a router inside it.",
                    code="route_not_guarded",
                )
            needed = tuple(declared(route.dependant))
            if not needed:
                verbs = ", ".join(sorted(getattr(route, "methods", None) or ["WebSocket"]))
                raise EngineError(
                    f"{verbs} {route.path} does not say what it needs, so it is not served.",
                    hint="Declare it on the route or its router: dependencies=[needs(Right.READ)], or everybodys().",
                    code="route_not_guarded",
                )
            guard = copy.copy(route)
            guard.app = Guard(route.app, needed, door)
            yield guard


class Guard:
    """Stands before one route."""

    def __init__(self, app: ASGIApp, needed: Sequence[Needs], door: Door) -> None:
        self._app = app
        self._needed = [each for each in needed if each.right is not None]
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope["baton.principal"] = await self._let_in(HTTPConnection(scope))
        except BatonError as error:
            if scope["type"] != "websocket":
                raise
            document = errors.document_of(error, scope["path"])
            await WebSocket(scope, receive, send).send_denial_response(errors.answer(document))
            return
        await self._app(scope, receive, send)

    async def _let_in(self, connection: HTTPConnection) -> Principal:
        if not self._needed:
            return _NOBODY
        who = await self._door.admit(connection)
        for each in self._needed:
            each.check(who)
        return who
