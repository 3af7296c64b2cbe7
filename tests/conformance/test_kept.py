"""Files of every release open in this one, and what was parked in them goes on."""

import asyncio
import gzip
from pathlib import Path

import pytest

from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from orchestrator.store.cipher import Cipher
from tests.conformance.keep import ENDED, FOLDER, KEY, PARKED, PASSWORD, carry_on, settings

KEPT = sorted(FOLDER.glob("*.db.gz"))


@pytest.mark.capability("C09", "C10", "D01", "D05")
@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.name)
async def test_a_file_of_a_release_is_carried_to_its_end(file: Path, tmp_path: Path) -> None:
    database = tmp_path / "kept.db"
    database.write_bytes(gzip.decompress(file.read_bytes()))
    async with Orchestrator.open(settings(database)) as baton:
        ended = await baton.get(ENDED)
        assert (ended.status, ended.output) == (ExecutionStatus.COMPLETED, {"order": 1})
        before = await baton.results(PARKED)
        assert list(before)[-1] == "each[0].ask"
        done = await asyncio.wait_for(carry_on(baton, PARKED, 2), 60)
        assert (done.status, done.output, done.error) == (ExecutionStatus.COMPLETED, {"order": 2}, None)
        after = await baton.results(PARKED)
        assert {path: after[path] for path in before} == before  # finished steps were not run again
        assert after.keys() == (await baton.results(ENDED)).keys()
        secrets = await baton.store.secrets(PARKED)
        assert [Cipher.open(database, KEY).decrypt(token) for token in secrets.values()] == [PASSWORD]


def test_there_is_a_file_of_a_release() -> None:
    assert KEPT
