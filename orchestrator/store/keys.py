"""Keys of the gateway."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from graphs.errors import BatonError, NotFoundError
from orchestrator.store.chain import add_entry, digest_of
from orchestrator.store.chapter import Chapter
from orchestrator.store.port import AuditEntry, Key
from orchestrator.store.rows import from_json, from_time, to_json, to_time

_SELECT: Final = (
    "SELECT id, hash, name, tenant, role, scopes, groups, created_at, created_by, expires_at, revoked_at, used_at "
    "FROM keys"
)
_INSERT: Final = (
    "INSERT INTO keys (id, hash, name, tenant, role, scopes, groups, created_at, created_by, expires_at, revoked_at, "
    "used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_TO_THE: Final = timedelta(minutes=1)
"""How exactly the last use is noted: a commit for every request would be a high price."""


class Keys(Chapter):
    """The chapter on keys."""

    _guarded: bool = False

    def guarded(self) -> bool:
        """See the port."""
        if not self._guarded:  # once true, it stays so: keys are never deleted
            self._guarded = bool(self._reader.point("SELECT 1 FROM keys LIMIT 1"))
        return self._guarded

    def key(self, key_id: str) -> Key | None:
        """See the port."""
        rows = self._reader.point(f"{_SELECT} WHERE id = ?", (key_id,))
        return _from_row(rows[0]) if rows else None

    async def add_key(self, key: Key) -> None:
        """See the port."""
        made = AuditEntry(
            at=key.created_at,
            tenant=key.tenant,
            actor=key.created_by,
            action="key.created",
            target=key.id,
            detail={
                "name": key.name,
                "role": key.role,
                "scopes": key.scopes,
                "groups": key.groups,
                "before": None,
                "after": _digest(key),
            },
        )

        def work(db: sqlite3.Connection) -> None:
            db.execute(_INSERT, _to_row(key))
            add_entry(db, made)

        await self._writer.submit(work)

    async def keys(self, tenant: str | None = None) -> Sequence[Key]:
        """See the port."""
        sql = f"{_SELECT} WHERE ? IS NULL OR tenant = ? ORDER BY created_at DESC, id"
        rows = await self._reader.read(lambda db: db.execute(sql, (tenant, tenant)).fetchall())
        return [_from_row(row) for row in rows]

    async def revoke_key(self, key_id: str, *, by: str | None = None) -> Key:
        """See the port."""
        at = self._clock.now()
        now = to_time(at)

        def work(db: sqlite3.Connection) -> Key | BatonError:
            revoked = db.execute("UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now, key_id))
            row = db.execute(f"{_SELECT} WHERE id = ?", (key_id,)).fetchone()
            if row is None:
                return NotFoundError(
                    f"There is no key '{key_id}'.", hint="List what there is: baton keys list.", code="key_not_found"
                )
            key = _from_row(row)
            if revoked.rowcount:
                digests = {"before": _digest(replace(key, revoked_at=None)), "after": _digest(key)}
                entry = AuditEntry(at=at, tenant=key.tenant, actor=by, action="key.revoked", target=key_id)
                add_entry(db, replace(entry, detail=digests))
            return key

        revoked: Key = await self._writer.submit(work)
        return revoked

    def revoked(self, key_ids: Collection[str]) -> frozenset[str]:
        """See the port."""
        sql = "SELECT id FROM keys WHERE revoked_at IS NOT NULL AND id IN (SELECT value FROM json_each(?))"
        return frozenset(key_id for (key_id,) in self._reader.point(sql, (to_json(sorted(key_ids)),)))

    def key_used(self, key: Key) -> None:
        """See the port."""
        now = self._clock.now()
        if key.used_at is None or now - key.used_at >= _TO_THE:
            self._writer.hand_over([("UPDATE keys SET used_at = ? WHERE id = ?", (to_time(now), key.id))], thread=None)


def _to_row(key: Key) -> tuple[Any, ...]:
    return (
        key.id,
        key.hash,
        key.name,
        key.tenant,
        key.role,
        to_json(key.scopes),
        to_json(key.groups),
        to_time(key.created_at),
        key.created_by,
        _time(key.expires_at),
        _time(key.revoked_at),
        _time(key.used_at),
    )


def _digest(key: Key) -> str:
    """Of everything but its last use, which no act changes."""
    return digest_of([value.hex() if isinstance(value, bytes) else value for value in _to_row(key)[:-1]])


def _time(value: datetime | None) -> str | None:
    return None if value is None else to_time(value)


def _from_row(row: Sequence[Any]) -> Key:
    key_id, hashed, name, tenant, role, scopes, groups, created_at, created_by, expires_at, revoked_at, used_at = row
    return Key(
        id=key_id,
        hash=hashed,
        name=name,
        tenant=tenant,
        role=role,
        scopes=tuple(from_json(scopes)),
        groups=tuple(from_json(groups)),
        created_at=datetime.fromisoformat(created_at),
        created_by=created_by,
        expires_at=from_time(expires_at),
        revoked_at=from_time(revoked_at),
        used_at=from_time(used_at),
    )
