"""Which question of a thread its readers were shown last."""

from collections.abc import Collection

from orchestrator.store.chapter import Chapter

_ONE = "SELECT question FROM shown_questions WHERE thread_id = ? AND tenant = ? AND reader = ?"
_NOTE = "INSERT OR REPLACE INTO shown_questions (thread_id, tenant, reader, question) VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM shown_questions WHERE thread_id = ? AND tenant = ? AND reader = ?"


class Seeing(Chapter):
    """The chapter on what was shown to whom."""

    def shown_question(self, thread_id: str, tenant: str, reader: str) -> str | None:
        """The id of what somebody was shown last on a thread."""
        rows = self._reader.point(_ONE, (thread_id, tenant, reader))
        return rows[0][0] if rows else None

    async def note_shown(self, questions: Collection[tuple[str, str | None]], tenant: str, reader: str) -> None:
        """Keep what somebody is shown, by threads; None for nothing they could answer without naming it."""
        news = [one for one in questions if self.shown_question(one[0], tenant, reader) != one[1]]
        if news:
            await self._writer.submit(
                [
                    (_FORGET, (thread, tenant, reader)) if shown is None else (_NOTE, (thread, tenant, reader, shown))
                    for thread, shown in news
                ]
            )
