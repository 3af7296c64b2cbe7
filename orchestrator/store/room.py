"""Room for what will be written: the WAL file at the length it comes to between two checkpoints.

A commit that makes the file longer waits for the file system's own journal besides the data; one that writes over
what is there does not, and is durable in two thirds of the time. SQLite begins with an empty WAL whenever a file is
opened, so without this the first thousand pages that an engine writes are its slowest.
"""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from orchestrator.store.connect import connect

_FRAMES: Final = 1000
"""After so many pages SQLite checkpoints by itself, and begins again at the front."""

_SPARE: Final = 256 * 2**20
"""Bytes that must be free: on a disk that is nearly full, room is better left for what is to be kept."""


def make_room(path: Path) -> None:
    """Make the WAL of a file that is open elsewhere as long as it will be. What the file holds is not changed.

    Nothing depends on it: where it cannot be done (the disk is full, somebody else writes), it is left.
    """
    if shutil.disk_usage(path.parent).free < _SPARE:
        return
    # None of this need survive a power cut; what others have committed must, so the checkpoint syncs.
    with suppress(sqlite3.Error), closing(connect(path, read_only=False, synchronous="off")) as db:
        db.execute("PRAGMA busy_timeout = 100")
        (page,) = db.execute("PRAGMA page_size").fetchone()
        wal = path.with_name(f"{path.name}-wal")
        left = _FRAMES - (wal.stat().st_size // page if wal.exists() else 0)
        if left <= 0:
            return
        db.execute("PRAGMA wal_autocheckpoint = 0")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        for _ in range(left):
            db.execute(f"PRAGMA user_version = {version}")  # writes the first page, as it is
        db.execute("PRAGMA synchronous = full")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
