"""What the gateway says of itself: its OpenAPI document, and a page to look at it."""

import re
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.security import Right, everybodys
from api.security.needs import declared

router = APIRouter(dependencies=[everybodys()], include_in_schema=False)

_SCHEMES = {
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "Made by `baton keys create`."},
    "token": {"type": "http", "scheme": "bearer", "description": "A key, or a JWT of the OIDC provider."},
}
_SENTENCE = re.compile(r"(?<=[.:;])\s")
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence: what went wrong, and what to do."},
        "instance": {"type": "string"},
        "code": {"type": "string", "description": "A stable word for machines."},
        "hint": {"type": "string"},
    },
}


@router.get("/openapi.json")
async def openapi(request: Request) -> Any:
    """The OpenAPI document."""
    return request.app.openapi()


@router.get("/docs", response_class=HTMLResponse)
async def docs() -> HTMLResponse:
    """The document as a page."""
    return get_swagger_ui_html(openapi_url="/openapi.json", title="Baton")


class DescribedApp(FastAPI):
    """An app whose document says how to come in, what each route needs, and how errors look."""

    def openapi(self) -> dict[str, Any]:
        """The document, made when it is first asked for."""
        if self.openapi_schema is None:
            made = get_openapi(title=self.title, version=self.version, summary=self.summary, routes=self.routes)
            parts = made.setdefault("components", {})
            parts["securitySchemes"] = _SCHEMES
            parts.setdefault("schemas", {})["Problem"] = _PROBLEM
            for route in self.routes:
                if isinstance(route, APIRoute) and route.include_in_schema:
                    for method in route.methods or ():
                        _describe(made["paths"][route.path_format][method.lower()], route)
            self.openapi_schema = made
        return self.openapi_schema


def _describe(operation: dict[str, Any], route: APIRoute) -> None:
    operation["summary"] = _summary(operation["description"])
    rights = sorted({each.right for each in declared(route.dependant) if each.right is not None})
    operation["x-needs"] = rights
    if any(each.is_answer is not None for each in declared(route.dependant)):
        operation["x-needs-to-answer"] = [Right.DECIDE]
    if narrowed := sorted({right for each in declared(route.dependant) for right in each.narrowed}):
        operation["x-shows-less-to"] = narrowed
    operation["security"] = [{"key": []}, {"token": []}] if rights else []
    problem = {
        "description": "A problem, in the one shape (RFC 9457).",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)  # FastAPI's own shape, which we do not send
    responses["default"] = problem


def _summary(description: str) -> str:
    """The first sentence; what FastAPI makes of a function's name is a word without its thing."""
    paragraph = " ".join(description.partition("\n\n")[0].split())
    return _SENTENCE.split(paragraph, maxsplit=1)[0].rstrip(".:;")
