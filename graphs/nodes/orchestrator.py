"""`orchestrator`: analyses the workflow, chooses and records how it is carried out, dispatches its steps."""

from typing import Any

from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Send

from graphs.analysis import PLANNED, analyse, choose, too_wide
from graphs.graph_state import Planned
from graphs.nodes.body import PlanContext
from graphs.planner import PlannedStep
from graphs.policies import as_step_error
from graphs.prepare import Library
from graphs.steps import Action

PARTITION = "#"


async def orchestrator(state: Planned, runtime: Runtime[PlanContext]) -> dict[str, Any]:
    """Plan the superstep: everything unfinished at once, or as the chosen strategy says."""
    context = runtime.context
    board = context.flow.board
    await context.flow.quiet()
    if context.grow is not None and not board.remaining():
        try:
            if not context.grow():
                return {"dispatched": []}
        except Exception as error:  # noqa: BLE001 - a loop's condition may be a callable, which may raise anything
            board.error = as_step_error(error)
            return {"dispatched": []}
    found: dict[str, Any] = {}
    if context.is_root and "execution_strategy" not in (state.get("context") or {}):
        found = await _found_out(context) | {"orchestrator_timestamp": context.host.clock.now().isoformat()}
        context.host.note(PLANNED, "", found, keep=True)
    names = _to_dispatch(context)
    context.flow.dispatch(names)
    update: dict[str, Any] = {"dispatched": names}
    if names:
        update["current_step"] = names[-1]
    if found:
        update["context"] = found
    if not names and (context.has_last_steps or (context.is_root and (board.failed() or board.concluded is not None))):
        update["next_action"] = "error"
    return update


async def _found_out(context: PlanContext) -> dict[str, Any]:
    host, frame = context.host, context.frame
    workflow = frame.workflow
    digest, library = workflow.digest if workflow is not None else "", host.library
    analysis = library.remember("analysis", digest, lambda: analyse(frame.plan, library))
    analysis = analysis.with_past(await host.past(workflow) if workflow is not None else None)
    strategy = choose(analysis, frame.config, host.facts.partition_size)
    return {"task_analysis": analysis.as_dict(), "execution_strategy": strategy.as_dict()}


def _to_dispatch(context: PlanContext) -> list[str]:
    board = context.flow.board
    if context.partition is not None:
        return [name for name in context.partition if name not in board.results]
    if board.plan.staged and board.halt is None:
        return board.plan.ready(board.results)
    names = board.remaining()
    size = context.host.facts.partition_size
    asked_for = context.frame.config.strategy == "partitioned" and len(names) > size
    if context.frame.config.strategy == "dataflow" or not (asked_for or too_wide(len(names), size)):
        return names
    return [f"{PARTITION}{index}" for index in range((len(names) + size - 1) // size)]


async def after_orchestrator(state: Planned, runtime: Runtime[PlanContext]) -> Any:
    """The conditional edge of `orchestrator`: every step is sent to the node that performs its kind.

    Plain actions go together, in one `Send`: to LangGraph each body costs as much as everything a short step does.
    Whatever may interrupt, or has a plan of its own inside, has a body of its own.
    """
    context = runtime.context
    names = state["dispatched"]
    if not names:
        return "error_recovery" if state.get("next_action") == "error" else END
    plan = context.flow.board.plan
    if names[0].startswith(PARTITION):
        rest, size = context.flow.board.remaining(), context.host.facts.partition_size
        return [
            Send("parallel_executor", {"step": name, "partition": rest[index * size : (index + 1) * size]})
            for index, name in enumerate(names)
        ]
    plain = [name for name in names if _is_plain(plan.steps[name], context.host.library)]
    alone = names if not plain else [name for name in names if name not in frozenset(plain)]
    sends = [Send(plan.steps[name].node, {"step": name}) for name in alone]
    return [Send("parallel_executor", {"steps": plain}), *sends] if plain else sends


def _is_plain(planned: PlannedStep, library: Library) -> bool:
    if planned.node != "parallel_executor":
        return False
    kind = planned.kind or library.step_types.get(planned.step.type)
    return isinstance(kind, Action)
