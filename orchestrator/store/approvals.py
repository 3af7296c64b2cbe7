"""Approvals: the inbox, and acts on one of them, each judged and kept in one transaction."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from graphs.errors import BatonError, ConflictError
from orchestrator.approvals.values import Approval, Desk, Turn
from orchestrator.store.announcing import Kept
from orchestrator.store.chain import add_entry, digest_of
from orchestrator.store.chapter import Chapter, insert, raise_signal
from orchestrator.store.port import AuditEntry, InboxFilter, OpenWait, Record
from orchestrator.store.rows import from_json, from_time, name_and_version, record_row, to_json, to_time
from orchestrator.store.time_over import its_time_is_over
from orchestrator.store.units import Beside
from orchestrator.store.wait_rows import SELECT_WAIT, answer_json, to_answer, to_wait
from orchestrator.store.waits import no_wait, over

_COLUMNS: Final = SELECT_WAIT.removeprefix("SELECT ").removesuffix(" FROM waits")
_OWN: Final = ", ".join(f"w.{column.strip()}" for column in _COLUMNS.split(","))
_SELECT: Final = (
    f"SELECT {_OWN}, w.seq, w.desk, e.workflow, e.version, e.tenant, e.metadata "
    "FROM waits AS w JOIN executions AS e ON e.id = w.execution_id"
)
_MORE: Final = 6
"""Columns of `_SELECT` that are not the wait's own."""

_STARTED_BY: Final = "started_by"


class Approvals(Chapter):
    """The chapter on approvals."""

    async def approvals(self, which: InboxFilter) -> Sequence[Approval]:
        """See the port. Oldest first."""
        where, parameters = _conditions(which)
        sql = f"{_SELECT} WHERE {where} ORDER BY w.opened_at, w.seq LIMIT ?"
        rows = await self._reader.read(lambda db: db.execute(sql, (*parameters, which.limit)).fetchall())
        return [_approval(row) for row in rows]

    async def approval(self, execution_id: str, path: str) -> Approval | None:
        """See the port."""
        return await self._reader.read(lambda db: _at(db, execution_id, path))

    async def act_on(self, execution_id: str, path: str, act: Callable[[Approval], Turn]) -> OpenWait:
        """See the port."""
        acting = self.acting(execution_id, path, act)
        done: tuple[OpenWait, Kept] = await self._writer.submit(acting.work, on_commit=acting.kept)
        return done[0]

    def acting(self, execution_id: str, path: str, act: Callable[[Approval], Turn]) -> Beside:
        """See the port."""
        now = self._clock.now()
        at = to_time(now)

        def work(db: sqlite3.Connection) -> tuple[OpenWait, Kept] | BatonError:
            approval = _at(db, execution_id, path)
            if approval is None:
                return no_wait(execution_id, path)
            wait = approval.wait
            if wait.status != "open":
                return over(wait, _closed_at(db, approval.seq))
            try:
                turn = act(approval)
            except BatonError as error:
                return error
            if turn.answer is not None and (late := its_time_is_over(db, execution_id, path, now)) is not None:
                return late
            if turn.link is not None and not _use_up(db, turn.link, at):
                return ConflictError("This link was used already.", hint="It decides once.", code="link_used")
            after = _kept(db, approval, turn, at)
            if turn.answer is not None:
                raise_signal(db, execution_id, "answer", path, at, own=self._drives)
            add_entry(db, _trail(approval, turn, now))
            note = Record(execution_id, turn.kind, now, path, wait.generation, turn.data)
            return after, insert(db, [record_row(note)])

        return Beside(work, lambda done: self._announce(done[1]))


def _conditions(which: InboxFilter) -> tuple[str, list[Any]]:
    # The status as a literal where it is the usual one, so that the index of the inbox is used.
    where = ["w.kind = 'approval'", "NOT w.superseded"]
    where.append("w.status = 'open'" if which.status == "open" else "w.status = ?")
    parameters: list[Any] = [] if which.status == "open" else [which.status]
    workflow, version = name_and_version(which.workflow)
    for condition, value in (
        ("w.tenant = ?", which.tenant),
        ("w.execution_id = ?", which.execution_id),
        ("e.workflow = ?", workflow),
        ("e.version = ?", version),
        ("w.due < ?", to_time(which.due_before) if which.due_before else None),
    ):
        if value is not None:
            where.append(condition)
            parameters.append(value)
    if which.after is not None:
        opened_at, seq = which.after
        where.append("(w.opened_at, w.seq) > (?, ?)")
        parameters.extend((to_time(opened_at), seq))
    return " AND ".join(where), parameters


