"""Opening the database: to look and answer beside whoever drives it, or to drive it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from graphs.errors import NotFoundError
from orchestrator.cli.support.setting import Setting
from orchestrator.engine import Orchestrator


@asynccontextmanager
async def looking(setting: Setting, *, make: bool = False, modules: bool = False) -> AsyncIterator[Orchestrator]:
    """Open to look, answer, publish and cancel. Never takes the lock.

    Args:
        make: Make the file when it is not there.
        modules: Whether what Python modules offer is wanted: an execution that begins is pinned to their workflows and
            agents.

    Raises:
        NotFoundError: there is no such file.
    """
    path = setting.settings.database
    if not make and not path.exists():
        # Opening would make an empty one, and a misspelt path would look like an empty history.
        raise NotFoundError(
            f"There is no database '{path}'.",
            hint="Name it with --database or BATON_DATABASE; baton run and baton publish make one.",
            code="database_not_found",
        )
    opened = (
        Orchestrator.open(
            setting.settings, resources=setting.offered.resources, workflows=setting.offered.workflows, drive=False
        )
        if modules
        else Orchestrator.open(setting.settings, drive=False)
    )
    async with opened as baton:
        yield baton


def driving(setting: Setting) -> AbstractAsyncContextManager[Orchestrator]:
    """Open to drive.

    Raises:
        EngineBusyError: another process does.
    """
    offered = setting.offered
    return Orchestrator.open(setting.settings, resources=offered.resources, workflows=offered.workflows)
