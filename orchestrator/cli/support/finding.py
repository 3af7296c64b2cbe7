"""Executions by the first letters of their id, and the shortest letters that still tell them apart."""

import re
from typing import Final

from graphs.errors import InputError, NotFoundError
from orchestrator.cli.support.setting import Setting
from orchestrator.engine import Orchestrator
from orchestrator.ids import shown_id
from orchestrator.store.port import Execution, ExecutionFilter

_LEAST: Final = 4
"""Letters a prefix must have: `baton cancel 7` is more likely a slip than a choice."""

_SHORT: Final = 8
_MADE: Final = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
"""An id that Baton made. Ids that people gave are names to them, and stay whole."""


async def find_execution(baton: Orchestrator, setting: Setting, text: str) -> Execution:
    """The execution of that id, or the only one whose id begins so; where a tenant is named, of theirs.

    Raises:
        NotFoundError: there is none.
        InputError: there are several.
    """
    called_so = await _called(baton, setting.only, text)
    if len(called_so) == 1:
        return called_so[0]
    if called_so:
        tenants = ", ".join(sorted(execution.tenant for execution in called_so))
        raise InputError(
            f"Several tenants have an execution '{text}': {tenants}.",
            hint="Say whose: --tenant NAME.",
            code="execution_ambiguous",
        )
    which = ExecutionFilter(id_prefix=text, tenant=setting.only, limit=6)
    near = await baton.list(which) if len(text) >= _LEAST else []
    if len(near) == 1:
        return near[0]
    if not near:
        raise _not_there(text, setting.only)
    shown = ", ".join(f"{shown_id(execution.id)} ({execution.workflow})" for execution in near[:5])
    raise InputError(
        f"Several executions begin with '{text}': {shown}{' …' if len(near) > 5 else ''}.",
        hint="Type more of the id.",
        code="execution_ambiguous",
    )


def own_id(baton: Orchestrator, tenant: str, given: str | None) -> str | None:
    """The id under which an execution that is to be called so is kept; None where none was chosen."""
    return baton.store.own_id(given, tenant) if given is not None else None


async def _called(baton: Orchestrator, tenant: str | None, text: str) -> list[Execution]:
    """Executions of exactly that id: tenants have ids of their own choice to themselves."""
    if tenant is not None:
        own = await baton.store.execution(baton.store.own_id(text, tenant))
        return [own] if own is not None and own.tenant == tenant else []
    exact = await baton.store.execution(text)
    others = await baton.list(ExecutionFilter(id_prefix=f"{text}~"))
    return [*([exact] if exact is not None else []), *(one for one in others if shown_id(one.id) == text)]


def _not_there(text: str, tenant: str | None) -> NotFoundError:
    whose = f" of tenant '{tenant}'" if tenant is not None else ""
    hint = f"List what there is: baton list{f' --tenant {tenant}' if tenant is not None else ''}."
    if 0 < len(text) < _LEAST:
        hint = f"The first letters of an id will do, but at least {_LEAST}. {hint}"
    return NotFoundError(f"There is no execution '{text}'{whose}.", hint=hint, code="execution_not_found")


async def short_id(baton: Orchestrator, execution_id: str) -> str:
    """As much of an id as is needed to name the execution in a command."""
    short = shortened(execution_id)
    if short == shown_id(execution_id):
        return short
    return short if len(await baton.list(ExecutionFilter(id_prefix=short, limit=2))) == 1 else execution_id


def shortened(execution_id: str) -> str:
    """The first letters of an id that Baton made: enough for people to tell it from others."""
    return execution_id[:_SHORT] if _MADE.fullmatch(execution_id) else shown_id(execution_id)
