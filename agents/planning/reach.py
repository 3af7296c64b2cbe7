"""What a model may not write, though a definition may hold it: whatever reaches beyond the assistant's bounds, or could
be found out to only when it runs."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from agents.planning.offer import Offered
from graphs.spec import Step, Workflow
from graphs.steps import StepTypes
from graphs.validation.uses import endpoints_of

_NAMED: Final = {
    "service_call": ("service",),
    "function": ("function",),
    "tool": ("tool",),
    "workflow": ("workflow",),
    "agent": ("agent", "agent_capability"),
}
"""By step type: the keys of `config` that name something outside of the plan."""
_OTHER_WAYS: Final = {"definition": "run a published workflow, by its name", "steps_from": "write the steps themselves"}


def out_of_reach(workflow: Workflow, types: StepTypes, offer: Offered) -> Iterator[str]:
    """Everything of the kind, as lines for whoever wrote it."""
    spec, offered = workflow.spec, types.offered
    for step in (*spec.steps, *spec.compensation.steps, *spec.finally_):
        yield from _of_step(step, offered, offer)


def _of_step(step: Step, types: Collection[str], offer: Offered) -> Iterator[str]:
    if step.type not in types:  # a plan that takes the assistant's name is one nevertheless
        yield f"step '{step.name}': a plan has no steps of type '{step.type}'."
    if _names_a_model(step):
        yield f"step '{step.name}': leave 'model' out; it is chosen for you."
    for config in (step.config, step.on_failure.config or {}):
        yield from _of_config(step, config, offer)
    inside = [inner for _, steps in step.containers() for inner in steps]
    for inner in (*inside, step.on_failure.fallback, step.compensate):
        if inner is not None:
            yield from _of_step(inner, types, offer)


def _of_config(step: Step, config: Mapping[str, Any], offer: Offered) -> Iterator[str]:
    for key, instead in _OTHER_WAYS.items():
        if key in config:
            yield f"step '{step.name}': a plan has no '{key}': {instead}."
    for key in _NAMED.get(step.type, ()):
        if (name := config.get(key)) is not None:
            yield from _of_name(step, key, name, offer)
    for use in _listed(config.get("tools")):
        named = use if isinstance(use, Mapping) else {"tool": use}
        for key in ("tool", "workflow", "service"):
            if (name := named.get(key)) is not None:
                yield from _of_name(step, key, name, offer)
        undo = named.get("undo")
        undoing = undo if isinstance(undo, Mapping) else {"tool": undo}
        for key, own in (("service", ()), ("tool", endpoints_of(config))):
            if (name := undoing.get(key)) is not None and name not in own:
                yield from _of_name(step, key, name, offer)


def _of_name(step: Step, key: str, name: Any, offer: Offered) -> Iterator[str]:
    place = f"step '{step.name}', {key}"
    if not isinstance(name, str) or "{{" in name:
        yield f"{place}: write a name itself."
        return
    known = {
        "service": offer.services,
        "function": offer.functions,
        "tool": offer.tools,
        "workflow": offer.workflows,
        "agent": offer.agents,
        "agent_capability": offer.capabilities,
    }[key]
    if name not in known:
        yield f"{place}: there is no '{name}' here."


def _names_a_model(step: Step) -> bool:
    holders = (step.config, step.config.get("agent"), step.on_failure.config)
    return any(isinstance(one, Mapping) and one.get("model") is not None for one in holders)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
