"""Reading: what is cheap on the event loop's own thread, what may be long on another."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.store.connect import cannot_read, connect, is_closed

T = TypeVar("T")


class Reader:
    """Two connections that cannot write. In WAL a reader never waits for the writer, and sees every commit before.

    A point read takes 10 to 30 µs; handing it to a thread and back makes it 70 to 130 µs. So such reads stay in the
    loop's thread, and only lists leave it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._here = connect(path, read_only=True)
        self._there: sqlite3.Connection | None = None
        self._closed = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="baton-reader")

    def point(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a cheap question, at once.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            return self._here.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise cannot_read(self._path, error) from error

    async def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer to a question that may take longer, all of it from one snapshot.

        Raises:
            StoreError: the file cannot be read.
        """
        if self._closed:
            raise is_closed(self._path)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._snapshot, question)

    def _snapshot(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._there is None:
                self._there = connect(self._path, read_only=True)
            db = self._there
            db.execute("BEGIN")
            try:
                return question(db)
            finally:
                db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise cannot_read(self._path, error) from error

    def version(self) -> int:
        """A number that changes whenever another connection, of any process, has committed."""
        return int(self.point("PRAGMA data_version")[0][0])

    def close(self) -> None:
        self._closed = True
        self._pool.shutdown()
        self._here.close()
        if self._there is not None:
            self._there.close()
