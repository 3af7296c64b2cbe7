"""The wire format of langgraph-sdk, at the root.

assistants, threads, runs, crons, store    what clients make, find and change; `bodies` in, `shapes` out
following, sse, protocol, sockets          what runs say, as it is said: events, the agent protocol, WebSockets
answering   requests that are nothing but an answer
callers     who asks, as the desk knows them
"""

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
