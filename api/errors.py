"""One error shape, and one table from errors to status codes. Routes never catch.

The shape is that of RFC 9457 (`type`, `title`, `status`, `detail`, `instance`), with the stable `code` of the error,
its `hint`, and its other facts. Clients of langgraph-sdk read `detail`, which is always a sentence.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.saying import facts_of
from api.security.bodies import BodyError, is_json
from graphs.errors import (
    BatonError,
    ConflictError,
    CorruptStateError,
    DefinitionError,
    EngineBusyError,
    ExpressionError,
    InputError,
    NotAllowedError,
    NotFoundError,
    StepError,
    StoreError,
)
from orchestrator.webhooks.signing import SignatureError

MEDIA_TYPE = "application/problem+json"

BY_CODE: Mapping[str, int] = {
    "not_authenticated": 401,
    "provider_unreachable": 503,
    "body_too_large": 413,
    "too_many_requests": 429,
    "too_many_runs": 429,
    "too_many_events": 429,
    "event_too_large": 413,
    "engine_closed": 503,
    "store_unopened": 503,
    "run_failed": 422,
    "not_installed": 501,
}
"""Codes that decide for themselves; all others go by their class."""

BY_CLASS: Mapping[type[BatonError], int] = {
    NotAllowedError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    EngineBusyError: 503,
    BodyError: 400,
    SignatureError: 401,
    InputError: 422,
    DefinitionError: 422,
    ExpressionError: 422,
    StepError: 422,
    CorruptStateError: 500,
    StoreError: 503,
    BatonError: 500,
}
"""The nearest class decides."""

PHRASES: Mapping[int, str] = {
    status: HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_") for status in (400, 404, 405)
}
"""Codes of what the framework refuses by itself."""

_MEMBERS = frozenset({"type", "title", "status", "detail", "instance"})

_log = logging.getLogger("baton.api")


def status_of(error: BatonError) -> int:
    """The status code an error is answered with."""
    if (status := BY_CODE.get(error.code)) is not None:
        return status
    return next(BY_CLASS[kind] for kind in type(error).__mro__ if kind in BY_CLASS)


def document_of(error: BatonError, instance: str) -> dict[str, Any]:
    """An error in the one shape."""
    facts = facts_of(error)
    detail = facts.pop("message")
    # RFC 9457's own members win: the status of an execution is `error_status` beside the answer's.
    facts = {f"error_{name}" if name in _MEMBERS else name: value for name, value in facts.items()}
    if isinstance(error, DefinitionError):
        facts["problems"] = [asdict(problem) for problem in error.problems]
    return shape(status_of(error), detail, instance, **facts)


def shape(status: int, detail: str, instance: str, *, code: str, **facts: Any) -> dict[str, Any]:
    """The one shape."""
    named = {
        "type": f"urn:baton:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
    }
    return {**facts, **named}


def answer(
    document: Mapping[str, Any], headers: Mapping[str, str] | None = None, request: Request | None = None
) -> Response:
    """An error's response; a route may add to its document what its clients look for (`also`), and one whose clients
    are people says it on a page (`page`)."""
    route = request.scope.get("route") if request is not None else None
    also, page = getattr(route, "also", None), getattr(route, "page", None)
    if page is not None and request is not None and "text/html" in request.headers.get("accept", ""):
        said: Response = page(document)
        return said
    document = also(document) if also is not None else document
    return Response(_dumps(document), status_code=document["status"], headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of the app in the one shape."""
    app.add_exception_handler(BatonError, _baton)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


async def _baton(request: Request, error: Exception) -> Response:
    assert isinstance(error, BatonError)
    document = document_of(error, request.url.path)
    if document["status"] == 500 or isinstance(error, StoreError | EngineBusyError):
        _log.error("%s %s: %s", request.method, request.url.path, error)
    retry = error.details.get("retry_after")
    headers = {"Retry-After": str(int(retry) + 1)} if isinstance(retry, int | float) else {}
    if document["status"] == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="baton"'
    return answer(document, headers, request)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Not the values: they may hold what should not be sent back, or cannot be written as JSON.
    problems = [
        {"where": ".".join(str(part) for part in item["loc"]), "message": item["msg"]} for item in error.errors()
    ]
    detail = "; ".join(f"{problem['where']}: {problem['message']}" for problem in problems[:5]) + "."
    kind = request.headers.get("content-type", "")
    if any(problem["where"] == "body" for problem in problems) and not is_json(kind):
        # What `curl -d` does by itself: the body is JSON, and says that it is a form.
        detail = f"The body is sent as '{kind[:100]}' and not as JSON. Send it with 'content-type: application/json'."
    return answer(shape(422, detail, request.url.path, code="request_invalid", problems=problems), request=request)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_").replace("-", "_")
    code = PHRASES.get(error.status_code, phrase)
    detail = str(error.detail)
    if error.status_code == 404 and detail == "Not Found":
        detail = f"There is no path '{request.url.path}'. What there is: /docs."
    elif error.status_code == 405 and detail == "Method Not Allowed":
        detail = f"'{request.url.path}' takes no {request.method}. What there is: /docs."
    return answer(shape(error.status_code, detail, request.url.path, code=code), error.headers, request)


async def _defect(request: Request, error: Exception) -> Response:
    _log.error("%s %s broke", request.method, request.url.path, exc_info=error)
    detail = "Something unforeseen happened here. It is in the gateway's log."
    # Whoever serves us cuts the connection once this has come up to it; the next request must not be sent on it.
    headers = {"Connection": "close"}
    return answer(shape(500, detail, request.url.path, code="defect"), headers, request)


def _dumps(value: Any) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
