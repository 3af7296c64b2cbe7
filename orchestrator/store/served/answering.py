"""Answers to what a graph asks: the first one counts, and one that comes beside it answers nothing else."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from graphs.errors import ConflictError
from orchestrator.ids import shown_id
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import from_json, from_time
from orchestrator.store.served.values import Run
from orchestrator.store.units import Beside

Ask = Callable[[str, Sequence[Any]], Sequence[Any]]
Ids = Callable[[Any], bool]
"""Whether answers are given by ids."""

_ANSWERING: Final = (
    "SELECT id, json_extract(begun_at, '$.checkpoint'), json_extract(request, '$.command') FROM thread_runs "
    "WHERE thread_id = ? AND id <> ? AND status IN ('pending', 'running') "
    "AND json_extract(request, '$.command.resume') IS NOT NULL ORDER BY seq"
)
_ASKED_ANEW: Final = (
    "SELECT 1 FROM writes WHERE thread_id = ? AND checkpoint_ns = '' AND channel = '__interrupt__' AND checkpoint_id = "
    "(SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = '') AND checkpoint_id > ?"
)
_LEFT_AT: Final = "SELECT state_updated_at FROM threads WHERE id = ?"


class Answering(Chapter):
    """The chapter on answers."""

    def answered_once(self, run: Run, by_ids: Ids, asked_at: datetime | None) -> Beside:
        """What belongs to a run that answers, so that no other answers the same.

        Args:
            asked_at: When the thread came to rest with what it asks; None while a run is under way, which may ask.

        Raises:
            ConflictError: another run that has not ended answers it.
        """
        if (refused := _refused(self._reader.point, run, by_ids)) is not None:
            raise refused

        def work(db: sqlite3.Connection) -> ConflictError | None:
            def ask(sql: str, parameters: Sequence[Any]) -> Sequence[Any]:
                return db.execute(sql, parameters).fetchall()

            if asked_at is not None and from_time(ask(_LEFT_AT, (run.thread_id,))[0][0]) != asked_at:
                return _answered(run, "another")  # it was begun meanwhile, and is over
            return _refused(ask, run, by_ids)

        return Beside(work, lambda _: None)


def _refused(ask: Ask, run: Run, by_ids: Ids) -> ConflictError | None:
    mine = run.request["command"]["resume"]
    for run_id, begun_at, command in ask(_ANSWERING, (run.thread_id, run.id)):
        theirs = from_json(command)["resume"]
        apart = by_ids(mine) and by_ids(theirs) and mine.keys().isdisjoint(theirs)
        # Whoever follows a run may answer what it asks before it has come to rest.
        anew = begun_at is not None and bool(ask(_ASKED_ANEW, (run.thread_id, run.thread_id, begun_at)))
        if not apart and not anew:
            return _answered(run, f"'{run_id}'")
    return None


def _answered(run: Run, by: str) -> ConflictError:
    return ConflictError(
        f"What thread '{shown_id(run.thread_id)}' asks is being answered already, by run {by}.",
        hint="Read the thread again, and answer what it asks then.",
        code="already_answered",
    )
