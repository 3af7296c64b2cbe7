"""Performing a composite step: open it, carry out the plan inside, and give what that comes to."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from graphs.composites import Composite, Opening
from graphs.composites.base import Data
from graphs.errors import NotFoundError, StepError, StepTimeoutError
from graphs.flow import Board
from graphs.nodes.action import in_its_place, step_context
from graphs.nodes.body import Body
from graphs.nodes.child import Inside, carry_out
from graphs.nodes.tries import tries
from graphs.planner import Conclusion, ordered
from graphs.policies import as_step_error, error_value
from graphs.scope import Frame
from graphs.spec import Workflow
from graphs.state import Result, join_path
from graphs.undo import undoable

_LONG: Final = 500
"""Characters of what went wrong at the bottom that are told on each level above."""


async def act(body: Body) -> Result:
    """Carry out the plan inside a step."""
    kind = body.prepared.kind
    assert isinstance(kind, Composite)
    step, library = body.planned.step, body.host.library
    body.begin()

    async def open_data() -> Mapping[str, Any]:
        data = await _opened(body, kind)
        if not body.path.startswith("~") and undoable(step, data, library):
            body.host.note("step.opened", body.path, {"frame": body.host.seal(dict(data))}, keep=True)
        return data

    inside = Inside(
        open_data=open_data,
        plan_for=lambda data: kind.plan(step, data, library),
        frame_for=lambda frame, data: kind.frame(frame, step, data, library),
        grow_for=_grower(body, kind) if kind.growing(step) else None,
    )
    try:
        board, frame, data = await carry_out(body, inside)
    except _NotOpenedError as failure:
        return failure.result
    if kind.tells_all(data, board.conclusion()):
        kept, around = await body.host.results(body.path), len(body.path)
        frame.below = {path[around:].removeprefix("."): result for path, result in kept.items() if path != body.path}
    return _result(body, kind, board, frame, data)


class _NotOpenedError(Exception):
    """What a step uses to open did not answer, however often it was tried."""

    def __init__(self, result: Result) -> None:
        self.result = result


async def _opened(body: Body, kind: Composite) -> Data:
    """What the step finds out when it opens; where it uses something outside for that, tried as actions are.

    Raises:
        _NotOpenedError: none of the attempts went well.
    """
    opening = await _opening(body, 1)
    if (uses := kind.uses(opening.context, opening.config)) is None:
        body.host.started(body.path, 1, body.state())
        return await kind.open(opening)

    async def once(attempt: int) -> _Opened:
        again = opening if attempt == 1 else await _opening(body, attempt)
        return _Opened(await in_its_place(body, uses, again.context, lambda: kind.open(again)))

    opened = await tries(body, once)
    if not isinstance(opened, _Opened):
        raise _NotOpenedError(opened)
    return opened.data


class _Opened(NamedTuple):
    """A step has opened."""

    data: Data


async def _opening(body: Body, attempt: int) -> Opening:
    config = await body.rendered_config()
    return Opening(
        step=body.planned.step,
        config=config,
        names=body.names,
        evaluation=body.evaluation,
        state=body.state,
        context=step_context(body, attempt),
        library=body.host.library,
        workflow=lambda name, version: _pinned(body, name, version),
        resources=body.host.resources,
        around=body.context.frame.workflow,
        instead=body.host.instead(body.path),
        tracks=body.host.tracks,
    )


def _pinned(body: Body, name: str, version: str | None) -> Workflow:
    depth = body.path.count(".") + body.path.count("[")
    if depth > 50:
        raise StepError(f"step '{body.path}' is {depth} levels deep, and 50 are allowed.", code="too_deep")
    workflow = body.host.pinned(name, version)
    if workflow is None:
        raise as_step_error(
            NotFoundError(
                f"step '{body.path}' runs workflow '{name}'{f' {version}' if version else ''}, which was not published "
                "when this execution started.",
                hint="Publish it (baton publish FILE) and start again.",
                code="workflow_unknown",
            )
        )
    return workflow


def _grower(body: Body, kind: Composite) -> Callable[[Board, Frame, Mapping[str, Any]], Callable[[], bool]]:
    def grow_for(board: Board, frame: Frame, data: Mapping[str, Any]) -> Callable[[], bool]:
        def grow() -> bool:
            if board.halt is not None:
                return False
            more = kind.grow(body.planned.step, data, frame, body.host.library, body.evaluation)
            if more:
                board.extend(ordered([*board.plan.steps.values(), *more]))
                frame.plan = board.plan
            return bool(more)

        return grow

    return grow_for


def _result(body: Body, kind: Composite, board: Board, frame: Frame, data: Mapping[str, Any]) -> Result:
    conclusion = board.conclusion()
    if board.error is not None:
        conclusion = Conclusion("failed", None, error_value(as_step_error(board.error), attempt=1))
    response = kind.response(body.planned.step, data, frame, conclusion, body.evaluation)
    route = kind.route(body.planned.step, data, frame.results)
    more: dict[str, Any] = {"route": route} if route is not None else {}
    if conclusion.status == "completed":
        result = body.completed(response, attempts=1, **more)
        if not kind.isolated and (written := frame.written()):
            result["variables"] = written | result.get("variables", {})
        return result
    if conclusion.status == "cancelled":
        return body.cancelled("cancelled", board.halt.detail if board.halt else "")
    return body.failed(_failure(body, conclusion, board), attempts=1, output=body.what_there_is(response), **more)


def _failure(body: Body, conclusion: Conclusion, board: Board) -> StepError:
    if conclusion.step is None and board.halt is not None and board.halt.reason == "timeout":
        return StepTimeoutError(f"{board.halt.detail}.", limit=body.planned.step.timeout)
    inner = conclusion.error or {}
    kind = body.prepared.kind
    if inner and isinstance(kind, Composite) and kind.tells_as_its_own(conclusion.step):
        known = ("message", "category", "code", "hint", "attempt")
        return StepError(
            inner.get("message", ""),
            category=inner.get("category", "logic"),
            code=inner.get("code"),
            hint=inner.get("hint"),
            **{key: value for key, value in inner.items() if key not in known},
        )
    return StepError(
        f"step '{body.path}'{_INSIDE}{_what_failed(body, conclusion, inner.get('message'))}",
        category="timeout" if conclusion.status == "timed_out" else inner.get("category", "logic"),
        code=inner.get("code", "step_failed"),
        inner=conclusion.step,
        **({"response": inner["response"]} if "response" in inner else {}),
    )


def _what_failed(body: Body, conclusion: Conclusion, said: str | None) -> str:
    """Which step at the bottom, and why: those between are named in its path."""
    said = said or "not enough of it succeeded"
    if conclusion.step is None:
        return _end_of(said)
    step = f"'{join_path(body.path, conclusion.step)}'"
    if said.startswith(told := f"step {step}{_INSIDE}"):
        return said.removeprefix(told)
    if said.startswith((f"step {step} ", f"step {step}:")):
        return _end_of(said.removeprefix("step "))
    return f"{step} {conclusion.status.replace('_', ' ')}: {_end_of(said)}"


_INSIDE: Final = " failed inside: "


def _end_of(said: str) -> str:
    return said if len(said) <= _LONG else f"… {said[-_LONG:]}"
