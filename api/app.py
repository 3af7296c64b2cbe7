"""The gateway as one FastAPI app."""

from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from api import chat, documents, errors, metrics, v1, wire
from api.documents import DescribedApp
from api.gateway import Gateway
from api.mcp import route as mcp
from api.security.guard import guarded
from api.security.hosts import LOOPBACK_ORIGINS
from api.streams import OpenStreams

_READ_BY_BROWSERS = ("Content-Location", "Location", "X-Pagination-Total", "X-Pagination-Next", "Retry-After")
"""Headers that a page of another origin may see: clients in browsers find their run by them."""


def create_app(gateway: Gateway) -> FastAPI:
    """The app for a gateway whose parts are open already.

    Raises:
        EngineError: a route does not say what it needs.
    """
    app = DescribedApp(
        title="Baton",
        version=version("baton"),
        summary="Agent workflows that must not be lost.",
        openapi_url=None,  # FastAPI's own documents would be routes without a guard
    )
    app.state.gateway = gateway
    errors.install(app)
    routers = (documents.router, metrics.router, *wire.routers, *v1.routers, chat.router, mcp.router)
    app.router.routes.extend(guarded(routers, gateway.door))
    app.add_middleware(OpenStreams, open=gateway.streams)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(gateway.settings.origins),
        allow_origin_regex=LOOPBACK_ORIGINS,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=list(_READ_BY_BROWSERS),
    )
    return app
