"""Copying a live file."""

import os
import sqlite3
from pathlib import Path

from graphs.errors import ConflictError, InputError, NotFoundError, StoreError
from orchestrator.store.connect import cannot_read, connect

_PAGES = 2000
"""Pages copied in one go: 8 MB, so that an interrupt is heard."""


def copy(source: Path, target: Path) -> None:
    """Copy the file as it stands at one moment, while others go on writing; durable when it returns.

    Into a file beside the target that is renamed at the end: a copy that is there is whole. The key file of encrypted
    inputs (`<file>.key`) is not copied: keep it elsewhere, or the backup gives away what it is to protect.

    Raises:
        ConflictError: the target exists.
        NotFoundError, InputError: it is a folder, or in one that is not there.
        StoreError: it cannot be written.
    """
    if target.is_dir():
        raise InputError(f"'{target}' is a folder.", hint="Name a new file in it.", code="backup_failed")
    if not target.parent.is_dir():
        hint = "Make it first."
        raise NotFoundError(f"There is no folder '{target.parent}'.", hint=hint, code="folder_not_found")
    if target.exists():
        raise ConflictError(f"The backup '{target}' exists already.", hint="Name a new file.", code="backup_exists")
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)  # where a file cannot be made, say so, before SQLite says something vaguer
        _copy_pages(source, part)
        _sync(part)
        os.link(part, target)  # unlike a rename, this fails when somebody made the target meanwhile
        part.unlink()
        _sync(target.parent)
    except FileExistsError:
        part.unlink(missing_ok=True)
        raise ConflictError(
            f"The backup '{target}' was made meanwhile.", hint="Name a new file.", code="backup_exists"
        ) from None
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"The backup '{target}' cannot be written: {error.strerror}.",
            hint="Check the folder, its rights and the room on its disk.",
            code="backup_failed",
        ) from error


def _copy_pages(source: Path, part: Path) -> None:
    try:
        reading = connect(source, read_only=True)
        writing = sqlite3.connect(part)
        try:
            reading.backup(writing, pages=_PAGES)
            # A copy without companions: one file to carry away.
            writing.execute("PRAGMA journal_mode = DELETE")
        finally:
            writing.close()
            reading.close()
    except sqlite3.Error as error:
        part.unlink(missing_ok=True)
        raise cannot_read(source, error) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
