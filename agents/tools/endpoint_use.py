"""Endpoints of services as tools: how they are declared, the path a call goes to, the call that undoes it. Light."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Self
from urllib.parse import quote

from pydantic import BeforeValidator, model_validator

from agents.services.endpoints import check_endpoint
from agents.services.service_call import Method, upper
from agents.tools.undoing import Effect, undo_template
from graphs.errors import InputError, StepError
from graphs.steps import StepConfig

_HOLE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")

_UNDONE_ELSEWHERE: Final = (
    "'undo' goes with 'service': a registered tool says itself what undoes it (of an MCP server's it is said in "
    "BATON_MCP), a step has 'compensate', and the steps of a workflow have"
)

AnyMethod = Annotated[Method, BeforeValidator(upper)]


def holes_of(endpoint: str) -> list[str]:
    """The arguments that a path names in braces."""
    return _HOLE.findall(endpoint)


def filled(endpoint: str, arguments: Mapping[str, Any]) -> str:
    """The path of a call. Quoted whole: an argument is one part of the path, whatever a model writes into it."""
    return _HOLE.sub(lambda hole: quote(str(arguments[hole[1]]), safe=""), endpoint)


def schema_of(tool: str, endpoint: str, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """JSON Schema of the arguments of an endpoint; without one, those in its path, as texts.

    Raises:
        InputError: the path names one that the schema does not have.
    """
    holes = holes_of(endpoint)
    given = dict(schema or {"type": "object", "properties": {hole: {"type": "string"} for hole in holes}})
    if missing := [hole for hole in holes if hole not in given.get("properties", {})]:
        raise InputError(
            f"tool '{tool}': endpoint '{endpoint}' names '{missing[0]}', which is no argument of its schema.",
            code="tool_endpoint",
        )
    return {**given, "required": list(dict.fromkeys([*given.get("required", ()), *holes]))}


def checked_endpoint(endpoint: str) -> str:
    """A path of a definition.

    Raises:
        ValueError: it leaves its service.
    """
    try:
        return check_endpoint(endpoint)
    except StepError as error:
        raise ValueError(f"{error.message} {error.hint or ''}".strip()) from None


class UndoUse(StepConfig):
    """What undoes a call of an endpoint.

    Attributes:
        tool: A tool by its name: one of the same agent's endpoints, or a registered one.
        endpoint, method: In place of `tool`: another endpoint.
        service: Whose; without it, the same service's.
        args: Its arguments, as expressions over `args` and `result` of the call: `{booking: result.id}`. Without them,
            those that the path (and `input_schema`) name, out of what the call gave, or was called with.
        input_schema: JSON Schema of its arguments.
    """

    tool: str | None = None
    endpoint: str | None = None
    method: AnyMethod = "POST"
    service: str | None = None
    args: dict[str, str] | None = None
    input_schema: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_its_name(cls, value: Any) -> Any:
        return {"tool": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.tool is None) == (self.endpoint is None):
            raise ValueError("give one of 'tool' and 'endpoint'")
        if self.endpoint is not None:
            checked_endpoint(self.endpoint)
        try:
            undo_template(self.templates or {})
        except InputError as error:
            raise ValueError(error.message) from None
        return self

    @property
    def templates(self) -> dict[str, str] | None:
        """`args` as `agents.Tool` has them."""
        return None if self.args is None else {name: f"{{{{ {value} }}}}" for name, value in self.args.items()}


@dataclass(frozen=True)
class EndpointUndo:
    """The call of an endpoint that undoes another call.

    Attributes:
        names: Of the arguments it takes; the path's are among them.
    """

    tool: str
    service: str
    endpoint: str
    method: Method
    names: tuple[str, ...]

    def step(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The step that makes it.

        Args:
            given: `args`, or the `input` they are picked from, as `agents.tools.undoing` gives them.
        """
        offered = given["args"] if "args" in given else given["input"]
        return {
            "type": "endpoint_call",
            "name": f"undo_{self.tool}",
            "config": {"service": self.service, "endpoint": self.endpoint, "method": self.method},
            "input": {name: offered[name] for name in self.names if name in offered},
        }


class EndpointUse(StepConfig):
    """What is said of an endpoint that is a tool.

    Attributes:
        service: A configured service's name: hosts, credentials, limits and breakers are its own.
        endpoint: A path under its base URL, which names arguments in braces: `/api/orders/{order_id}`. The others go
            into the query, or, for methods that have one, into the body.
        method: GET where nothing else is said. Those that change something carry the call's idempotency key.
        input_schema: JSON Schema of the arguments; without it, those in the path, as texts.
        effect: What it does to the world outside: said of any kind of tool (`ToolUse`).
        undo: What undoes a call: a tool's name, or another endpoint.
    """

    service: str | None = None
    endpoint: str | None = None
    method: AnyMethod = "GET"
    input_schema: dict[str, Any] | None = None
    effect: Effect | None = None
    undo: UndoUse | None = None

    @model_validator(mode="after")
    def _an_endpoint_of_a_service(self) -> Self:
        if self.service is None:
            alone = [key for key in EndpointUse.model_fields if key in self.model_fields_set - {"effect"}]
            if alone == ["undo"]:
                raise ValueError(_UNDONE_ELSEWHERE)
            if alone:
                raise ValueError(f"'{alone[0]}' goes with 'service': it is said of an endpoint")
            return self
        if self.endpoint is None:
            raise ValueError("'service' needs 'endpoint': which of its paths the tool calls")
        checked_endpoint(self.endpoint)
        try:
            schema_of(getattr(self, "name", None) or "", self.endpoint, self.input_schema)
        except InputError as error:
            raise ValueError(error.message) from None
        if self.undo is not None and self.effect in ("none", "irreversible"):
            raise ValueError(f"'undo' says what undoes it, and its effect is '{self.effect}'")
        return self
