"""Logs: work goes on when nobody reads about it."""

import sys

import pytest

from orchestrator.logs import logger
from orchestrator.settings import Settings


class _Gone:
    """A stream whose reader has gone."""

    def __init__(self) -> None:
        self.tried = 0

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> None:
        self.tried += 1
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        raise ValueError("I/O operation on closed file.")


def test_a_closed_standard_error_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = _Gone()
    monkeypatch.setattr(sys, "stderr", gone)
    logger(Settings(_env_file=None)).error("something", why="x")  # type: ignore[call-arg]
    assert gone.tried > 0
