"""The wire format of langgraph-sdk, at the root."""

from collections.abc import Sequence

from fastapi import APIRouter

from api.wire import assistants, crons, following, meta, protocol, runs, sockets, store, threads

routers: Sequence[APIRouter] = (
    meta.router,
    assistants.router,
    threads.router,
    crons.router,
    runs.router,
    following.router,
    protocol.router,
    sockets.router,
    store.router,
)
