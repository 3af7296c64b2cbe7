"""Items: values under a namespace and a key, which outlive threads."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from orchestrator.store.acts import about
from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import from_time, to_json, to_time
from orchestrator.store.served.table import Table
from orchestrator.store.served.values import StoredItem

ITEMS = Table(
    "items",
    StoredItem,
    times=("expires_at", "created_at", "updated_at"),
    plain=("tenant", "key", "ttl"),
)
_ALIVE = "(expires_at IS NULL OR expires_at > ?)"


class Items(Chapter):
    """The chapter on items."""

    async def put_item(
        self, tenant: str, namespace: Sequence[str], key: str, value: Mapping[str, Any], ttl: float | None
    ) -> StoredItem:
        """Keep an item in place of what there was. `ttl`: minutes until it is gone; None for never."""
        now = self._clock.now()
        item = StoredItem(
            tenant=tenant,
            namespace=list(namespace),
            key=key,
            value=value,
            ttl=ttl,
            expires_at=_end(now, ttl),
            created_at=now,
            updated_at=now,
        )
        place = {"tenant": tenant, "namespace": item.namespace, "key": key}

        def work(db: sqlite3.Connection) -> StoredItem:
            older = ITEMS.find(db, **place)
            kept = item if older is None else replace(item, created_at=older.created_at)
            ITEMS.delete(db, **place)
            ITEMS.insert(db, kept)
            return kept

        about({"namespace": item.namespace, "key": key})
        put: StoredItem = await self._writer.submit(work)
        return put

    async def item(self, tenant: str, namespace: Sequence[str], key: str, *, refresh: bool) -> StoredItem | None:
        """The item, if there is one. `refresh`: its time to live begins anew."""
        now = self._clock.now()
        sql = f"{ITEMS.select} WHERE tenant = ? AND namespace = ? AND key = ? AND {_ALIVE}"
        rows = self._reader.point(sql, (tenant, to_json(list(namespace)), key, to_time(now)))
        if not rows:
            return None
        found = ITEMS.value(rows[0])
        if refresh and found.ttl is not None:
            await self._refresh([found], now)
        return found

    async def delete_item(self, tenant: str, namespace: Sequence[str], key: str) -> None:
        """Delete an item, if there is one."""
        place = {"tenant": tenant, "namespace": list(namespace), "key": key}
        about({"namespace": list(namespace), "key": key})
        await self._writer.submit(lambda db: ITEMS.delete(db, **place))

    async def items(
        self,
        tenant: str,
        prefix: Sequence[str],
        fits: Callable[[StoredItem], bool],
        *,
        limit: int,
        offset: int,
        refresh: bool,
    ) -> list[StoredItem]:
        """Items below a namespace that fit, the newest first."""
        now = self._clock.now()
        where, parameters = _below(prefix)
        sql = f"{ITEMS.select} WHERE tenant = ? AND {_ALIVE} AND {where} ORDER BY updated_at DESC, key"

        def question(db: sqlite3.Connection) -> list[StoredItem]:
            found: list[StoredItem] = []
            for row in db.execute(sql, (tenant, to_time(now), *parameters)):
                item = ITEMS.value(row)
                if fits(item):
                    found.append(item)
                if len(found) == offset + limit:
                    break
            return found[offset:]

        found = await self._reader.read(question)
        if refresh and any(item.ttl is not None for item in found):
            await self._refresh(found, now)
        return found

    def next_item_expiry(self) -> datetime | None:
        """When the first of all items is to go."""
        return from_time(self._reader.point("SELECT min(expires_at) FROM items WHERE expires_at IS NOT NULL")[0][0])

    async def sweep_items(self) -> None:
        """Delete the items whose time is over."""
        await self._writer.submit([("DELETE FROM items WHERE expires_at <= ?", (self._now(),))])

    async def namespaces(self, tenant: str) -> list[tuple[str, ...]]:
        """Every namespace with an item in it, in order."""
        sql = f"SELECT DISTINCT namespace FROM items WHERE tenant = ? AND {_ALIVE}"
        now = self._now()
        rows = await self._reader.read(lambda db: db.execute(sql, (tenant, now)).fetchall())
        return sorted(tuple(ITEMS.read("namespace", row[0])) for row in rows)

    async def _refresh(self, found: Sequence[StoredItem], now: datetime) -> None:
        rows = [
            (to_time(end), item.tenant, to_json(item.namespace), item.key)
            for item in found
            if (end := _end(now, item.ttl)) is not None
        ]
        await self._writer.submit(
            [("UPDATE items SET expires_at = ? WHERE tenant = ? AND namespace = ? AND key = ?", rows)]
        )


def _end(now: datetime, ttl: float | None) -> datetime | None:
    return now + timedelta(minutes=ttl) if ttl is not None else None


def _below(prefix: Sequence[str]) -> tuple[str, list[Any]]:
    """Namespaces that begin so: the same list, or its text with more behind it."""
    if not prefix:
        return "true", []
    text = to_json(list(prefix))
    start = f"{text[:-1]},"
    return "(namespace = ? OR substr(namespace, 1, ?) = ?)", [text, len(start), start]
