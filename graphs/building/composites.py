"""One maker for each built-in step type with steps inside. Each gives a `Step` of the model.

A key that is left out, or None, is not written into the definition.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Unpack

from graphs.building.options import (
    Branches,
    Condition,
    JoinOptions,
    StepOptions,
    Steps,
    given,
    listed,
    made,
    parted,
    step_of,
)
from graphs.spec import Case, Step


def parallel(
    name: str,
    steps: Steps | None = None,
    *,
    branches: Branches | None = None,
    steps_from: Any = None,
    **options: Unpack[JoinOptions],
) -> Step:
    """Steps, or branches of steps, side by side."""
    join, rest = parted(options)
    config = given(**join, steps_from=steps_from)
    return step_of(name, "parallel", config, rest, steps=steps, branches=branches)


def map_items(
    name: str,
    items: Any,
    steps: Steps,
    *,
    as_: str | None = None,
    **options: Unpack[JoinOptions],
) -> Step:
    """The same steps for every item of a list, side by side. `items` is a list, an expression or `from_state(...)`."""
    join, rest = parted(options)
    return step_of(name, "map", given(items=items, as_=as_, **join), rest, steps=steps)


def loop(
    name: str,
    steps: Steps,
    *,
    while_: Condition | None = None,
    until: Condition | None = None,
    items: Any = None,
    as_: str | None = None,
    max_iterations: int | None = None,
    on_limit: Literal["fail", "stop"] | None = None,
    **options: Unpack[StepOptions],
) -> Step:
    """Steps again and again: while or until a condition holds, or for one item of a list after the other."""
    config = given(while_=while_, until=until, items=items, as_=as_, max_iterations=max_iterations, on_limit=on_limit)
    return step_of(name, "loop", config, options, steps=steps)


def conditional(
    name: str, if_: Condition, then: Steps, else_: Steps | None = None, **options: Unpack[StepOptions]
) -> Step:
    """If and else."""
    return step_of(name, "conditional", {"if": if_}, options, then=then, else_=else_)


def case(
    name: str | None = None,
    steps: Steps = (),
    *,
    when: Condition | None = None,
    equals: Any = None,
    description: str = "",
) -> Case:
    """One way a `switch` can go; an empty one is legal (X21)."""
    values = {"name": name, "steps": listed(steps), "when": when, "equals": equals, "description": description}
    return made(Case, f"case '{name}'" if name else "a case", values)


def switch(
    name: str,
    cases: Iterable[Case],
    *,
    on: Any = None,
    default: Steps | None = None,
    model: Any = None,
    prompt: str | None = None,
    reasks: int | None = None,
    default_route: str | None = None,
    **options: Unpack[StepOptions],
) -> Step:
    """The first case that fits, or the default; with `model`, a model chooses among the cases' names."""
    config = given(on=on, model=model, prompt=prompt, reasks=reasks, default_route=default_route)
    return step_of(name, "switch", config, options, cases=tuple(cases), default=default)


def sequence(name: str, steps: Steps, **options: Unpack[StepOptions]) -> Step:
    """Steps one after the other, as one step: a phase."""
    return step_of(name, "sequence", {}, options, steps=steps)


def sub_workflow(
    name: str,
    workflow: str,
    *,
    version: str | None = None,
    with_input: Mapping[str, Any] | None = None,
    **options: Unpack[StepOptions],
) -> Step:
    """Another workflow as one step. `with_input` is that workflow's input (`config.input`)."""
    return step_of(name, "workflow", given(workflow=workflow, version=version, input=with_input), options)
