"""What a plan calls tools and workflows with, as far as it can be known to be wrong before anything is done.

What comes out of expressions is known only when they run. What a person approved, and was carried out in part, should
not end with an argument that nobody has.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agents.models.accepted import COMBINING
from agents.planning.offer import Offered
from agents.schemas import misfit
from graphs.errors import StepError
from graphs.spec import Step, Workflow

_WRITTEN: Final = "{{"


def unfitting(workflow: Workflow, offer: Offered) -> Iterator[str]:
    """Everything of the kind, as lines for whoever wrote it."""
    spec = workflow.spec
    for step in (*spec.steps, *spec.compensation.steps, *spec.finally_):
        yield from _of_step(step, offer)


def _of_step(step: Step, offer: Offered) -> Iterator[str]:
    config = step.config
    if step.type == "tool" and isinstance(config.get("args"), Mapping):
        name = str(config.get("tool") or step.name)
        if (tool := offer.tools.get(name)) is not None:
            yield from _misfit(step, f"args: tool '{name}'", tool.parameters, config["args"])
    if step.type == "workflow" and isinstance(config.get("input"), Mapping):
        inner = offer.workflows.get(str(config.get("workflow")))
        if inner is not None and inner.spec.input.schema_ is not None:
            # What is missing is told by whoever checks definitions.
            schema = {key: value for key, value in inner.spec.input.schema_.items() if key != "required"}
            yield from _misfit(step, f"config.input: workflow '{inner.name}'", schema, config["input"])
    inside = [inner for _, steps in step.containers() for inner in steps]
    for other in (*inside, step.on_failure.fallback, step.compensate):
        if other is not None:
            yield from _of_step(other, offer)


def _misfit(step: Step, place: str, schema: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    computed = {name for name, value in given.items() if _WRITTEN in json.dumps(value, default=str)}
    known = {key: value for key, value in schema.items() if key not in COMBINING}
    known["required"] = [name for name in schema.get("required") or () if name not in computed]
    written = {name: value for name, value in given.items() if name not in computed}
    try:
        problem = misfit(known, written, "it")
    except StepError:  # a server's schema that cannot be used is no mistake of the plan's
        problem = None
    nobodys = computed - {*(schema.get("properties") or {})} if schema.get("additionalProperties") is False else set()
    told = [problem] if problem is not None else []
    told += [f"it.{name} is not known here" for name in sorted(nobodys)]
    if told:
        takes = ", ".join(schema.get("properties") or ()) or "nothing"
        yield f"step '{step.name}', {place} cannot be called so: {'; '.join(told)}. It takes {takes}."
