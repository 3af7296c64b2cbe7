"""Trying again what dead letters are about: which steps are made anew, on which input."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphs.errors import InputError
from graphs.prepare import Library
from graphs.spec import Workflow
from orchestrator.sealing import Sealer
from orchestrator.store.dead_letters import under_way
from orchestrator.store.port import DeadLetter, Execution
from orchestrator.store.sqlite import SqliteStore
from orchestrator.time_travel.edits import edited as edited_by
from orchestrator.time_travel.ownership import check_undone
from orchestrator.time_travel.redo import pinned_by
from orchestrator.time_travel.undone import made_anew_after, undone_in

EDITED = ("failure", "poisoned")
"""Kinds of letters whose execution is made anew from its input on; what undoes sees what it undoes."""
OUTPUT = "output"
"""What a call gave that was cut off, as people found out."""


def edited_input(execution: Execution, workflow: Workflow, sealer: Sealer, letters: Sequence[DeadLetter]) -> Any:
    """The execution's input as the letters change it; None where they do not.

    Raises:
        InputError: it does not fit its schema any more, or a change concerns a secret.
    """
    changes: dict[str, Any] = {}
    for letter in letters:
        changes |= (letter.edit or {}).get("input", {})
    return edited_by(execution, workflow, sealer, changes)


def check_edit(letter: DeadLetter, changes: Mapping[str, Any]) -> None:
    """Whether a letter can be changed in this way: the input of its execution; or, where what undoes a call does not
    know what that gave, as it was cut off, that output, or the arguments it is to be undone with.

    Raises:
        InputError: it cannot, or there is no change.
    """
    if letter.about.get("wanted") == "output" and changes and changes.keys() != {OUTPUT}:
        raise InputError(
            f"Dead letter {letter.id} wants to know what '{letter.about['undoes']}' gave, and nothing else.",
            hint=f"Give it as it would have been given: {OUTPUT}, a JSON value.",
            code="edit_not_output",
        )
    if letter.kind not in EDITED and not letter.about.get("wanted"):
        raise InputError(
            f"Dead letter {letter.id} is about '{letter.path}', which has no input of its own to change.",
            hint="It sees what it belongs to. Redrive it as it is, or discard it.",
            code="edit_impossible",
        )
    if not changes:
        raise InputError("No change is given.", hint="Give at least one key and its new value.", code="edit_empty")


async def make_anew(
    store: SqliteStore,
    library: Library,
    execution: Execution,
    workflow: Workflow,
    letters: Sequence[DeadLetter],
    *,
    edited: Any,
    by: str | None,
) -> None:
    """Make an execution ready to go on: what failed is made anew, and what has been undone since.

    What has been undone is to happen again, and what has another input is another thing: both go with new idempotency
    keys.

    Raises:
        ConflictError: the execution has not ended, a letter is closed, or something is still to be undone.
    """
    if not execution.status.final:
        raise under_way(execution.id, execution.status, await store.asked_last(execution.id))
    await check_undone(store, execution)
    undone = await undone_in(store, execution)
    failed = list(dict.fromkeys(path for letter in letters for path in letter.about.get("paths", ())))
    results = await store.results(execution.id)
    paths = [path for path in failed if path in results]
    anew = made_anew_after(undone, workflow, paths, results, library, pinned_by(execution.pins, library))
    await store.rewind(
        execution.id,
        superseded=anew.below,
        superseded_alone=anew.alone,
        generation=execution.generation + 1 if anew.after_undoing or edited is not None else execution.generation,
        input=edited,
        reason="redrive",
        letters=[letter.id for letter in letters],
        by=by,
        seen=execution,
    )
