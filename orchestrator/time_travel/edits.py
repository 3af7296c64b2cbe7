"""What a retry goes on with that is not as it was: an edited input, of the execution or of one step; another model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphs.errors import InputError
from graphs.expressions import reveal
from graphs.inputs import check_input, secret_paths
from graphs.spec import Workflow
from graphs.values import json_value
from orchestrator.sealing import Sealer, with_changes
from orchestrator.store.port import Execution


@dataclass(frozen=True, slots=True)
class Edits:
    """What is otherwise than it was.

    Attributes:
        input: Changes to the execution's input.
        whole_input: That input with them; None where it stays.
        changes: What its steps are given in place of what they say, now and before; None where nothing is.
    """

    input: Mapping[str, Any] | None = None
    whole_input: Any = None
    changes: dict[str, Any] | None = None

    @property
    def any(self) -> bool:
        """Whether anything is."""
        return self.whole_input is not None or self.changes is not None


def edited(execution: Execution, workflow: Workflow, sealer: Sealer, changes: Mapping[str, Any] | None) -> Any:
    """The execution's input with changes; None where there are none.

    Raises:
        InputError: it does not fit its schema any more, or a change concerns a secret.
    """
    if not changes:
        return None
    schema = workflow.spec.input.schema_
    kept = with_changes(execution.input, changes, secret_paths(schema))
    check_input(schema, reveal(sealer.open_input(kept)))
    return json_value(kept)


def merged(
    execution: Execution, step: str | None, step_input: Mapping[str, Any] | None, others: Mapping[str, str]
) -> dict[str, Any] | None:
    """What an execution's steps are given in place of what they say: as before, and as is wanted now.

    Args:
        step: Whose input is edited.
        step_input: What is merged into it.
        others: Another model, say.

    Returns:
        None where nothing new is wanted.

    Raises:
        InputError: no step is named for the edited input.
    """
    if not step_input and not others:
        return None
    changes = {**(execution.changes or {}), **others}
    if step_input:
        if step is None:
            raise InputError(
                "The input of a step is to be edited, and no step is named.",
                hint="Name it: the step to start from.",
                code="edit_which_step",
            )
        inputs = changes.get("inputs", {})
        changes["inputs"] = {**inputs, step: {**inputs.get(step, {}), **json_value(dict(step_input))}}
    return changes
