"""`error_recovery`: performs what the planner decided about failures.

It is entered in two ways: by a `Send` for a companion step, in the same superstep as the step whose failure it
answers; and by the conditional edge once a plan has ended, to compensate what was done where it ended badly, and for
the `finally` steps of its workflow.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphs.composites import Composite
from graphs.composites.base import plan_of
from graphs.errors import BatonError
from graphs.expressions import EvaluationContext
from graphs.flow import Board
from graphs.graph_state import EnterpriseWorkflowState
from graphs.nodes import action, composite
from graphs.nodes.body import Body, Dispatch, PlanContext
from graphs.nodes.child import Inside, carry_out
from graphs.nodes.perform import Update, perform
from graphs.planner import COMPANION, Conclusion, Halt, Need, Plan, PlannedStep
from graphs.scope import Frame
from graphs.spec import Step, Workflow
from graphs.state import FINALLY, Result
from graphs.state_view import StateView
from graphs.undo import COMPENSATION, Undoing, compensations, may_go_on, with_companions


async def error_recovery(
    state: EnterpriseWorkflowState, runtime: Runtime[PlanContext], config: RunnableConfig
) -> Update:
    """Answer one step's failure; or, once a plan has ended, undo what it did and run its `finally` steps."""
    if "step" in state:
        return await perform(cast(Dispatch, state), runtime.context, config, _act)
    return await _end(runtime.context, config)


async def _act(body: Body) -> Result:
    if isinstance(body.prepared.kind, Composite):
        return await composite.act(body)
    return await action.act(body)


async def _end(context: PlanContext, config: RunnableConfig) -> Update:
    """What is to be done when all steps have settled, one thing each time: a body has one child plan, ever."""
    await context.flow.quiet()
    board, extras = context.flow.board, context.flow.board.extras
    begun, terminated = board.concluded is not None, context.host.terminated is not None
    if context.frame.workflow is None or (terminated and not begun):
        return {}
    if context.is_root and COMPENSATION not in extras and (undoings := await _undoings(context)):
        update = await _compensate(context, config, undoings)
        return Command(update=update, goto="error_recovery") if context.has_last_steps else update
    if context.has_last_steps and FINALLY not in extras and not terminated:
        return await _finally(context, config)
    return {}


async def _undoings(context: PlanContext) -> list[Undoing]:
    """What is to be undone, and in which order (X11). Nothing, when nobody wants that."""
    board, host = context.flow.board, context.host
    conclusion, workflow = board.conclusion(), context.frame.workflow
    if workflow is None:
        return []
    if conclusion.status == "completed" and not (board.concluded is not None or _may_go_on(context, workflow)):
        return []
    wanted = host.compensates(conclusion, workflow.spec.config)
    if wanted == "never":
        return []
    await host.lasting.quiet(host.facts.execution_id, host.clock, host.facts.thread_grace)
    history, clean_up = await host.history(), wanted == "always"
    found = compensations(context.frame, history, conclusion, host.library, host.unseal, clean_up=clean_up)
    return found.undoings


def _may_go_on(context: PlanContext, workflow: Workflow) -> bool:
    return context.host.library.remember("may_go_on", workflow.digest, lambda: may_go_on(workflow))


def _concluded(context: PlanContext) -> Conclusion:
    """How the plan ended, from now on for good: whatever is asked for later does not change why."""
    board = context.flow.board
    conclusion = board.conclusion()
    if conclusion.error is None and conclusion.status in ("timed_out", "cancelled") and board.halt is not None:
        conclusion = conclusion._replace(error={"code": conclusion.status, "message": board.halt.detail})
    board.concluded = conclusion
    return conclusion


async def _compensate(context: PlanContext, config: RunnableConfig, undoings: Sequence[Undoing]) -> dict[str, Any]:
    host, conclusion = context.host, _concluded(context)
    await host.concluded(conclusion, compensating=True)
    inner = await _carry_out(
        context,
        config,
        COMPENSATION,
        plan_of(with_companions([undoing.planned for undoing in undoings], host.library), failure_policy="continue"),
        lambda frame: _with_views(context, frame, conclusion, undoings),
        host.stopped,
    )
    done, wrong = _came_to(inner.plan, inner.results)
    of = {undoing.planned.name: undoing for undoing in undoings}
    wrong = {name: {**facts, **of[name].wanted(facts["error"].get("code"))} for name, facts in wrong.items()}
    return {"steps": {COMPENSATION: _outcome(context, {"compensated": done, "failed": list(wrong)}, wrong, inner)}}


