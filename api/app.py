"""The gateway as one FastAPI app."""

from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

from api import errors, v1, wire
from api.gateway import Gateway
from api.security import principal

_READ_BY_BROWSERS = ("Content-Location", "Location", "X-Pagination-Total", "X-Pagination-Next", "Retry-After")
"""Headers that a page of another origin may see: clients in browsers find their run by them."""


def create_app(gateway: Gateway) -> FastAPI:
    """The app for a gateway whose parts are open already."""
    app = FastAPI(title="Baton", version=version("baton"), summary="Agent workflows that must not be lost.")
    app.state.gateway = gateway
    errors.install(app)
    for router in (*wire.routers, *v1.routers):
        app.include_router(router, dependencies=[Depends(principal)])
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(gateway.settings.origins),
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=list(_READ_BY_BROWSERS),
    )
    return app
