"""Tools: what a `tool` step runs and what an agent may call."""

import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, overload

from pydantic import ValidationError

from agents.loading import load
from agents.registry import Registry
from agents.services.redaction import Redaction
from agents.tools.calling import Callee, picked
from agents.tools.endpoint_use import EndpointUndo
from agents.tools.tool_use import ToolApproval
from agents.tools.undoing import (
    Effect,
    UndoArguments,
    announce,
    given_to_undo,
    given_to_undo_unheard,
    undo_template,
    undoing_step,
)
from graphs.errors import InputError, StepError
from graphs.expressions import reveal
from graphs.lasting import Late
from graphs.loading.words import clauses
from graphs.spec import RetryPolicy
from graphs.steps import StepContext
from graphs.values import json_value

LONGEST_NAME: Final = 64
"""Characters; what providers accept."""

_NAME: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")


def prefix_of(source: str) -> str:
    """How the names begin of the tools that a server offers."""
    return _NOT_IN_NAMES.sub("_", f"{source}_")


def marked(name: str, *of: str) -> str:
    """A name that would be too long, or also another's, as one that is nobody else's, and the same every time.

    Args:
        of: What it is the name of.
    """
    mark = hashlib.sha256("\0".join(of).encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 9]}_{mark}"


@dataclass(frozen=True)
class Tool:
    """A function that a model may call, with what a model is told of it (A25).

    Attributes:
        name: Letters, digits, `_` and `-`: what providers accept.
        description: When to use it, and what it gives.
        function: Sync or async. A parameter `context` is given the StepContext and is no argument.
        schema: JSON Schema of the arguments, where the signature does not say enough.
        effect: What it does to the world outside; None where that was not said. Calls of an `irreversible` one are
            named by the end of an execution that is undone, or fails: they still stand.
        undo: The registered tool, or the endpoint, that undoes a call of this one. It takes its arguments, by their
            names, from what the call gave (where that is an object), from the call's own arguments, and `result`, the
            whole of what it gave. Every call that was made is undone when the execution is compensated, whoever made
            it; so is one that was cut off and may have been made: without a result, and with `outcome` ("unknown") and
            the call's `idempotency_key`, where it names these.
        undo_args: In place of that: what the undoing tool is given, from the call's arguments and its result: a
            function, which gives None when there is nothing to undo, or values with expressions over `args` and
            `result`: `{"booking": "{{ result.id }}"}`.
        approval: When a person must approve a call an agent makes: `always`, `never`, an expression over `args`, or
            a `ToolApproval`.
        max_calls: How often an agent may call it in one step, under whichever name it is offered.
        timeout: Seconds one call by an agent may take.
        retry: Failed calls by an agent are made again by this policy; only for tools that honour idempotency keys.
        uses: The service behind it: calls are under that one's limits and behind its breaker, as service calls are.
    """

    name: str
    description: str
    function: Callable[..., Any]
    schema: Mapping[str, Any] | None = None
    effect: Effect | None = None
    undo: str | EndpointUndo | None = None
    undo_args: UndoArguments | None = None
    approval: ToolApproval | str | None = None
    max_calls: int | None = None
    timeout: float | None = None
    retry: RetryPolicy | None = None
    uses: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"tool name '{self.name}' has other characters than letters, digits, '_' and '-', or more than 64.",
                code="tool_name_invalid",
            )
        if not self.description.strip():
            raise InputError(
                f"tool '{self.name}' has no description.",
                hint="Say when to use it, in its docstring or in 'description'; a model has nothing else to go by.",
                code="tool_undescribed",
            )
        if self.undo is not None and self.effect in ("none", "irreversible"):
            raise InputError(
                f"tool '{self.name}' names what undoes it, and its effect is '{self.effect}'.", code="tool_undo"
            )
        if isinstance(self.approval, str):
            object.__setattr__(self, "approval", _rule(self.name, self.approval))
        if isinstance(self.undo_args, Mapping):
            undo_template(self.undo_args)  # known now, and not only when it is needed

    @cached_property
    def callee(self) -> Callee:
        return Callee(self.function, f"tool '{self.name}'")

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """JSON Schema of its arguments.

        Raises:
            InputError: an annotation is nothing that JSON can hold.
        """
        return self.schema if self.schema is not None else self.callee.schema()

    def arguments_of(self, value: Any, *, by_name: bool = False) -> Mapping[str, Any]:
        """Arguments out of a step's input: its fields by name, or (unless `by_name`) the whole of it for a single
        argument."""
        if self.schema is None or not self.callee.takes_any:
            return self.callee.arguments_of(value, by_name=by_name)
        # A function that takes anything has its arguments in its schema only.
        names = list(self.schema.get("properties") or {})
        takes_any = not names and bool(self.schema.get("additionalProperties", "properties" not in self.schema))
        required = bool(self.schema.get("required"))
        return picked(value, names, takes_any=takes_any, required=required, by_name=by_name)

    async def run(self, arguments: Mapping[str, Any], context: StepContext) -> Any:
        """Call it, and write down how that is undone, where the tool says so, before anybody hears of the result; what
        cannot be undone is written down before it is called.

        Secrets among the arguments are revealed to the function, and written down sealed.

        Raises:
            StepError: `arguments_invalid`; or what the function raised.
        """
        if self.effect == "irreversible":
            await announce(self.name, context)
        result = await self._call(arguments, context)
        await self._write_down(result, arguments, context)
        return result

    async def _write_down(self, result: Any, arguments: Mapping[str, Any], context: StepContext) -> None:
        if self.undo is not None:
            gave = Redaction([arguments]).value(result)
            undoing = given_to_undo(self.undo_args, arguments, gave, context)
            if undoing is not None:
                await context.effect(self._step_of(self.undo, undoing), result=result)

    def undo_unheard(self, arguments: Mapping[str, Any], context: StepContext) -> Mapping[str, Any] | None:
        """How a call is undone that was cut off, and may have acted."""
        if self.undo is None or (given := given_to_undo_unheard(self.undo_args, arguments, context)) is None:
            return None
        return self._step_of(self.undo, given)

    @staticmethod
    def _step_of(undo: str | EndpointUndo, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return undoing_step(undo, given) if isinstance(undo, str) else undo.step(given)

    async def _call(self, arguments: Mapping[str, Any], context: StepContext) -> Any:
        async def late(value: Any) -> Any:
            result = json_value(value)
            await self._write_down(result, arguments, context)
            return Redaction([arguments]).shown(result)

        return await self._called(reveal(arguments), context, late)

    async def _called(self, arguments: Mapping[str, Any], context: StepContext, late: Late) -> Any:
        if self.schema is not None:
            problem = (await load("agents.schemas")).misfit(self.schema, dict(arguments), "arguments")
            if problem:
                raise StepError(
                    f"tool '{self.name}' cannot be called: {problem}.",
                    category="validation",
                    retryable=False,
                    code="arguments_invalid",
                )
        return await self.callee.call(self.callee.bind(arguments), context, late)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The plain function, for Python code."""
        return self.function(*args, **kwargs)


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    schema: Mapping[str, Any] | None = None,
    effect: Effect | None = None,
    **more: Any,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    schema: Mapping[str, Any] | None = None,
    effect: Effect | None = None,
    **more: Any,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a function a tool; its name and docstring are what a model sees. `more` is as in `Tool`.

    ```python
    @tool(effect="reversible", undo="cancel_booking")
    def book(room: str, night: str) -> dict:
        '''Book a room for a night; gives {"booking": …}.'''

    @tool
    def cancel_booking(booking: str) -> None:
        '''Cancel a booking.'''
    ```
    """

    def make(function: Callable[..., Any]) -> Tool:
        own_name = getattr(function, "__name__", type(function).__name__)
        return Tool(name or own_name, description or inspect.getdoc(function) or "", function, schema, effect, **more)

    return make if function is None else make(function)


def _rule(tool: str, approval: str) -> ToolApproval:
    try:
        return ToolApproval.model_validate(approval)
    except ValidationError as error:
        why = "; ".join(clauses(ToolApproval, error, "approval"))
        raise InputError(f"tool '{tool}', {why}.", code="tool_approval") from None


class Tools(Registry[Tool]):
    """The tools an application offers its steps and agents; a resource.

    Args:
        tools: Tools, or plain functions with a docstring.
    """

    word = "tool"
    remedy = "Tools are registered: Tools([...]) of functions marked @tool."

    def __init__(self, tools: Iterable[Tool | Callable[..., Any]] = ()) -> None:
        self._away: dict[str, str] = {}
        super().__init__(one if isinstance(one, Tool) else tool(one) for one in tools)

    def awaits(self, source: str, why: str | None) -> None:
        """Tools called `SOURCE_…` are not known yet, and why; None: they are."""
        self._away = {name: reason for name, reason in self._away.items() if name != source}
        if why is not None:
            self._away[source] = why

    @property
    def complete(self) -> bool:
        """Whether all there will be are known."""
        return not self._away

    def get(self, name: str) -> Tool:
        """The tool of that name.

        Raises:
            StepError: there is none; or it is of a server that cannot be reached, and then trying again may help.
        """
        if name not in self:
            for source, why in self._away.items():
                if name.startswith(prefix_of(source)):
                    raise StepError(
                        f"tool '{name}' is not known, as MCP server '{source}' cannot be reached: {why}",
                        category="dependency",
                        code="mcp_unreachable",
                        hint="It is tried again and again; 'baton mcp' tries it now.",
                    )
        return super().get(name)

    def select(self, wanted: Iterable[str | Tool]) -> list[Tool]:
        """The tools of these names; tools themselves are taken as they are.

        Raises:
            StepError: one is not there.
        """
        return [one if isinstance(one, Tool) else self.get(one) for one in wanted]