async def _finally(context: PlanContext, config: RunnableConfig) -> dict[str, Any]:
    """The steps that run however it ended; one that fails does not keep the others from running."""
    host, workflow, conclusion = context.host, context.frame.workflow, _concluded(context)
    assert workflow is not None
    if context.is_root:
        await host.concluded(conclusion, compensating=False)

    def seen(frame: Frame) -> Frame:
        frame.extra = {**frame.extra, "error": conclusion.error, "outcome": conclusion.status}
        return frame

    planned: list[PlannedStep] = []
    for step in workflow.spec.finally_:
        needs = (Need(planned[-1].name, "settled"),) if planned else ()
        planned.append(PlannedStep(step.name, step, host.library.node_of(step), needs))
    plan = plan_of(with_companions(planned, host.library), failure_policy="continue")
    inner = await _carry_out(context, config, FINALLY, plan, seen, host.terminated)
    done, wrong = _came_to(inner.plan, inner.results)
    return {"steps": {FINALLY: _outcome(context, {"completed": done, "failed": list(wrong)}, wrong, inner)}}


async def _carry_out(
    context: PlanContext,
    config: RunnableConfig,
    name: str,
    plan: Plan,
    frame_for: Callable[[Frame], Frame],
    halt: Halt | None,
) -> Board:
    """A plan after the plan: its own, whose end the end of the one before is not."""
    body = Body(context, PlannedStep(name, Step(name=name[1:], type="sequence"), "error_recovery"), config)
    context.flow.dispatch([name], fresh=context.flow.fresh)
    context.flow.entered.add(name)
    inside = Inside(
        open_data=_nothing,
        plan_for=lambda _: plan,
        frame_for=lambda frame, _: frame_for(frame),
        detached=True,
        halt=halt,
    )
    board, _, _ = await carry_out(body, inside)
    return board


async def _nothing() -> Mapping[str, Any]:
    return {}


def _with_views(context: PlanContext, frame: Frame, conclusion: Conclusion, undoings: Sequence[Undoing]) -> Frame:
    """Each undoing step stands where what it undoes stood, and sees what became of it."""
    views = {}
    for undoing in undoings:
        view = undoing.frame.inside(undoing.place, frame.plan, frame.results)
        view.afterwards, view.begun = True, frame.begun
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
    if "outcome" in result:
        cut = {"code": result["status"], "message": result.get("detail", "")}
        unknown = {"outcome": result["outcome"], "idempotency_key": result.get("idempotency_key")}
        seen["error"] = {**result.get("error", cut), **unknown}
    host, frame, place = context.host, undoing.frame, undoing.place
    prepared = host.library.prepare(place.step)
    if prepared.input is not None:
        names = frame.names(place)
        evaluation = EvaluationContext(now=frame.time_of(place), seed=undoing.planned.name)
        try:
            seen["input"] = prepared.input.render(names, evaluation, lambda: StateView(frame, place, names))
        except BatonError as error:  # it was built once; a callable may not do it twice
            host.log.warning("compensation.input_lost", step=undoing.planned.undoes, error=str(error))
    return seen


def _came_to(plan: Plan, results: Mapping[str, Result]) -> tuple[list[str], dict[str, Any]]:
    """Names of the steps that were done, and the facts of those that were not."""
    done: list[str] = []
    wrong: dict[str, Any] = {}
    for name, planned in plan.steps.items():
        if planned.stands_for is not None:
            continue
        result = plan.effective(name, results)
        cut = result.get("reason") in ("cancelled", "halted")
        if result["status"] == "completed":
            done.append(name)
        elif cut or plan.failed_for_good(name, results):
            stopped = {"code": "stopped", "message": result.get("detail") or "it was stopped"}
            wrong[name] = {"error": result.get("error", stopped), "attempts": result.get("attempts", 0)}
            if planned.undoes is not None:
                wrong[name]["undoes"] = planned.undoes
    return done, wrong


def _outcome(context: PlanContext, output: Any, wrong: Mapping[str, Any], inner: Board) -> Result:
    now = context.host.clock.now().isoformat()
    began = min((one["started_at"] for one in inner.results.values() if one.get("started_at")), default=now)
    result: Result = {"status": "failed" if wrong else "completed", "output": output}
    if wrong:
        result["error"] = next(iter(wrong.values()))["error"]
        result["unfinished"] = dict(wrong)
    return {**result, "attempts": 1, "started_at": began, "ended_at": now}
