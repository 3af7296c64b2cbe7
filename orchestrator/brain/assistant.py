"""The ad-hoc assistant: the workflow that answers requests which name none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agents.planning.bounds import ASSISTANT
from graphs.errors import DefinitionError
from graphs.loader import load_file
from graphs.spec import Workflow
from graphs.state import Result
from graphs.steps import StepTypes

__all__ = ["ASSISTANT", "load_assistant", "plan_in", "was_replanned"]

_DEFINITION: Final = Path(__file__).with_name("baton.yaml")


def load_assistant(step_types: StepTypes) -> Workflow | None:
    """Its definition; None where an application has not the step types it is made of."""
    try:
        return load_file(_DEFINITION, step_types=step_types).workflow
    except DefinitionError:
        if {"survey", "check_plan", "check_given", "agent"} <= step_types.keys():
            raise
        return None


def plan_in(results: Mapping[str, Result]) -> Mapping[str, Any] | None:
    """The plan an execution made, out of the results of its steps; the last one where there were several."""
    plans = [
        output["plan"]
        for result in results.values()
        if isinstance(output := result.get("output"), Mapping) and isinstance(output.get("plan"), Mapping)
    ]
    return plans[-1] if plans else None


def was_replanned(results: Mapping[str, Result]) -> bool:
    """Whether a plan failed while it ran, and another was made for what was left."""
    outputs = (result.get("output") for result in results.values())
    return any(isinstance(one, Mapping) and {"again", "replans"} <= one.keys() and one["replans"] for one in outputs)
