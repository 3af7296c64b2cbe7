"""Alerts: records of their own kind, and up to which of them each sink has been told."""

from collections.abc import Sequence
from typing import Final

from orchestrator.store.chapter import Chapter
from orchestrator.store.port import Record
from orchestrator.store.rows import to_record

_ADD: Final = (
    "INSERT OR IGNORE INTO alert_sinks (name, told) "
    "VALUES (?, (SELECT ifnull(max(seq), 0) FROM records WHERE kind = 'alert.raised'))"
)
_NEWS: Final = (
    "SELECT seq, execution_id, kind, path, generation, at, data FROM records WHERE kind = 'alert.raised' "
    "AND seq > (SELECT told FROM alert_sinks WHERE name = ?) ORDER BY seq LIMIT ?"
)


class Alerts(Chapter):
    """The chapter on alerts."""

    async def add_sinks(self, names: Sequence[str]) -> None:
        """See the port."""
        await self._writer.submit([(_ADD, (name,)) for name in names])

    async def alerts_for(self, sink: str, limit: int) -> Sequence[Record]:
        """See the port."""
        rows = await self._reader.read(lambda db: db.execute(_NEWS, (sink, limit)).fetchall())
        return [to_record(row) for row in rows]

    async def told_sink(self, sink: str, seq: int) -> None:
        """See the port."""
        await self._writer.submit([("UPDATE alert_sinks SET told = ? WHERE name = ?", (seq, sink))])
