"""New files of the store, copied instead of made: making the tables costs as much as a whole small execution.

How a file is made, by one process or by several at once, is tested in tests/unit/store/test_schema.py, and by all that
start processes of their own.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from orchestrator.store import schema, sqlite


def make_blank(folder: Path) -> Path:
    """A file of the store in which nothing is kept."""
    blank = folder / "blank.db"
    schema.prepare(blank, read_only=False, synchronous="off", patience=30.0)
    return blank


def copy_blank(blank: Path, path: Path) -> None:
    """Put a copy of a file in which nothing is kept where none is yet; whole from the first moment, as a made one is.

    Raises:
        OSError: there is one, or no place for one.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        shutil.copyfile(blank, beside)
        beside.chmod(0o600)
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def made_once() -> Iterator[None]:
    """In the block a new file of a store is a copy of one that is made here."""
    with TemporaryDirectory(prefix="baton-blank-") as folder, pytest.MonkeyPatch.context() as patch:
        blank = make_blank(Path(folder))

        def prepare(path: Path, *, read_only: bool, **more: Any) -> None:
            if not read_only and not path.exists():
                with suppress(OSError):  # the store says what is in the way
                    copy_blank(blank, path)
            schema.prepare(path, read_only=read_only, **more)

        patch.setattr(sqlite, "prepare", prepare)
        yield
