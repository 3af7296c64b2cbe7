"""`error_recovery`: performs what the planner decided about failures.

It is entered in two ways: by a `Send` for a companion step, in the same superstep as the step whose failure it
answers; and by the conditional edge once a plan has ended badly, to compensate what was done.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from graphs.composites import Composite
from graphs.composites.base import plan_of
from graphs.errors import BatonError
from graphs.expressions import EvaluationContext
from graphs.graph_state import EnterpriseWorkflowState
from graphs.nodes import action, composite
from graphs.nodes.child import carry_out
from graphs.nodes.perform import Body, Dispatch, PlanContext, Update, perform
from graphs.planner import COMPANION, Conclusion, Halt, Plan, PlannedStep
from graphs.scope import Frame, StateView
from graphs.spec import Step, Workflow
from graphs.state import Result
from graphs.undo import COMPENSATION, Undoing, compensations, with_companions


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
    conclusion = board.conclusion()
    if workflow is None or conclusion.status == "completed":
        return {}
    if board.concluded is None and (host.terminated or not _wanted(workflow, conclusion, board.halt)):
        return {}
    history = await host.history()
    undoings = compensations(context.frame, history, conclusion, host.library, host.unseal)
    if not undoings:
        return {}
    await host.compensating(conclusion)
    board.concluded = conclusion  # whatever is asked for from now on, this is why it ended
    place = PlannedStep(COMPENSATION, Step(name="compensation", type="sequence"), "error_recovery")
    body = Body(context, place, config)
    body.begin()
    context.flow.dispatch([COMPENSATION], fresh=context.flow.fresh)
    context.flow.entered.add(COMPENSATION)
    inner, _, _ = await carry_out(
        body,
        open_data=_nothing,
        plan_for=lambda _: plan_of(with_companions(undoings, host.library), failure_policy="continue"),
        frame_for=lambda frame, _: _with_views(context, frame, conclusion, undoings),
        detached=True,
        halt=host.stopped,
    )
    return {"steps": {COMPENSATION: _outcome(body, inner.plan, inner.results)}}


async def _nothing() -> Mapping[str, Any]:
    return {}


def _wanted(workflow: Workflow, conclusion: Conclusion, halt: Halt | None) -> bool:
    if conclusion.status == "timed_out":
        return workflow.spec.config.compensate_on_timeout
    # Whoever cancels leaves things as they are: undoing is asked for in words, not assumed.
    return halt is None or halt.reason != "cancelled"


def _with_views(context: PlanContext, frame: Frame, conclusion: Conclusion, undoings: Sequence[Undoing]) -> Frame:
    """Each undoing step stands where what it undoes stood, and sees what became of it."""
    views = {}
    for undoing in undoings:
        view = undoing.frame.inside(undoing.place, frame.plan, frame.results)
        view.afterwards = True
        view.extra = {**view.extra, "error": conclusion.error or {}, **_seen(context, undoing)}
        views[undoing.planned.name] = views[undoing.planned.name + COMPANION] = view
    frame.views = views
    return frame


def _seen(context: PlanContext, undoing: Undoing) -> dict[str, Any]:
    """What the compensation of a step sees of it (E11, X24), and of an effect what was written down."""
    if undoing.effect is not None:
        return {"effect": undoing.effect}
    result = undoing.result
    if result is None:
        return {}
    seen: dict[str, Any] = {"output": result.get("output")}
    if "error" in result:  # else `error` is what made the compensation necessary
        seen["error"] = result["error"]
    host, frame, place = context.host, undoing.frame, undoing.place
    prepared = host.library.prepare(place.step)
    if prepared.input is not None:
        names = frame.names(place)
        evaluation = EvaluationContext(now=host.clock.now(), seed=undoing.planned.name)
        try:
            seen["input"] = prepared.input.render(names, evaluation, lambda: StateView(frame, place, names))
        except BatonError as error:  # it was built once; a callable may not do it twice
            host.log.warning("compensation.input_lost", step=undoing.planned.undoes, error=str(error))
    return seen


def _outcome(body: Body, plan: Plan, results: Mapping[str, Result]) -> Result:
    steps = [name for name, planned in plan.steps.items() if planned.stands_for is None]
    stands = {name: plan.effective(name, results) for name in steps}
    cut = [name for name, result in stands.items() if result.get("reason") in ("cancelled", "halted")]
    wrong = [name for name in steps if plan.failed_for_good(name, results) or name in cut]
    done = [name for name in steps if stands[name]["status"] == "completed"]
    result: Result = {"status": "failed" if wrong else "completed", "output": {"compensated": done, "failed": wrong}}
    if wrong:
        result["error"] = stands[wrong[0]].get("error", {})
    now = body.host.clock.now().isoformat()
    return {**result, "attempts": 1, "started_at": now, "ended_at": now}
