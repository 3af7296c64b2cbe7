"""What a step's `action` names, as a type and a configuration of the language."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.faces.enterprise.policies import problem


@dataclass(frozen=True, slots=True)
class Action:
    """What is done.

    Attributes:
        kind, config: The step's type and its configuration.
        arguments: What it is done with, as expressions by name.
        input: The step's input, where the type takes its arguments from there.
        limit: What the step's time limit is for: an attempt, the wait (it is in `config` then), or nothing.
    """

    kind: str
    config: Mapping[str, Any]
    arguments: Mapping[str, Any] | None = None
    input: Any = None
    limit: Literal["attempt", "wait"] | None = "attempt"


Arguments = Mapping[str, Any] | None


def action_of(
    text: str | None, arguments: Arguments, where: str, *, capability: str | None = None, wait: float | None = None
) -> Action:
    """Read an action.

    Args:
        text: `send_mail`, `tool:mail`, `agent:clerk`, `workflow:clean-up@1.2`, `approval:Ship it?`, `event:order.paid`.
        arguments: What it is done with; None where nothing is said.
        capability: An agent that has it does what `text` says in words.
        wait: For what waits: how long.

    Raises:
        DefinitionError: the text names nothing, or a kind of action that is not known.
    """
    if capability is not None:
        config = {"agent_capability": capability} | ({"message": text} if text else {})
        return Action("agent", config, arguments, input=arguments)
    kind, colon, name = (text or "").partition(":")
    if not colon:
        return _with_arguments("function", {"function": text}, arguments)
    if kind not in _KINDS or not name.strip():
        raise problem(
            "action_unknown",
            f"{where}: '{text}' is no action.",
            f"Write the name of a registered function, or one of {', '.join(f'{one}:NAME' for one in _KINDS)}.",
        )
    return _KINDS[kind](name.strip(), arguments, wait)


def _with_arguments(kind: str, config: dict[str, Any], arguments: Arguments) -> Action:
    return Action(kind, config if arguments is None else {**config, "args": arguments}, arguments)


def _tool(name: str, arguments: Arguments, wait: float | None) -> Action:
    return _with_arguments("tool", {"tool": name}, arguments)


def _agent(name: str, arguments: Arguments, wait: float | None) -> Action:
    return Action("agent", {"agent": name}, arguments, input=arguments)


def _workflow(name: str, arguments: Arguments, wait: float | None) -> Action:
    name, _, version = name.partition("@")
    config: dict[str, Any] = {"workflow": name} | ({"version": version} if version else {})
    return Action("workflow", config | ({"input": arguments} if arguments else {}), arguments, limit=None)


def _approval(question: str, arguments: Arguments, wait: float | None) -> Action:
    config: dict[str, Any] = {"message": question} | ({"payload": arguments} if arguments else {})
    return Action("approval", config | ({"timeout": wait} if wait else {}), arguments, limit="wait")


def _event(event_type: str, arguments: Arguments, wait: float | None) -> Action:
    config: dict[str, Any] = {"event_type": event_type} | ({"filter": arguments} if arguments else {})
    return Action("wait_for_event", config | ({"timeout": wait} if wait else {}), arguments, limit="wait")


_KINDS: Mapping[str, Callable[[str, Arguments, float | None], Action]] = {
    "tool": _tool,
    "agent": _agent,
    "workflow": _workflow,
    "approval": _approval,
    "event": _event,
}

_TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")


def schema_of(rules: Mapping[str, Any], where: str) -> dict[str, Any]:
    """JSON Schema of a step's arguments: given as one, or by argument as a schema or the name of a type.

    Raises:
        DefinitionError: a rule is neither.
    """
    if isinstance(rules.get("type"), str) and (rules["type"] == "object" or "properties" in rules):
        return dict(rules)
    if "properties" in rules:
        return {"type": "object", **rules}
    properties: dict[str, Any] = {}
    for name, rule in rules.items():
        if isinstance(rule, str) and rule in _TYPES:
            properties[name] = {"type": rule}
        elif isinstance(rule, Mapping):
            properties[name] = {key: value for key, value in rule.items() if key != "required"}
        else:
            raise problem(
                "rule_invalid",
                f"{where}, input_validation.{name}: {rule!r} is no rule.",
                f"Write a JSON Schema, or one of {', '.join(_TYPES)}.",
            )
    needed = [name for name, rule in rules.items() if not (isinstance(rule, Mapping) and rule.get("required") is False)]
    return {"type": "object", "properties": properties, "required": needed}
