"""What a retry or a fork changes of what one step is given. Pure."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from graphs.spec import Step
from graphs.steps import StepType

Config = TypeVar("Config", bound=BaseModel)


def with_edited_config(config: Config, edit: Mapping[str, Any], step: Step, kind: StepType) -> Config:
    """A step's configuration, where that holds what the step is given.

    Args:
        edit: Values by name: of what `kind.takes` names, or of the fields in it.
    """
    update: dict[str, Any] = {key: edit[key] for key in kind.takes if key in edit}
    where = next((key for key in kind.takes if isinstance(step.config.get(key), Mapping)), None)
    if where is not None and where not in update:
        update[where] = {**getattr(config, where), **_fields(edit, kind)}
    return config.model_copy(update=update) if update else config


def with_edited_input(given: Any, edit: Mapping[str, Any], step: Step, kind: StepType) -> Any:
    """A step's input, where its configuration does not hold what it is given."""
    fields = _fields(edit, kind)
    if not fields or any(isinstance(step.config.get(key), Mapping) for key in kind.takes):
        return given
    return {**given, **fields} if isinstance(given, Mapping) else fields


def _fields(edit: Mapping[str, Any], kind: StepType) -> dict[str, Any]:
    return {key: value for key, value in edit.items() if key not in kind.takes}
