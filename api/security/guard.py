"""Deny by default, on route objects: a route that does not declare what it needs cannot be served.

Each declared route's app is wrapped, so who asks and whether they may is settled before a byte of the body is read,
for plain routes, streams and WebSockets alike. Nothing here looks at a path.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from api import errors
from api.gateway import gateway_of
from api.security.bodies import again, is_json, whole_body
from api.security.consent import consented
from api.security.custom import Acts, acts_of
from api.security.door import Door
from api.security.keys import NotAuthenticatedError
from api.security.needs import Needs, declared
from api.security.noting import Noting
from api.security.principal import Principal
from graphs.errors import BatonError, EngineError, NotAllowedError

_SAFE = frozenset({"GET", "HEAD"})
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
            verbs = ", ".join(sorted(getattr(route, "methods", None) or ["WebSocket"]))
            if not needed:
                raise EngineError(
                    f"{verbs} {route.path} does not say what it needs, so it is not served.",
                    hint="Declare it on the route or its router: dependencies=[needs(Right.READ)], or everybodys().",
                    code="route_not_guarded",
                )
            guard = copy.copy(route)
            what, label = next(acts_of(route.dependant), None), f"{verbs} {route.path}"
            noting = Noting(door, label, needed, what)
            guard.app = Guard(route.app, needed, door, label, what, noting)
            yield guard
            if isinstance(guard, APIRoute) and guard.methods == {"GET"} and all(each.right is None for each in needed):
                # Whoever looks after servers asks only whether they are there. It is no other operation.
                looked = copy.copy(guard)
                looked.methods, looked.include_in_schema = {"HEAD"}, False
                yield looked


class Guard:
    """Stands before one route: who asks, whether they may, how often, and whether the body can be taken.

    What changes something is noted in the audit trail when it is answered, and so is what somebody known may not do.
    """

    def __init__(
        self, app: ASGIApp, needed: Sequence[Needs], door: Door, label: str, what: Acts | None, noting: Noting
    ) -> None:
        self._what = what
        self._noting = noting
        self._app = app
        self._needed = [each for each in needed if each.right is not None]
        self._door = door
        self._label = label

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with ExitStack() as under_way:
            try:
                connection = HTTPConnection(scope)
                who = await self._let_in(connection)
                await gateway_of(connection).owners.came(who)
                under_way.enter_context(self._door.rates.under_way(who))
                if scope["type"] == "websocket":
                    who, _ = await self._judged(who, scope, b"")
            except BatonError as error:
                if scope["type"] != "websocket":
                    raise
                document = errors.document_of(error, scope["path"])
                await WebSocket(scope, receive, send).send_denial_response(errors.answer(document))
                return
            if scope["type"] == "http":
                body = b""
                if scope["method"] not in _SAFE:
                    # What is everybody's looks at its proof before it looks into the body.
                    judged = bool(self._needed)
                    body = await whole_body(receive, Headers(scope=scope), self._door.settings, judged=judged)
                who, body = await self._judged(self._answering(who, scope, body), scope, body)
                receive = again(body, receive)
            scope["baton.principal"] = who
            if self._needed:
                named = scope["path_params"]
                scope["path_params"] = {name: self._door.own_id(name, given, who) for name, given in named.items()}
            if scope["type"] == "http" and scope["method"] not in _SAFE:
                send = under_way.enter_context(self._noting.noted(who, scope, send))
            if self._needed:
                needed = [each for each in self._needed if not who.answering or each.is_answer is None]
                lasting = self._door.lasting(who, HTTPConnection(scope), needed, self._what)
                await lasting.serve(self._app, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _let_in(self, connection: HTTPConnection) -> Principal:
        address = connection.client.host if connection.client else ""
        if not self._needed:
            if self._door.guarded:
                self._door.rates.stranger(address)
            return _NOBODY
        try:
            who = await self._door.admit(connection)
        except NotAuthenticatedError:
            self._door.rates.refused(address)
            raise
        self._door.rates.count(who)
        try:
            return self._door.allowed(who, [each for each in self._needed if not each.may_answer(who)], self._what)
        except NotAllowedError:
            self._door.note(who, self._label, connection.scope, 403)
            raise

    def _answering(self, who: Principal, scope: Scope, body: bytes) -> Principal:
        """Whoever may decide and not run may send what is nothing but an answer.

        Raises:
            NotAllowedError: it is more.
        """
        for each in self._needed:
            if each.may_answer(who):
                value = orjson.loads(body) if body and is_json(Headers(scope=scope).get("content-type", "")) else None
                who = replace(who, answering=each.is_answer is not None and each.is_answer(value))
                each.check(who)
        return who

    async def _judged(self, who: Principal, scope: Scope, body: bytes) -> tuple[Principal, bytes]:
        """Whoever asks, and the body, as the application's own handlers let them through."""
        custom = self._door.custom
        if who.user is None or custom is None or self._what is None or self._what.inside:
            return who, body
        return await consented(gateway_of(HTTPConnection(scope)), custom, self._what, who, scope, body)
