"""Executions by the first letters of their id, and the shortest letters that still tell them apart."""

import re
from typing import Final

from graphs.errors import InputError, NotFoundError
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution, ExecutionFilter

_LEAST: Final = 4
"""Letters a prefix must have: `baton cancel 7` is more likely a slip than a choice."""

_SHORT: Final = 8
_MADE: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
"""An id that Baton made. Ids that people gave are names to them, and stay whole."""


async def find_execution(baton: Orchestrator, text: str) -> Execution:
    """The execution of that id, or the only one whose id begins so.

    Raises:
        NotFoundError: there is none.
        InputError: there are several.
    """
    if (exact := await baton.store.execution(text)) is not None:
        return exact
    near = await baton.list(ExecutionFilter(id_prefix=text, limit=6)) if len(text) >= _LEAST else []
    if len(near) == 1:
        return near[0]
    if not near:
        hint = "List what there is: baton list."
        if 0 < len(text) < _LEAST:
            hint = f"The first letters of an id will do, but at least {_LEAST}. {hint}"
        raise NotFoundError(f"There is no execution '{text}'.", hint=hint, code="execution_not_found")
    shown = ", ".join(f"{execution.id} ({execution.workflow})" for execution in near[:5])
    raise InputError(
        f"Several executions begin with '{text}': {shown}{' …' if len(near) > 5 else ''}.",
        hint="Type more of the id.",
        code="execution_ambiguous",
    )


async def short_id(baton: Orchestrator, execution_id: str) -> str:
    """As much of an id as is needed to name the execution in a command."""
    short = shortened(execution_id)
    if short == execution_id:
        return execution_id
    return short if len(await baton.list(ExecutionFilter(id_prefix=short, limit=2))) == 1 else execution_id


def shortened(execution_id: str) -> str:
    """The first letters of an id that Baton made: enough for people to tell it from others."""
    return execution_id[:_SHORT] if _MADE.fullmatch(execution_id) else execution_id
