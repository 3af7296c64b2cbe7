"""Records: the history of executions, and the results of steps that are read back from it."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from graphs.errors import BatonError, ConflictError
from graphs.state import Happened, Result
from orchestrator.store.announcing import Kept
from orchestrator.store.asked import asked_last
from orchestrator.store.below import is_below
from orchestrator.store.chapter import Chapter, insert, no_execution, raise_signal
from orchestrator.store.dead_letters import close_letters, letters_about, open_letters, redriven_record
from orchestrator.store.port import Asked, Execution, Inherited, Record
from orchestrator.store.results import history, inherited, newest, supersede
from orchestrator.store.rows import SELECT_RECORDS, from_json, record_row, to_json, to_record

_DESCENDANTS = (
    "WITH RECURSIVE below (id) AS (SELECT id FROM executions WHERE parent = ?1 "
    "UNION SELECT e.id FROM executions AS e JOIN below AS b ON e.parent = b.id) "
    "SELECT e.id FROM below AS b JOIN executions AS e ON e.id = b.id WHERE e.replay = 'null' ORDER BY e.created_at"
)


_REWIND = (
    "UPDATE executions SET status = 'queued', deaths = 0, generation = ?, digest = ifnull(?, digest), "
    "version = ifnull(?, version), pins = ifnull(?, pins), input = ifnull(?, input), "
    "changes = ifnull(?, changes), active_seconds = 0, pausing = 'null', compensation = NULL, "
    "output = 'null', error = 'null', cancel_requested = 'null', concluded = 'null', "
    "pause_requested = 'null', ended_at = NULL WHERE id = ?"
)


class Records(Chapter):
    """The chapter on records."""

    def append(self, record: Record) -> None:
        """See the port. When it is lost, later results of its execution are refused, and its live plans are told."""
        rows = [record_row(record)]
        self._writer.hand_over(
            lambda db: insert(db, rows),
            thread=record.execution_id,
            on_commit=self._announce,
            on_lost=lambda error: self._saver.tell_lost(record.execution_id, error),
        )

    async def keep(self, record: Record) -> None:
        """See the port."""
        rows = [record_row(record)]
        await self._writer.submit(lambda db: insert(db, rows), thread=record.execution_id, on_commit=self._announce)

    async def records(self, execution_id: str, *, after: int = 0, limit: int = 100_000) -> Sequence[Record]:
        """See the port."""
        sql = f"{SELECT_RECORDS} WHERE execution_id = ? AND seq > ? ORDER BY seq LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (execution_id, after, limit)).fetchall())
        return [to_record(row) for row in rows]

    async def records_of_kinds(
        self, execution_ids: Sequence[str], kinds: Sequence[str]
    ) -> Mapping[str, Sequence[Record]]:
        """Records of some kinds, of several executions at once, in their order."""
        sql = (
            f"{SELECT_RECORDS} WHERE execution_id IN (SELECT value FROM json_each(?)) "
            "AND kind IN (SELECT value FROM json_each(?)) ORDER BY seq"
        )
        parameters = (to_json(list(execution_ids)), to_json(list(kinds)))
        found: dict[str, list[Record]] = {}
        for row in await self._reader.read(lambda db: db.execute(sql, parameters).fetchall()):
            record = to_record(row)
            found.setdefault(record.execution_id, []).append(record)
        return found

    async def rewinds(self, execution_id: str) -> int:
        """How often an execution was made to go on after an end, or from an earlier step."""
        sql = "SELECT count(*) FROM records WHERE execution_id = ? AND kind = 'execution.rewound'"
        return int((await self._reader.read(lambda db: db.execute(sql, (execution_id,)).fetchone()))[0])

    def newest_record(self, execution_id: str) -> int:
        """The number of an execution's newest record; 0 where there is none."""
        return self._reader.point("SELECT max(seq) FROM records WHERE execution_id = ?", (execution_id,))[0][0] or 0

    def newest_of_all(self) -> int:
        """The number of the newest record of any execution; 0 where there is none."""
        return self._reader.point("SELECT max(seq) FROM records", ())[0][0] or 0

    async def last_record(self, execution_id: str) -> Record | None:
        """See the port."""
        sql = f"{SELECT_RECORDS} WHERE execution_id = ? ORDER BY seq DESC LIMIT 1"
        row = await self._reader.read(lambda db: db.execute(sql, (execution_id,)).fetchone())
        return to_record(row) if row is not None else None

    async def asked_last(self, execution_id: str) -> Asked | None:
        """What people asked of it last; None when nothing ever was."""
        return await self._reader.read(lambda db: asked_last(db, execution_id))

    async def check_as_seen(self, seen: Execution) -> None:
        """See the port."""
        if (moved := await self._reader.read(lambda db: _moved_on(db, seen))) is not None:
            raise moved

    async def results(self, execution_id: str, prefix: str = "") -> Mapping[str, Result]:
        """See the port. With a prefix: the result at that path itself, and everything below it."""
        rows = await self._reader.read(lambda db: newest(db, execution_id))
        return {path: from_json(row[-1]) for path, row in rows.items() if is_below(path, prefix)}

    async def history(self, execution_id: str) -> Sequence[Happened]:
        """See the port."""
        return await self._reader.read(lambda db: history(db, execution_id))

    async def inherited(self, execution_id: str) -> Sequence[Inherited]:
        """See the port."""
        return await self._reader.read(lambda db: inherited(db, execution_id))

    async def heirs(self, execution_id: str, paths: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """See the port."""

        def find(db: sqlite3.Connection) -> dict[str, list[str]]:
            found = {}
            for (heir,) in db.execute(_DESCENDANTS, (execution_id,)).fetchall():
                theirs = [one.path for one in inherited(db, heir) if one.owner == execution_id and one.path in paths]
                if theirs:
                    found[heir] = list(dict.fromkeys(theirs))
            return found

        return await self._reader.read(find)

    async def rewind(
        self,
        execution_id: str,
        *,
        superseded: Sequence[str],
        superseded_alone: Sequence[str] = (),
        generation: int,
        digest: str | None = None,
        version: str | None = None,
        pins: Mapping[str, str] | None = None,
        input: Any = None,  # noqa: A002 - the port's name
        changes: Mapping[str, Any] | None = None,
        edit: Mapping[str, Any] | None = None,
        reason: str,
        letters: Sequence[int] = (),
        by: str | None = None,
        seen: Execution | None = None,
    ) -> None:
        """See the port. The history gets an `execution.rewound` record, with letters an `execution.redriven` too."""
        now = self._now()
        fact: dict[str, Any] = {"reason": reason, "superseded": superseded, "superseded_alone": superseded_alone}
        said = {"by": by, "edit": edit, "changes": changes}
        fact |= {key: value for key, value in said.items() if value}
        row = (execution_id, "execution.rewound", None, generation, now, to_json(fact))
        new_input = None if input is None else to_json(input)
        new_pins = None if pins is None else to_json(dict(pins))
        new_changes = None if changes is None else to_json(dict(changes))
        values = (generation, digest, version, new_pins, new_input, new_changes, execution_id)

        def work(db: sqlite3.Connection) -> Kept | BatonError:
            if seen is not None and (moved := _moved_on(db, seen)) is not None:
                return moved
            if isinstance(missed := open_letters(db, letters), BatonError):
                return missed
            closed = letters_about(db, execution_id, [*superseded, *superseded_alone])
            if not db.execute(_REWIND, values).rowcount:
                return no_execution(execution_id)
            _let_go(db, execution_id, superseded, superseded_alone, now)
            raise_signal(db, execution_id, "resume", None, now, own=self._drives)
            close_letters(db, closed, now, by)
            redriven = [redriven_record(execution_id, generation, closed, now, by)] if closed else []
            return insert(db, [*redriven, row])

        await self._writer.submit(work, thread=execution_id, reset=True, on_commit=self._announce)


def _let_go(
    db: sqlite3.Connection, execution_id: str, superseded: Sequence[str], superseded_alone: Sequence[str], now: str
) -> None:
    """Results that are made anew count no more; nor do checkpoints, which hold them too."""
    for path in superseded:
        supersede(db, execution_id, path, now)
    for path in superseded_alone:
        supersede(db, execution_id, path, now, alone=True)
    for table in ("checkpoints", "writes"):
        db.execute(f"DELETE FROM {table} WHERE thread_id = ?", (execution_id,))


def _moved_on(db: sqlite3.Connection, seen: Execution) -> ConflictError | None:
    """The error for an execution that is no longer as it was seen."""
    sql = "SELECT status, generation, signal, drives FROM executions WHERE id = ?"
    found = db.execute(sql, (seen.id,)).fetchone()
    if found is None or tuple(found) == (seen.status, seen.generation, seen.signal, seen.drives):
        return None
    asked = asked_last(db, seen.id)
    return ConflictError(
        f"Execution '{seen.id}' has moved on since it was looked at: it was {seen.status}, and is {found[0]} now. "
        f"{asked.words + ' ' if asked else ''}Nothing was changed.",
        hint=f"See what it does: baton show {seen.id}.",
        code="moved_on",
        execution_id=seen.id,
        **(asked.details if asked else {}),
    )
