"""Conversations of chat clients: which thread each goes on in."""

from orchestrator.store.chapter import Chapter
from orchestrator.store.rows import from_json, to_json
from orchestrator.store.served.values import Conversation

_SELECT = "SELECT thread_id, run_id, checkpoint_id, asked FROM conversations WHERE tenant = ? AND name = ?"
_INSERT = (
    "INSERT OR REPLACE INTO conversations (tenant, name, thread_id, run_id, checkpoint_id, asked, updated_at) "
    "SELECT ?, ?, id, ?, ?, ?, ? FROM threads WHERE id = ? AND tenant = ?"
)


class Conversations(Chapter):
    """The chapter on conversations."""

    def conversation(self, name: str, tenant: str) -> Conversation | None:
        """The conversation of that name, if it is known."""
        rows = self._reader.point(_SELECT, (tenant, name))
        return Conversation(rows[0][0], rows[0][1], rows[0][2], tuple(from_json(rows[0][3]))) if rows else None

    async def keep_conversation(self, name: str, tenant: str, kept: Conversation) -> None:
        """Keep where a conversation goes on; nothing, when its thread is gone."""
        asked, now = to_json(list(kept.asked)), self._now()
        row = (tenant, name, kept.run_id, kept.checkpoint_id, asked, now, kept.thread_id, tenant)
        await self._writer.submit([(_INSERT, row)])
