"""`/ok` and `/info`: whether the gateway lives, and what it can do."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter

from api.security import everybodys

router = APIRouter(tags=["meta"], dependencies=[everybodys()])


@router.get("/ok")
async def ok() -> dict[str, bool]:
    """Whether the gateway answers."""
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
