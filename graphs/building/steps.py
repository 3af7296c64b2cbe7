"""One maker for each built-in step type without steps inside, so that an editor can say what it takes, and one for any
step type at all. Each gives a `Step` of the model; those with steps inside are in `graphs.building.composites`.

A key that is left out, or None, is not written into the definition.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Unpack

from graphs.building.options import Branches, Seconds, StepOptions, Steps, given, listed, several, step_of
from graphs.spec import Case, Step


def step(
    name: str,
    kind: str = "service_call",
    config: Mapping[str, Any] | None = None,
    *,
    steps: Steps | None = None,
    branches: Branches | None = None,
    cases: Iterable[Case] | None = None,
    default: Steps | None = None,
    then: Steps | None = None,
    else_: Steps | None = None,
    **options: Unpack[StepOptions],
) -> Step:
    """A step of any type, a plug-in's too. `kind` is what stands under `type:`."""
    inside = {"steps": steps, "branches": branches, "default": default, "then": then, "else_": else_}
    return step_of(name, kind, config or {}, options, cases=cases and tuple(cases), **inside)


def service_call(
    name: str,
    service: str,
    endpoint: str,
    *,
    method: str | None = None,
    payload: Any = None,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, Any] | None = None,
    expect: Iterable[int | str] | None = None,
    full: bool | None = None,
    **options: Unpack[StepOptions],
) -> Step:
    """Ask a service over HTTP."""
    config = given(
        service=service,
        endpoint=endpoint,
        method=method,
        payload=payload,
        query=query,
        headers=headers,
        expect=several(expect),
        full=full,
    )
    return step_of(name, "service_call", config, options)


def validation(name: str, rules: Iterable[Mapping[str, Any]], **options: Unpack[StepOptions]) -> Step:
    """Check fields by rules."""
    return step_of(name, "validation", {"validation_rules": [dict(rule) for rule in rules]}, options)


def function(
    name: str, function: str | Callable[..., Any], args: Mapping[str, Any] | None = None, **options: Unpack[StepOptions]
) -> Step:
    """Call a Python function, by its registered name or itself."""
    return step_of(name, "function", given(function=function, args=args), options)


def tool(name: str, tool: Any = None, args: Mapping[str, Any] | None = None, **options: Unpack[StepOptions]) -> Step:
    """Run a tool; without one, the tool that has the step's name."""
    return step_of(name, "tool", given(tool=tool, args=args), options)


def agent(
    name: str,
    agent: Any = None,
    message: Any = None,
    *,
    capability: str | None = None,
    model: Any = None,
    instructions: str | None = None,
    messages: Iterable[Mapping[str, str]] | str | None = None,
    context: Any = None,
    tools: Iterable[Any] | None = None,
    steps: Steps | None = None,
    output_schema: Any = None,
    max_turns: int | None = None,
    max_calls_per_turn: int | None = None,
    max_reasks: int | None = None,
    budget: Mapping[str, Any] | None = None,
    context_tokens: int | None = None,
    context_overflow: Literal["summarize", "trim"] | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    stream: bool | None = None,
    **options: Unpack[StepOptions],
) -> Step:
    """Let a model reason and act with tools until it has an answer; `steps` are tools too."""
    config = given(
        agent=agent,
        agent_capability=capability,
        model=model,
        instructions=instructions,
        message=message,
        messages=messages if messages is None or isinstance(messages, str) else [dict(one) for one in messages],
        context=context,
        tools=several(tools),
        output_schema=output_schema,
        max_turns=max_turns,
        max_calls_per_turn=max_calls_per_turn,
        max_reasks=max_reasks,
        budget=None if budget is None else dict(budget),
        context_tokens=context_tokens,
        context_overflow=context_overflow,
        temperature=temperature,
        max_tokens=max_tokens,
        stream=stream,
    )
    return step_of(name, "agent", config, options, steps=listed(steps))


def approval(
    name: str,
    message: str | None = None,
    *,
    payload: Any = None,
    assignees: Iterable[str] | None = None,
    groups: Iterable[str] | None = None,
    allow: Iterable[Literal["approve", "reject", "edit", "respond"]] | None = None,
    schema: Mapping[str, Any] | None = None,
    wait: Seconds | None = None,
    when_late: Literal["fail", "approve", "reject", "continue"] | None = None,
    when_rejected: Literal["fail", "continue"] | None = None,
    quorum: int | None = None,
    separate_from: Iterable[str] | None = None,
    escalation: Iterable[Mapping[str, Any]] | None = None,
    **options: Unpack[StepOptions],
) -> Step:
    """Ask a person. `wait` is how long the question stays open (`config.timeout`)."""
    config = given(
        message=message,
        payload=payload,
        assignees=several(assignees),
        groups=several(groups),
        allow=several(allow),
        schema=schema,
        timeout=wait,
        on_timeout=when_late,
        on_reject=when_rejected,
        quorum=quorum,
        separate_from=several(separate_from),
        escalation=several(escalation),
    )
    return step_of(name, "approval", config, options)


def wait_for_event(
    name: str,
    event_type: str,
    *,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the word of the definition
    wait: Seconds | None = None,
    when_late: Literal["fail", "continue"] | None = None,
    lookback: Seconds | None = None,
    **options: Unpack[StepOptions],
) -> Step:
    """Wait for an event from outside. `wait` is how long (`config.timeout`)."""
    config = given(event_type=event_type, filter=filter, timeout=wait, on_timeout=when_late, lookback=lookback)
    return step_of(name, "wait_for_event", config, options)


def emit_event(
    name: str, event_type: str, data: Any = None, *, key: str | None = None, **options: Unpack[StepOptions]
) -> Step:
    """Publish an event."""
    return step_of(name, "emit_event", given(event_type=event_type, data=data, key=key), options)


def delay(
    name: str, duration: Seconds | None = None, *, until: str | None = None, **options: Unpack[StepOptions]
) -> Step:
    """Wait for a while, or until a time."""
    return step_of(name, "delay", given(duration=duration, until=until), options)
