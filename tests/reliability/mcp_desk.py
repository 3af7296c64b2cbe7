"""An MCP server that books, and honours idempotency keys; it kills whoever calls it where it was told to.

`python tests/reliability/mcp_desk.py stdio|streamable-http FOLDER [PORT]`. In the folder: `calls.jsonl`, every call
that arrived; `done.jsonl`, what was really done; `pid`, who calls; `kills`, the numbers of the calls it dies at.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from mcp.server.fastmcp import Context, FastMCP

_TRANSPORT, _FOLDER = sys.argv[1], Path(sys.argv[2])
server = FastMCP("desk", port=int(sys.argv[3]) if len(sys.argv) > 3 else 8000)


def _lines(name: str) -> list[Any]:
    file = _FOLDER / name
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _add(name: str, value: Any) -> None:
    with (_FOLDER / name).open("a") as file:
        file.write(json.dumps(value) + "\n")


def _act(what: str, context: "Context[Any, Any, Any]") -> None:
    """What is done before its caller dies is done, and whoever asks again with the same key has it done already."""
    meta = context.request_context.meta
    key = meta.model_dump()["baton/idempotency-key"] if meta is not None else None
    _add("calls.jsonl", {"what": what, "key": key})
    if key not in [done["key"] for done in _lines("done.jsonl")]:
        _add("done.jsonl", {"what": what, "key": key})
    if str(len(_lines("calls.jsonl"))) in (_FOLDER / "kills").read_text().split():
        os.kill(int((_FOLDER / "pid").read_text()), signal.SIGKILL)


@server.tool()
def book(what: str, context: Context[Any, Any, Any]) -> dict[str, str]:
    """Books something; gives the booking's id."""
    _act(f"book {what}", context)
    return {"id": f"{what}-1"}


@server.tool()
def cancel(booking: str, context: Context[Any, Any, Any]) -> str:
    """Cancels a booking."""
    _act(f"cancel {booking}", context)
    return "cancelled"


if __name__ == "__main__":
    server.run(transport=_TRANSPORT)  # type: ignore[arg-type]
