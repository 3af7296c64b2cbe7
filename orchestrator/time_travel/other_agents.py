"""What a replay gives agents in place of what they say: another model, another prompt, another agent. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from agents.reasoning.agent import AgentStep
from agents.reasoning.conversation import model_step
from graphs.composites.branching import Switch
from graphs.errors import InputError
from graphs.prepare import Library
from graphs.spec import Step, Workflow
from orchestrator.time_travel.anew import is_inside

_SEGMENT: Final = re.compile(r"[^.\[\]~]+")
_INDEX: Final = re.compile(r"\[\d+\]")
_FIRST: Final = model_step(0)


def changes_of(
    from_step: str,
    given: Mapping[str, str | None],
    ran: Collection[str],
    definitions: Iterable[Workflow],
    library: Library,
) -> dict[str, str]:
    """What is to be another, as a replay keeps it: `model`; `agent`, `instructions`, and `at`, the step they are for.

    Args:
        from_step: The path from which it will be carried out.
        given: `model`, for every model that is asked anew; `agent` and `instructions`, for the agent step that
            `from_step` names or is inside of, in whatever workflow that stands.
        ran: Paths of the steps that have results.
        definitions: The workflow, and those it is pinned to: an agent that has not come to speak is known by them.

    Raises:
        InputError: there is no such agent step.
    """
    changes = {key: value for key, value in given.items() if value is not None}
    if not changes:
        return {}
    agents = sorted(path.removesuffix(_FIRST) for path in ran if path.endswith(_FIRST))
    steps = [step for workflow in definitions for step in _every(workflow.spec.steps)]
    named = {step.name for step in steps if isinstance(library.kind(step), AgentStep)}
    if changes.keys() == {"model"}:
        if not (agents or named or any(_asks_a_model(step, library) for step in steps)):
            raise InputError(
                "No agent is at work in this execution, so another model changes nothing.", code="replay_no_agent"
            )
        return changes
    found = [path for path in agents if path == from_step or is_inside(from_step, path)]
    at = max(found, key=len) if found else _by_name(from_step, named)
    if at is None:
        known = ", ".join(dict.fromkeys([*agents, *sorted(named)]))
        raise InputError(
            f"'{from_step}' is no agent step, so it cannot be given another agent or other instructions.",
            hint=f"Agent steps: {known or 'none'}.",
            code="replay_no_agent",
        )
    return {**changes, "at": at}


def instead(changes: Mapping[str, str], path: str) -> dict[str, str]:
    """Of these changes, those for the step of a path: another item or iteration of the same step is the same."""
    keys = ["model"]
    if "at" in changes and _INDEX.sub("[]", path) == _INDEX.sub("[]", changes["at"]):
        keys += ["agent", "instructions"]
    return {key: changes[key] for key in keys if key in changes}


def _by_name(path: str, agents: Collection[str]) -> str | None:
    """The path of the innermost agent step that a path names."""
    segments = [match for match in _SEGMENT.finditer(path) if match.group() in agents]
    return path[: segments[-1].end()] if segments else None


def _asks_a_model(step: Step, library: Library) -> bool:
    return isinstance(library.kind(step), Switch) and step.config.get("model") is not None


def _every(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for _, inside in step.containers():
            yield from _every(inside)


def as_kept(of: str, perform: Iterable[str], changes: Mapping[str, str]) -> dict[str, Any]:
    """What makes an execution a replay."""
    return {"of": of, "perform": sorted(perform)} | ({"changes": dict(changes)} if changes else {})
