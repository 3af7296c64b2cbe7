"""The services put together: one FastAPI application behind the gate."""

import asyncio
import sqlite3

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from api.demo.services.calls import Refused, error_body
from api.demo.services.control import Control
from api.demo.services.faults import FaultBoard
from api.demo.services.gate import Gate
from api.demo.services.routes import (
    analytics,
    billing,
    crm,
    documents,
    inventory,
    notifications,
    orders,
    patients,
    payments,
    profiles,
    shipping,
    users,
)
from api.demo.services.store import Store

SERVICES = (
    users,
    profiles,
    notifications,
    orders,
    payments,
    inventory,
    shipping,
    crm,
    billing,
    analytics,
    documents,
    patients,
)


def build_app(store: Store, stopping: asyncio.Event) -> ASGIApp:
    """The whole application.

    Args:
        store: An open store; the caller closes it.
        stopping: Set it when the process is to end, so that waits inside requests end as well.
    """
    faults = FaultBoard()
    app = FastAPI(title="Baton demo services", redoc_url=None)
    app.state.store = store
    for service in SERVICES:
        app.include_router(service.router())
    app.include_router(Control(store, faults).router())
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(sqlite3.Error, _store_error)
    return Gate(app, store, faults, stopping)


# The signatures say `Exception`, as Starlette calls every handler so; each is registered for one class only.


async def _refused(request: Request, error: Exception) -> Response:
    answer = error.answer if isinstance(error, Refused) else None
    return JSONResponse(answer.body, answer.status) if answer else Response(status_code=500)


async def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    problems = [{"where": ".".join(str(part) for part in one["loc"]), "message": one["msg"]} for one in found]
    message = "; ".join(f"{problem['where']}: {problem['message']}" for problem in problems)
    return JSONResponse(error_body("invalid_request", message, problems=problems), 422)


async def _http_error(request: Request, error: Exception) -> Response:
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    code = {404: "no_such_route", 405: "method_not_allowed"}.get(status, "http_error")
    return JSONResponse(error_body(code, f"{request.method} {request.url.path}: {detail}."), status)


async def _store_error(request: Request, error: Exception) -> Response:
    return JSONResponse(error_body("store_unavailable", f"Nothing was done: {error}."), 503)
