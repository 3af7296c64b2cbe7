"""`/ok` and `/info`: whether the gateway lives, and what it can do."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from api.gateway import gateway_of
from api.security import everybodys

router = APIRouter(tags=["meta"], dependencies=[everybodys()])


@router.get("/ok")
async def ok(request: Request, check_db: bool = False) -> dict[str, bool]:
    """Whether the gateway answers; with `check_db`, whether it can store what it is given as well."""
    if check_db:
        await gateway_of(request).orchestrator.store.barrier()
    return {"ok": True}


@router.get("/info")
async def info() -> dict[str, Any]:
    """What the gateway is: clients of langgraph-sdk look here before they connect."""
    return {
        "version": version("baton"),
        "langgraph_py_version": version("langgraph"),
        "flags": {
            "assistants": True,
            "crons": True,
            "strict_resume": True,
            "langsmith": False,
            "langsmith_tracing_replicas": False,
        },
        "host": {"kind": "baton"},
    }
