"""Whose an effect is: every one has exactly one owner, the execution that made it, and only that one undoes it.

A fork goes by what it found done.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from graphs.errors import ConflictError
from graphs.state import Result
from graphs.undo import COMPENSATION
from orchestrator.store.port import TIMEOUT_BY, DeadLetter, Execution, Inherited, LetterFilter
from orchestrator.store.sqlite import SqliteStore
from orchestrator.time_travel.anew import Anew, is_inside

INHERITANCE_UNDONE: Final = "inheritance.undone"
"""The record of a fork that its parent has undone what it goes by: `{"by", "paths"}`."""


async def inherited_by(store: SqliteStore, execution: Execution) -> Sequence[Inherited]:
    """What an execution found done when it was forked off another, and has not made anew since."""
    return () if execution.parent is None else await store.inherited(execution.id)


async def check_undone(store: SqliteStore, execution: Execution) -> None:
    """Whether nothing is left that is still to be undone, by this execution or by those whose work it goes by.

    Raises:
        ConflictError: there is.
    """
    if left := await _left(store, execution.id):
        raise _not_undone(execution.id, left)
    if not execution.status.final and (undoing := await store.results(execution.id, COMPENSATION)):
        raise ConflictError(
            f"Execution '{execution.id}' is being undone ('{next(iter(undoing))}'), and waits in the middle of that.",
            hint=f"See what it waits for: baton show {execution.id}.",
            code="undo_first",
        )
    await _check_owners(store, await inherited_by(store, execution))


async def check_kept(
    store: SqliteStore, execution: Execution, anew: Anew, results: Mapping[str, Result]
) -> Sequence[str]:
    """Whether nobody undoes what a fork of an execution is about to go by, and nobody will have to.

    Returns:
        The owners of that.

    Raises:
        ConflictError: somebody does, or failed to.
    """
    kept = {path for path in results if not anew.takes(path) and not path.startswith("~")}
    theirs = [one for one in await inherited_by(store, execution) if one.path in kept]
    others = {one.path for one in theirs}
    own = [Inherited(path, execution.id, 0) for path in sorted(kept - others)]
    await _check_owners(store, [*own, *theirs])
    return sorted({one.owner for one in (*own, *theirs)})


async def _check_owners(store: SqliteStore, inherited: Iterable[Inherited]) -> None:
    paths: dict[str, set[str]] = {}
    for one in inherited:
        paths.setdefault(one.owner, set()).add(one.path)
    for owner, theirs in paths.items():
        execution = await store.execution(owner)
        if execution is None:
            continue
        if _is_undone(execution):
            raise ConflictError(
                f"Execution '{owner}' is being undone, and with it what is to be gone by here ('{min(theirs)}').",
                hint=f"Wait until it has ended: baton show {owner}.",
                code="undo_first",
            )
        left = await _left(store, owner)
        if about := [one for one in left if one.about.get("undoes", min(theirs)) in theirs]:
            raise _not_undone(owner, about)


def _is_undone(execution: Execution) -> bool:
    """Whether it undoes what it did, or is about to because somebody wants it."""
    asked = execution.cancel_requested or {}
    about_to = asked.get("compensate") and asked.get("by") != TIMEOUT_BY and not asked.get("concluded")
    return not execution.status.final and bool((execution.concluded or {}).get("compensate") or about_to)


async def _left(store: SqliteStore, execution_id: str) -> list[DeadLetter]:
    return list(await store.dead_letters(LetterFilter(execution_id=execution_id, kind="compensation")))


def _not_undone(execution_id: str, left: Sequence[DeadLetter]) -> ConflictError:
    return ConflictError(
        f"Not all of what execution '{execution_id}' had done is undone ('{left[-1].path}').",
        hint=f"See to that first: baton dead-letters redrive {left[-1].id}, or discard {left[-1].id}.",
        code="undo_first",
        letters=[letter.id for letter in left],
    )


def check_whole(anew: Anew, kept: Iterable[str], execution_id: str) -> None:
    """Whether no step that is undone as a whole would be made of what two executions did.

    Args:
        kept: Paths that are another execution's, or will be.

    Raises:
        ConflictError: one would.
    """
    for whole, undo in anew.whole.items():
        if any(is_inside(path, whole) and not anew.takes(path) for path in kept):
            raise ConflictError(
                f"Step '{whole}' is undone as a whole, by '{undo}'; what was done inside of it cannot be shared by two "
                "executions, of which only one may undo it.",
                hint=f"Begin at '{whole}', or go on in the same execution: baton retry {execution_id} --from STEP.",
                code="undone_as_a_whole",
                step=whole,
            )
