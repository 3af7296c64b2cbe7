"""What the tool that undoes a call is given."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from graphs.errors import ExpressionError, InputError, StepError
from graphs.expressions import ANY, EvaluationContext, Template, parse_template
from graphs.expressions import check as check_names
from graphs.expressions.shape import object_shape
from graphs.steps import StepContext

Effect = Literal["none", "reversible", "irreversible"]
"""What a tool does to the world outside."""

IRREVERSIBLE: Final = "step.irreversible"
"""The kind of the record of a call that nothing undoes: it is about to be made."""


async def announce(tool: str, context: StepContext) -> None:
    """Write down that a call is about to be made which nothing undoes: afterwards there may be nobody who could."""
    if context.keep is not None:
        await context.keep(IRREVERSIBLE, {"tool": tool, "idempotency_key": context.idempotency_key})


UndoArguments = Callable[[Mapping[str, Any], Any], Mapping[str, Any] | None] | Mapping[str, Any]
"""From a call's arguments and its result: a function, or values with expressions over `args` and `result`."""

_SEEN: Final = object_shape({"args": ANY, "result": ANY, "outcome": ANY, "idempotency_key": ANY})


def undo_template(undo_args: Mapping[str, Any]) -> Template:
    """Values with expressions, read.

    Raises:
        InputError: they cannot be read, or read something else than they see.
    """
    try:
        template = parse_template(dict(undo_args))
    except ExpressionError as error:
        raise InputError(f"'undo_args' cannot be read: {error.message}", hint=error.hint, code="tool_undo") from None
    if wrong := check_names(template, _SEEN):
        raise InputError(
            f"'undo_args': {wrong[0].message} It sees 'args', 'result', 'outcome' and 'idempotency_key'.",
            code="tool_undo",
        )
    return template


def undoing_step(undo: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The step that runs the undoing tool. What it is offered it takes by name: with the whole of it, it would undo
    something else."""
    if "input" in given:
        return {"type": "tool", "config": {"tool": undo, "by_name": True}, **given}
    return {"tool": undo, **given}


def given_to_undo(
    undo_args: UndoArguments | None, arguments: Mapping[str, Any], result: Any, context: StepContext
) -> dict[str, Any] | None:
    """What of a step the undoing tool needs to be called with: `args`, or the `input` it picks them from; None when
    there is nothing to undo.

    Raises:
        StepError: `undo_unknown`: the call was made, and what undoes it cannot be said.
    """
    if undo_args is None:
        gave = result if isinstance(result, Mapping) else {}
        return {"input": {**arguments, **gave, "result": result}}
    if callable(undo_args):
        args = undo_args(arguments, result)
        return None if args is None else {"args": dict(args)}
    try:
        return {"args": _rendered(undo_args, arguments, result, "known", context)}
    except ExpressionError as error:
        raise StepError(
            f"the call was made, and what undoes it cannot be said: {error.message}",
            category="logic",
            retryable=False,
            code="undo_unknown",
            hint="Mend the tool's 'undo_args', and see to what was done by hand.",
        ) from error


def given_to_undo_unheard(
    undo_args: UndoArguments | None, arguments: Mapping[str, Any], context: StepContext
) -> dict[str, Any] | None:
    """As `given_to_undo`, for a call of which nobody knows whether it was made: there is no result, and the undoing
    tool is offered `outcome` ("unknown") and the `idempotency_key` of the call besides.

    What cannot be said without the result is left out: the undoing tool then fails, and people are told.
    """
    known = {"outcome": "unknown", "idempotency_key": context.idempotency_key}
    if undo_args is None:
        return {"input": {**known, **arguments, "result": None}}
    try:
        if not callable(undo_args):
            return {"args": _rendered(undo_args, arguments, None, "unknown", context)}
        args = undo_args(arguments, None)
    except Exception:  # noqa: BLE001 - the application's own function, which looks for a result
        return {"args": known}
    return None if args is None else {"args": dict(args)}


def _rendered(
    undo_args: Mapping[str, Any], arguments: Mapping[str, Any], result: Any, outcome: str, context: StepContext
) -> dict[str, Any]:
    names = {"args": arguments, "result": result, "outcome": outcome, "idempotency_key": context.idempotency_key}
    evaluation = EvaluationContext(now=context.clock.now(), seed=context.idempotency_key)
    rendered: dict[str, Any] = undo_template(undo_args).render(names, evaluation)
    return rendered
