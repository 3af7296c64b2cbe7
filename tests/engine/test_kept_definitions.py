"""Definitions that an earlier Baton kept, and counted otherwise than this one does."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from graphs.clock import ManualClock
from tests.support.engine.engines import act, ask, engine, finished, rested, rings_in, until, workflow


def _recount(database: Path) -> None:
    """Give every kept definition another digest, as an earlier Baton might have done."""
    with closing(sqlite3.connect(database)) as db, db:
        digests = [row[0] for row in db.execute("SELECT digest FROM definitions")]
        for digest in digests:
            other = digest[::-1]
            db.execute("UPDATE definitions SET digest = ? WHERE digest = ?", (other, digest))
            db.execute("UPDATE executions SET digest = ? WHERE digest = ?", (other, digest))
            db.execute("UPDATE executions SET pins = replace(pins, ?, ?)", (digest, other))


@pytest.mark.capability("C09")
async def test_their_executions_go_on_and_keep_their_deadline(database: Path) -> None:
    clock = ManualClock()
    inner = workflow("inner", [ask("ask"), act("after", "ask", value=7)])
    outer = workflow(
        "outer",
        [{"name": "sub", "type": "workflow", "config": {"workflow": "inner"}}],
        config={"deadline": "1d"},
    )
    async with engine(database, clock=clock, workflows=[inner]) as baton:
        answered = await rested(baton, await baton.start(outer))
        late = await rested(baton, await baton.start(outer))
    with closing(sqlite3.connect(database)) as db:
        [before] = db.execute("SELECT count(*) FROM definitions").fetchone()
    assert before == 2
    _recount(database)
    async with engine(database, clock=clock) as baton:
        await baton.decide(answered.id, "sub.ask", "approve", by="ann")
        assert (await finished(baton, answered)).status == "completed"
        await until(rings_in(clock, 86_400))
        clock.advance(86_400)
        assert (await finished(baton, late)).status == "timed_out"
        retried = await baton.retry(answered.id, from_step="sub.after")
        assert (await finished(baton, retried)).status == "completed"
    async with engine(database, clock=clock) as baton:  # and whatever was kept for them can be read again
        assert (await baton.get(answered.id)).status == "completed"
        retried = await baton.retry(answered.id, from_step="sub.after")
        assert (await finished(baton, retried)).status == "completed"
