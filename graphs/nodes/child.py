"""A plan inside a step: carried out by the same compiled graph, in a checkpoint namespace of its own.

One child plan per body, ever. LangGraph names a second one by the order of calls, so that on resume the result of
one could be handed to another.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from graphs.checkpoints import Saved
from graphs.flow import Board, Flow
from graphs.host import run_graph
from graphs.nodes.body import Body, PlanContext
from graphs.nodes.time_limits import until_over, when_over
from graphs.nodes.work_limits import at_work, work_limit, worked_before
from graphs.planner import Halt, Plan
from graphs.scope import Frame
from graphs.state import Result


@dataclass(frozen=True, slots=True)
class Inside:
    """The plan inside a step.

    Attributes:
        open_data: Asked only when the plan is new; what it gives is kept with the plan's first checkpoint.
        plan_for, frame_for: The plan and what its steps see, from that data.
        grow_for: For loops: what adds the next iteration.
        detached: The end of the plan around does not end this one.
        halt: What ends it, when that is known before it begins.
    """

    open_data: Callable[[], Awaitable[Mapping[str, Any]]]
    plan_for: Callable[[Mapping[str, Any]], Plan]
    frame_for: Callable[[Frame, Mapping[str, Any]], Frame]
    grow_for: Callable[[Board, Frame, Mapping[str, Any]], Callable[[], bool]] | None = None
    detached: bool = False
    halt: Halt | None = None


async def carry_out(body: Body, inside: Inside) -> tuple[Board, Frame, Mapping[str, Any]]:
    """Open the plan inside a step, or go on with it where a crash or a wait left it.

    Returns:
        The board with every result, the frame, and the data.

    Raises:
        GraphInterrupt: the flow parks.
    """
    host = body.host
    saved = None if body.context.flow.fresh else await host.checkpoints.saved(*_where(body.config))
    kept = host.unseal(saved.values["frame"]) if saved else await inside.open_data()
    seeds = await _seeds(body)
    board, data = _board(inside, kept, seeds, saved)
    flow = _flow(body, inside, board)
    known = {name: result for name, result in seeds.items() if name in board.plan.steps}
    board.prime({**known, **saved.results} if saved is not None else known)
    # After that: what a step sees may hang on what is known already (what a model called it with).
    frame = inside.frame_for(body.context.frame.inside(body.planned, board.plan, board.results), data)
    if saved is not None:
        flow.dispatch(saved.dispatched, fresh=False)
    grow = inside.grow_for(board, frame, data) if inside.grow_for is not None else None
    over = when_over(body, frame) if saved is None else cast(Mapping[str, Any], saved.values.get("context") or {})
    given = {"frame": host.seal(dict(kept)), "context": over}
    before = await worked_before(body) if work_limit(frame) is not None else 0.0
    with until_over(body, flow, over), at_work(body, flow, frame, before):
        await run_flow(PlanContext(host, flow, frame, grow), body.config, given, new=saved is None)
    return board, frame, data


def _board(
    inside: Inside, kept: Mapping[str, Any], seeds: Mapping[str, Result], saved: Saved | None
) -> tuple[Board, Mapping[str, Any]]:
    """An empty board for the plan, and the data that the plan was made of."""
    if inside.grow_for is None:
        return Board(inside.plan_for(kept)), kept
    # What is planned may look at results later: the same dict holds what is known now, and then what comes.
    live = {**seeds, **(saved.results if saved is not None else {})}
    dispatched = saved.dispatched if saved is not None else ()
    data = {**kept, "iterations": _iterations([*dispatched, *live]), "results": live}
    plan = inside.plan_for(data)
    live.clear()
    return Board(plan, live), data


def _flow(body: Body, inside: Inside, board: Board) -> Flow:
    flow = Flow(
        board,
        body.host,
        path=body.path,
        generation=body.host.facts.generation_at(body.path),
        parent=body.context.flow,
        step=body.planned.name,
        detached=inside.detached,
    )
    if inside.halt is not None:
        board.stop(inside.halt)
    return flow


async def run_partition(context: PlanContext, name: str, names: list[str], config: RunnableConfig) -> None:
    """Some steps of a very large plan, as a flow of their own that shares the plan's board."""
    host, parent = context.host, context.flow
    thread, namespace = _where(config)
    saved = None if parent.fresh else await host.checkpoints.saved(thread, namespace)
    flow = Flow(parent.board, host, path=parent.path, generation=parent.generation, parent=parent, step=name)
    if saved is not None:
        parent.board.prime(saved.results)
        flow.dispatch(saved.dispatched, fresh=False)
    inner = PlanContext(host, flow, context.frame, partition=names)
    await run_flow(inner, config, {}, new=saved is None)


async def run_flow(context: PlanContext, config: RunnableConfig, more: Mapping[str, Any], *, new: bool) -> None:
    """Run the graph for one flow, listening to what it commits."""
    host, flow = context.host, context.flow
    thread, namespace = _where(config)
    if new:
        host.checkpoints.expect_new(thread, namespace, {"path": flow.path, **more})
    host.checkpoints.listen(thread, namespace, flow)
    try:
        await run_graph(host.graph, config, context)
    finally:
        host.checkpoints.forget(thread, namespace)
        flow.close()


def _where(config: RunnableConfig) -> tuple[str, str]:
    where = config["configurable"]
    return where["thread_id"], where.get("checkpoint_ns", "")


def _iterations(names: Iterable[str]) -> int:
    indexes = [int(name[1 : name.index("]")]) for name in names if name.startswith("[")]
    return max(indexes, default=-1) + 1


async def _seeds(body: Body) -> dict[str, Result]:
    """What was kept below the step, by the names of its plan (and of the plans inside that)."""
    kept, around = await body.host.seeds(), len(body.path)
    below = (f"{body.path}.", f"{body.path}[")
    return {path[around:].removeprefix("."): result for path, result in kept.items() if path.startswith(below)}
