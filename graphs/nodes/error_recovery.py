"""`error_recovery`: performs what the planner decided about failures.

It is entered in two ways: by a `Send` for a companion step, in the same superstep as the step whose failure it
answers; and by the conditional edge once a plan has ended badly, to compensate what was done.
"""

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from graphs.composites import Composite
from graphs.composites.base import plan_of
from graphs.errors import BatonError
from graphs.graph_state import EnterpriseWorkflowState
from graphs.nodes import action, composite
from graphs.nodes.child import carry_out
from graphs.nodes.perform import Body, Dispatch, PlanContext, Update, perform
from graphs.planner import Conclusion, Halt, Plan, PlannedStep
from graphs.scope import Frame
from graphs.spec import Step, Workflow
from graphs.state import Result
from graphs.undo import COMPENSATION, compensations


async def error_recovery(
    state: EnterpriseWorkflowState, runtime: Runtime[PlanContext], config: RunnableConfig
) -> Update:
    """Answer one step's failure, or compensate for a plan's."""
    if "step" in state:
        return await perform(cast(Dispatch, state), runtime.context, config, _act)
    return await _compensate(runtime.context, config)


async def _act(body: Body) -> Result:
    if isinstance(body.prepared.kind, Composite):
        return await composite.act(body)
    return await action.act(body)


async def _compensate(context: PlanContext, config: RunnableConfig) -> Update:
    """Undo what was done, in reverse order of completion, then the workflow's own clean-up steps in theirs (X11)."""
    board, host = context.flow.board, context.host
    await context.flow.quiet()
    workflow = context.frame.workflow
    conclusion = board.plan.conclude(board.results, board.halt)
    if (
        workflow is None
        or conclusion.status == "completed"
        or not _wanted(workflow, conclusion, context.flow.board.halt)
    ):
        return {}
    order = [path for path in await host.results("") if path in board.plan.steps]
    planned = compensations(workflow, board.plan, board.results, order, conclusion, host.library)
    if not planned:
        return {}
    await host.compensating(first=False)
    place = PlannedStep(COMPENSATION, Step(name="compensation", type="sequence"), "error_recovery")
    body = Body(context, place, config)
    body.begin()
    context.flow.dispatch([COMPENSATION], fresh=context.flow.fresh)
    context.flow.entered.add(COMPENSATION)

    async def open_data() -> Mapping[str, Any]:
        await host.compensating(first=True)
        return {}

    inner, _, _ = await carry_out(
        body,
        open_data=open_data,
        plan_for=lambda _: plan_of(planned, failure_policy="continue"),
        frame_for=lambda frame, _: _frame(context, frame, conclusion, planned),
        detached=True,
    )
    return {"steps": {COMPENSATION: _outcome(body, inner.plan, inner.results)}}


def _wanted(workflow: Workflow, conclusion: Conclusion, halt: Halt | None) -> bool:
    if conclusion.status == "timed_out":
        return workflow.spec.config.compensate_on_timeout
    # Whoever cancels leaves things as they are: undoing is asked for in words, not assumed.
    return halt is None or halt.reason != "cancelled"


def _frame(context: PlanContext, frame: Frame, conclusion: Conclusion, planned: list[PlannedStep]) -> Frame:
    frame.extra = {**frame.extra, "error": conclusion.error or {}}
    frame.undone = {step.undoes: _undone(context, step.undoes) for step in planned if step.undoes is not None}
    return frame


def _undone(context: PlanContext, name: str) -> dict[str, Any]:
    """What the compensation of a step sees of it (E11, X24)."""
    board = context.flow.board
    result = board.results[name]
    seen: dict[str, Any] = {"output": result.get("output")}
    if "error" in result:  # else `error` is what made the compensation necessary
        seen["error"] = result["error"]
    main = Body(context, board.plan.steps[name], {})
    if main.prepared.input is not None:
        try:
            seen["input"] = main.prepared.input.render(main.names, main.evaluation, main.state)
        except BatonError as error:  # it was built once; a callable may not do it twice
            context.host.log.warning("compensation.input_lost", step=main.path, error=str(error))
    return seen


def _outcome(body: Body, plan: Plan, results: Mapping[str, Result]) -> Result:
    cut = [name for name, result in results.items() if result.get("reason") in ("cancelled", "halted")]
    wrong = [name for name in plan.steps if plan.failed_for_good(name, results) or name in cut]
    done = [name for name in plan.steps if results[name]["status"] == "completed"]
    result: Result = {"status": "failed" if wrong else "completed", "output": {"compensated": done, "failed": wrong}}
    if wrong:
        result["error"] = results[wrong[0]].get("error", {})
    now = body.host.clock.now().isoformat()
    return {**result, "attempts": 1, "started_at": now, "ended_at": now}
