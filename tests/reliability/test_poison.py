"""An execution that kills its process each time it is driven is put aside, and takes nobody with it."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.reliability.poisoned import INNOCENT, KILLER

_MOST_LIVES = 5 + 1 + 2
"""Five deaths, the life that finds it out, and two in which an innocent one came first."""


def _live(database: Path, journal: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.reliability.poisoned", str(database), str(journal), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


@pytest.mark.capability("E22", "E24", "E25")
async def test_whoever_kills_its_process_is_put_aside_and_the_others_go_on(tmp_path: Path) -> None:
    """Killed with SIGKILL, again and again; then mended, and redriven from where it was."""
    database, journal = tmp_path / "baton.db", tmp_path / "journal"
    lives = [_live(database, journal)]
    while lives[-1].returncode != 0:
        assert lives[-1].returncode == -signal.SIGKILL, lives[-1].stderr
        assert len(lives) < _MOST_LIVES, "it was never put aside"
        lives.append(_live(database, journal))
    assert len(lives) > 5, "it was put aside too soon"
    statuses = json.loads(lives[-1].stdout)
    assert statuses == {KILLER: "failed", **dict.fromkeys(INNOCENT, "completed")}
    done = Counter(journal.read_text().split())
    assert done["prepare"] == 1 and done["work"] >= len(INNOCENT)
    assert json.loads(_live(database, journal).stdout) == statuses, "it is not taken up again by itself"

    await _it_says_why(database)

    mended = _live(database, journal, "mended")
    assert json.loads(mended.stdout)[KILLER] == "completed", mended.stderr
    assert Counter(journal.read_text().split())["prepare"] == 1, "what it had done is not done again"


async def _it_says_why(database: Path) -> None:
    """To people: a sentence, a dead letter, an alert."""
    settings = Settings(_env_file=None, database=database)  # type: ignore[call-arg]
    async with Orchestrator.open(settings, drive=False) as baton:
        [letter] = await baton.dead_letters()
        execution = await baton.get(KILLER)
        [alert] = [record for record in await baton.records(KILLER) if record.kind == "alert.raised"]
    assert (letter.execution_id, letter.kind, letter.escalated) == (KILLER, "poisoned", True)
    assert execution.error == letter.error and letter.error["code"] == "poisoned"
    assert letter.error["message"] == (
        "The process that drove execution 'killer' died 5 times in a row, and it got no further in between: "
        "it is put aside."
    )
    assert alert.data["level"] == "error" and alert.data["escalated"]
