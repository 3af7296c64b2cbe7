"""Pieces that need the engine in this process: words as they are said, and cassettes, which are handed to `Models`."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from agents import Cassette
from api.demo.catalogue import resources
from api.demo.players.company import Company, Seen
from api.demo.players.piece import Piece, Shown
from orchestrator.engine import Orchestrator
from orchestrator.settings import read_settings

EXAMPLE: Final = "side_by_side"


@asynccontextmanager
async def _engine(company: Company, database: Path, cassette: Cassette | None = None) -> AsyncIterator[Orchestrator]:
    settings = read_settings(database=database, log_level="error")
    async with Orchestrator.open(settings, resources=resources(company.voice, cassette)) as baton:
        yield baton


async def _carried_out(baton: Orchestrator, company: Company) -> tuple[Seen, list[Any]]:
    """The example from its start to its end, and what its model said meanwhile."""
    workflow, key = company.example(EXAMPLE), f"told-{company.voice.provider}"
    with baton.listen(key, kinds=("step.progress", "step.completed"), words=True) as heard:
        execution = await baton.start(workflow, {}, execution_id=key)
        await baton.wait(execution.id)
        told = list(heard.left())
    seen = Seen(await baton.get(key), await baton.results(key), await baton.records(key))
    return seen, told


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="baton-demo-agents-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def streamed(company: Company) -> Shown:
    async with _folder() as folder, _engine(company, folder / "told.db") as baton:
        seen, told = await _carried_out(baton, company)
    words = [record for record in told if record.kind == "step.progress" and record.data["data"]["kind"] == "token"]
    last = max((path for path in seen.results if path.endswith(".model")), default="")
    ended = next((n for n, record in enumerate(told) if (record.kind, record.path) == ("step.completed", last)), 0)
    before = [record for record in told[:ended] if record in words and record.path == last]
    spoken = "".join(record.data["data"]["text"] for record in words if record.path == last)
    return Shown(
        f"“{spoken}” in {len(before)} pieces, before the call was over",
        [seen],
        {
            "it completes": seen.ended_well,
            "what was told is what was said": spoken == seen.output("compare").get("answer"),
        },
        {"word by word": len(before) == 7},
    )


async def recorded(company: Company) -> Shown:
    async with _folder() as folder:
        path = folder / "calls.json"
        async with _engine(company, folder / "first.db", Cassette(path, "record")) as baton:
            first, _ = await _carried_out(baton, company)
        cassette = Cassette(path)
        kept = cassette.unused
        async with _engine(company, folder / "second.db", cassette) as baton:
            second, _ = await _carried_out(baton, company)
    same = first.execution.output == second.execution.output
    return Shown(
        f"{kept} calls recorded, {kept - cassette.unused} given again: {'the same' if same else 'another'} answer",
        [first, second],
        {"the record answers": kept > 0 and cassette.unused == 0 and same and second.ended_well},
    )


PIECES: Final = (
    Piece("words as they are said", streamed),
    Piece("cassettes of calls", recorded),
)
