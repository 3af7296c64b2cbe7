"""Drawings of what the database holds: published workflows, and executions with the statuses of their steps."""

from graphs.draw import draw_workflow
from graphs.errors import NotFoundError
from graphs.loading.names import nearest
from graphs.picture import draw_picture
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.following import read_story
from orchestrator.cli.support.naming import read_name
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution


async def draw_kept(setting: Setting, target: str, version: str | None, *, svg: bool = False) -> str:
    """Mermaid (or SVG) of a published workflow or, when none is called so, of an execution.

    Raises:
        NotFoundError: there is neither.
        StoreError: the execution's definition holds Python that no module offers.
    """
    async with looking(setting, modules=True) as baton:
        types = baton.catalogue.library.step_types
        name, asked = read_name(target, version)
        # Only workflows have versions: who names one does not mean an execution.
        look = baton.catalogue.find if version is None else baton.catalogue.definition_of
        if (workflow := await look(name, asked, setting.tenant)) is not None:
            return draw_picture(workflow) if svg else draw_workflow(workflow, step_types=types)
        execution = await _execution(baton, setting, target, name)
        story = await read_story(baton, execution.id)
        story.settle(execution)
        workflow, statuses = await baton.catalogue.pinned(execution), story.statuses()
        if svg:
            return draw_picture(workflow, statuses=statuses)
        return draw_workflow(workflow, statuses=statuses, step_types=types)


async def _execution(baton: Orchestrator, setting: Setting, target: str, name: str) -> Execution:
    try:
        return await find_execution(baton, setting, target)
    except NotFoundError:
        near = nearest(name, await baton.catalogue.names(setting.tenant))
        raise NotFoundError(
            f"There is no workflow and no execution '{target}'.",
            hint=f"Did you mean '{near}'?" if near else "List what there is: baton workflows, baton list.",
            code="target_not_found",
        ) from None
