"""Who may do what, by what they send: `Bearer NAME PERMISSION…`. Only runs are judged by a handler."""

from typing import Any

from langgraph_sdk import Auth

auth = Auth()

DISMISSED: set[str] = set()
"""Who is known no more."""

PROMOTED: dict[str, list[str]] = {}
"""Whose permissions are others than they say."""


@auth.authenticate
async def authenticate(authorization: str | None) -> Any:
    """By name."""
    name, *permissions = (authorization or "").removeprefix("Bearer ").split(" ")
    if not name or name in DISMISSED:
        raise Auth.exceptions.HTTPException(status_code=401, detail="Nobody knows you.")
    return {"identity": name, "permissions": PROMOTED.get(name, permissions)}


@auth.on.threads.create_run
async def run(ctx: Auth.types.AuthContext, value: Any) -> Any:
    """Nobody runs what says no, and nobody on another's thread."""
    if "no" in str(value["kwargs"].get("input")).split("'"):
        return False
    value["metadata"]["owner"] = ctx.user.identity
    return {"owner": ctx.user.identity}


@auth.on.threads.read
async def read(ctx: Auth.types.AuthContext, value: Any) -> Any:
    """Nobody looks at another's."""
    return {"owner": ctx.user.identity}
