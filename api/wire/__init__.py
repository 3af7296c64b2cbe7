"""The wire format of langgraph-sdk, at the root."""

from collections.abc import Sequence

from fastapi import APIRouter

from api.wire import meta

routers: Sequence[APIRouter] = (meta.router,)
