"""`function`: call a Python function of the application."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from pydantic import model_validator

from agents.services.redaction import Redaction
from agents.tools.calling import Callee
from agents.tools.functions import Function, Functions
from agents.tools.functions import function as of_callable
from graphs.errors import StepError
from graphs.expressions import reveal
from graphs.steps import Action, StepConfig, StepContext


class FunctionConfig(StepConfig):
    """What a `function` is told.

    Attributes:
        function: A registered name, `module:function` of an allowed module, or (from Python) the callable itself.
        args: Arguments by name.
        input: One value for the first parameter, in place of `args`.

    With neither `args` nor `input`, the function is given the step's input: its fields by name, or the whole of it
    when the function has a single parameter that is no field of it. An input with nothing in it (null, `{}`) is not
    given to a parameter that has a default.
    """

    function: str | Callable[..., Any]
    args: dict[str, Any] | None = None
    input: Any = None

    @model_validator(mode="after")
    def _one_way_to_give_arguments(self) -> Self:
        if self.args is not None and "input" in self.model_fields_set:
            raise ValueError("give either 'args' or 'input'")
        return self


class FunctionStep(Action):
    """Calls a Python function. Sync ones run in a thread, so they cannot block the loop."""

    name = "function"
    summary = "calls a Python function that the application registered"
    Config = FunctionConfig
    takes = ("args", "input")

    async def run(self, context: StepContext, config: FunctionConfig) -> Any:
        callee = _function(context, config.function).callee
        if config.args is not None:
            arguments: Mapping[str, Any] = config.args
        elif "input" in config.model_fields_set:
            arguments = _single(callee, config.input)
        else:
            arguments = callee.arguments_of(context.input)
        redaction = Redaction([arguments])
        with redaction.of_errors():
            given = callee.bind(reveal(arguments))
            return redaction.value(await callee.call(given, redaction.context(context), redaction.late))


def _function(context: StepContext, function: str | Callable[..., Any]) -> Function:
    if isinstance(function, str):
        return context.resource(Functions).get(function)
    return of_callable(getattr(function, "__name__", type(function).__name__), function)


def _single(callee: Callee, value: Any) -> Mapping[str, Any]:
    first = next(iter(callee.parameters), None)
    if first is None:
        raise StepError(
            f"{callee.what} takes no arguments, and 'input' gives one.", category="validation", code="arguments_invalid"
        )
    return {first: value}