def _at(db: sqlite3.Connection, execution_id: str, path: str) -> Approval | None:
    """The open wait at a path, or the last that was there."""
    row = db.execute(
        f"{_SELECT} WHERE w.execution_id = ? AND w.path = ? AND NOT w.superseded "
        "ORDER BY w.status = 'open' DESC, w.seq DESC LIMIT 1",
        (execution_id, path),
    ).fetchone()
    return _approval(row, _decided_by(db, execution_id)) if row else None


def _decided_by(db: sqlite3.Connection, execution_id: str) -> dict[str, tuple[str, ...]]:
    """Who decided the approvals of an execution, by path; of one that waits for more votes, who has voted."""
    sql = "SELECT path, answer, desk FROM waits WHERE execution_id = ? AND kind = 'approval' AND NOT superseded"
    found: dict[str, tuple[str, ...]] = {}
    for path, answer, desk in db.execute(sql, (execution_id,)):
        voters = [vote.by for vote in Desk.from_document(from_json(desk)).votes]
        by = (from_json(answer) or {}).get("by")
        found[path] = tuple(voters or ([by] if by else []))
    return found


def _approval(row: Sequence[Any], decided_by: Mapping[str, tuple[str, ...]] | None = None) -> Approval:
    seq, desk, workflow, version, tenant, metadata = row[-_MORE:]
    return Approval(
        seq=seq,
        wait=to_wait(row[:-_MORE]),
        desk=Desk.from_document(from_json(desk)),
        workflow=workflow,
        version=version,
        tenant=tenant,
        started_by=from_json(metadata).get(_STARTED_BY),
        decided_by=decided_by or {},
    )


def _closed_at(db: sqlite3.Connection, seq: int) -> str:
    return str(db.execute("SELECT closed_at FROM waits WHERE seq = ?", (seq,)).fetchone()[0])


def _kept(db: sqlite3.Connection, approval: Approval, turn: Turn, now: str) -> OpenWait:
    """Keep what was done about an approval, and give its wait as it stands then."""
    desk = to_json(turn.desk.as_document())
    if turn.answer is None:
        db.execute("UPDATE waits SET desk = ? WHERE seq = ?", (desk, approval.seq))
        return approval.wait
    answer = answer_json(turn.answer, now)
    db.execute(
        "UPDATE waits SET desk = ?, status = 'answered', answer = ?, closed_at = ? WHERE seq = ?",
        (desk, answer, now, approval.seq),
    )
    return replace(approval.wait, status="answered", answer=to_answer(answer), closed_at=from_time(now))


def _trail(approval: Approval, turn: Turn, now: datetime) -> AuditEntry:
    """What the audit trail says of an act; the digest tells what was decided about."""
    wait = approval.wait
    return AuditEntry(
        at=now,
        tenant=approval.tenant,
        actor=turn.data.get("by"),
        action=turn.kind,
        target=f"{wait.execution_id} {wait.path}",
        detail={**turn.data, "generation": wait.generation, "digest": approval.digest, **_digests(approval, turn)},
    )


def _digests(approval: Approval, turn: Turn) -> dict[str, Any]:
    """What was shown, and what it became: the answer, once there is one."""
    answer = turn.answer
    after = None if answer is None else digest_of([answer.outcome, answer.data, answer.reason])
    return {"before": f"sha256:{approval.digest}", "after": after}


def _use_up(db: sqlite3.Connection, link: tuple[str, datetime], now: str) -> bool:
    """Use a link; False when it was used before."""
    db.execute("DELETE FROM used_links WHERE expires_at < ?", (now,))
    sql = "INSERT OR IGNORE INTO used_links (id, used_at, expires_at) VALUES (?, ?, ?)"
    return bool(db.execute(sql, (link[0], now, to_time(link[1]))).rowcount)
