"""What has been undone, and so is to happen again when it is gone on with: under new idempotency keys."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from graphs.prepare import Library
from graphs.spec import Workflow
from graphs.state import Result
from graphs.undo import prefixes, went_wrong
from orchestrator.store.port import Execution, Record
from orchestrator.store.sqlite import SqliteStore
from orchestrator.time_travel.anew import Anew, Pinned, is_inside, made_anew
from orchestrator.time_travel.ownership import inherited_by

_COMPLETED: Final = "execution.completed"
_ENDS: Final = (_COMPLETED, "execution.compensated", "execution.compensation_failed", "execution.timed_out")


@dataclass(frozen=True, slots=True)
class Undone:
    """Paths of what was undone, and not made anew since.

    Attributes:
        whole: By executions that ended badly: who goes on needs all of it.
        parts: By executions that came to a good end without it: it is made anew with the part it stands in.
    """

    whole: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()


async def undone_in(store: SqliteStore, execution: Execution) -> Undone:
    """What was undone, by this execution or by those it has it of."""
    history = await store.history(execution.id)
    own = {deed.path: deed.seq for deed in history if deed.kind == "settled" and not deed.superseded}
    inherited = await inherited_by(store, execution)
    ends = await store.records_of_kinds(sorted({execution.id, *(one.owner for one in inherited)}), _ENDS)
    whole: set[str] = set()
    parts: set[str] = {one.path for one in inherited if one.undone}
    for owner, since in [(execution.id, own.items()), *((one.owner, [(one.path, one.since)]) for one in inherited)]:
        for end in ends.get(owner, ()):
            (parts if end.kind == _COMPLETED else whole).update(_undone_by(end, since))
    return Undone(frozenset(whole), frozenset(parts - whole))


def _undone_by(end: Record, since: Iterable[tuple[str, int]]) -> set[str]:
    undone, seq = frozenset(end.data.get("undone", ())), end.seq or 0
    return {path for path, done in since if path in undone and done < seq}


def made_anew_after(
    undone: Undone,
    workflow: Workflow,
    paths: Iterable[str],
    results: Mapping[str, Result],
    library: Library,
    pinned: Pinned,
) -> Anew:
    """What has to go so that these steps are done again, with all that was undone and that they go by."""
    again = [path for path in results if path in undone.whole]
    anew = made_anew(workflow, dict.fromkeys([*again, *paths]), results, library, pinned)
    wrong = went_wrong(results) if undone.parts else {}
    if parts := [path for path in results if path in undone.parts and _is_touched(path, anew, wrong)]:
        anew = made_anew(workflow, dict.fromkeys([*again, *parts, *anew.steps]), results, library, pinned)
    anew.after_undoing = bool(undone.whole or parts)
    return anew


def _is_touched(path: str, anew: Anew, wrong: Mapping[str, Result]) -> bool:
    """Whether anything is made anew of the part that it was undone with. One that stays as it is, failed and gone on
    from, is at peace."""
    part = min((prefix for prefix in prefixes(path) if prefix in wrong), key=len, default=None)
    if part is None or anew.takes(part):
        return True
    return any(is_inside(taken, part) for taken in (*anew.below, *anew.alone))
