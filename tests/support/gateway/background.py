"""`baton serve` in a process of its own, for tests that share one."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_PATIENCE = 120.0
"""Seconds after which a test that waits has failed; nothing is ever decided by them."""


@contextmanager
def background(folder: Path, *options: str, **settings: str) -> Iterator[str]:
    """Serve a new database in a folder until the block ends; gives the URL.

    Args:
        options: Of the command, besides the port and the database.
        settings: Environment variables.
    """
    command = [sys.executable, "-m", "orchestrator.cli", "serve", "--port", "0", "--database", str(folder / "baton.db")]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "BATON_DRAIN": "1", "NO_COLOR": "1", **settings}
    said = folder / "said"
    with said.open("w") as told:
        process = subprocess.Popen([*command, *options], cwd=folder, env=environment, stderr=told)
    try:
        until = time.monotonic() + _PATIENCE
        while not (found := re.search(r"http://[\d.:]+\d", said.read_text().replace("\n", ""))):
            assert process.poll() is None and time.monotonic() < until, said.read_text()
            time.sleep(0.05)
        yield found[0]
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)
