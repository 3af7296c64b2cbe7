"""What every step goes through, whichever node performs it: wait for its dependencies, run or skip, give a result.

A body never raises for an ordinary failure, because LangGraph would cancel its siblings; what a failure means for
others is the planner's decision. It raises `GraphInterrupt` when it is to be run again on resume.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.types import Command

from graphs.errors import StepError, StoreError
from graphs.flow import Woken
from graphs.nodes.body import Body, Dispatch, PlanContext
from graphs.planner import Skip, failed
from graphs.policies import as_step_error
from graphs.state import Kept, Result

Act = Callable[[Body], Awaitable[Result]]
Update = dict[str, Any] | Command[Any]


async def perform(dispatch: Dispatch, context: PlanContext, config: RunnableConfig, act: Act) -> Update:
    """Carry one step from dispatch to result.

    Raises:
        GraphInterrupt: the flow parks; run this step again on resume.
    """
    name = dispatch["step"]
    await settle(name, context, config, act)
    return update(context, [name])


async def settle(name: str, context: PlanContext, config: RunnableConfig, act: Act) -> None:
    """Return when a step has a result that is kept, with its record, and told to those that wait for it.

    LangGraph is told when the body returns, and keeps it in its next checkpoint. So a body that is entered again, after
    a crash or because another one was parked, finds in the records what is done.

    Raises:
        GraphInterrupt: the flow parks; run this step again on resume.
    """
    if name in context.flow.board.results:
        return
    planned = context.flow.board.plan.steps[name]
    if context.frame.views:
        context = replace(context, frame=context.frame.views[name])
    body = Body(context, planned, config, late=context.flow.may_have_begun(name))
    woken = await context.flow.dependencies(name)
    if woken is Woken.PARK:
        raise GraphInterrupt(())
    result = await _result(body, woken, act)
    host = context.host
    host.settled(body.path, result)
    await host.checkpoints.keep(host.facts.execution_id, context.flow, {name: result})


async def _result(body: Body, woken: Woken, act: Act) -> Result:
    board = body.context.flow.board
    if woken is Woken.HALT:
        return body.skipped("halted", board.halt.detail if board.halt else "")
    verdict = board.plan.verdict(body.planned.name, board.results)
    if isinstance(verdict, Skip):
        return body.skipped(verdict.reason, verdict.detail)
    try:
        condition = body.prepared.condition
        if condition is not None and not condition.holds(body.names, body.evaluation, body.state):
            return body.skipped("condition", "its condition is false")
        return await act(body)
    except (GraphBubbleUp, StoreError):
        raise  # parked, or the drive cannot go on: neither is this step's failure
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        return body.failed(StepError("its own code was cancelled from within", code="cancelled_within"), attempts=0)
    except Exception as error:  # noqa: BLE001 - callables of a definition may raise anything; siblings must not suffer
        return body.failed(as_step_error(error), attempts=0)


def update(context: PlanContext, names: Iterable[str]) -> Update:
    """What a body returns: its own results, and where the execution is to go next when that is not the end."""
    settled = context.flow.board.results
    results = Kept((name, settled[name]) for name in names)
    change: dict[str, Any] = {"steps": results}
    if errors := [result.get("error") for result in results.values() if failed(result)]:
        change["last_error"] = errors[-1]
        change["error_count"] = len(errors)
    board = context.flow.board
    if board.plan.staged or context.grow is not None:
        return Command(update=change, goto="orchestrator")
    if context.has_last_steps or (
        context.is_root and (board.halt is not None or any(_for_good(context, *each) for each in results.items()))
    ):
        return Command(update=change, goto="error_recovery")
    return change


def _for_good(context: PlanContext, name: str, result: Result) -> bool:
    return (
        failed(result)
        and not result.get("continued")
        and "goto" not in result
        and name not in context.flow.board.plan.companions
    )
