"""A definition with other models, agents or instructions in its agent steps: what a replay tries out. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from agents.reasoning.agent import AgentStep
from graphs.errors import InputError
from graphs.prepare import Library
from graphs.spec import Step, Workflow
from graphs.spec.base import Model

M = TypeVar("M", bound=Model)
Change = Callable[[Step], Mapping[str, Any]]

_IN_A_PATH: Final = re.compile(r"[^.\[\]~]+")
_LISTS: Final = ("steps", "default", "then", "else_")


def with_other_agents(
    workflow: Workflow, library: Library, from_step: str, changes: Mapping[str, str | None]
) -> Workflow:
    """The definition changed.

    Args:
        from_step: The path from which it will be carried out.
        changes: `model`, for every agent step; `agent` and `instructions`, for the one that `from_step` names.

    Raises:
        InputError: there is no such agent step.
    """
    agents = [step for step in _every(workflow.spec.steps) if isinstance(library.kind(step), AgentStep)]
    own = {key: value for key in ("agent", "instructions") if (value := changes.get(key)) is not None}
    model = changes.get("model")
    if model is not None and not agents:
        raise InputError(
            f"Workflow '{workflow.name}' has no agent step of its own, so another model changes nothing.",
            code="replay_no_agent",
        )
    chosen = _named(agents, from_step) if own else None
    if own and chosen is None:
        known = ", ".join(dict.fromkeys(step.name for step in agents))
        raise InputError(
            f"'{from_step}' is no agent step, so it cannot be given another agent or other instructions.",
            hint=f"Agent steps: {known or 'none'}.",
            code="replay_no_agent",
        )

    def change(step: Step) -> Mapping[str, Any]:
        if not isinstance(library.kind(step), AgentStep):
            return {}
        more = {"model": model} if model is not None else {}
        return {**more, **own} if step.name == chosen else more

    if model is None and not own:
        return workflow
    spec = workflow.spec
    return _with(workflow, {"spec": _with(spec, {"steps": tuple(_changed(step, change) for step in spec.steps)})})


def _named(agents: list[Step], path: str) -> str | None:
    """The innermost agent step that a path names."""
    known = {step.name for step in agents}
    return next((name for name in reversed(_IN_A_PATH.findall(path)) if name in known), None)


def _every(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        for _, inside in step.containers():
            yield from _every(inside)


def _changed(step: Step, change: Change) -> Step:
    def all_of(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(_changed(one, change) for one in steps)

    update: dict[str, Any] = {name: all_of(inside) for name in _LISTS if (inside := getattr(step, name))}
    if step.branches:
        update["branches"] = {name: all_of(inside) for name, inside in step.branches.items()}
    if step.cases:
        update["cases"] = tuple(_with(case, {"steps": all_of(case.steps)}) for case in step.cases)
    if config := change(step):
        update["config"] = {**step.config, **config}
        if "agent" in config:
            update["config"].pop("agent_capability", None)
    return _with(step, update) if update else step


def _with(model: M, update: Mapping[str, Any]) -> M:
    """A copy with other values, and nothing of what was worked out from the old ones (digests)."""
    copy = model.model_copy(update=dict(update))
    for name in set(copy.__dict__) - set(type(model).model_fields):
        del copy.__dict__[name]
    return copy
