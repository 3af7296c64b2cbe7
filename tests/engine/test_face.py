"""The face of the engine: what the documents' own engines offer under other names, by behaviour."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents import Functions
from graphs.clock import ManualClock
from graphs.errors import ConflictError, EngineBusyError, NotFoundError
from graphs.state import ExecutionStatus, StepStatus
from orchestrator.store.port import ExecutionFilter
from tests.support.engine.engines import (
    act,
    ask,
    chain,
    engine,
    finished,
    rested,
    run,
    statuses,
    values,
    wind,
    workflow,
)
from tests.support.engine.steps import Effects, Gates


@pytest.mark.capability("A31", "A32", "A33", "M01", "ST5", "D20", "A54")
async def test_an_execution_is_kept_before_start_returns_and_tells_its_status(database: Path, gates: Gates) -> None:
    """Running in the background, with its input, its times, and in the end its output."""
    definition = workflow(
        "w", [act("a", gate="g", value="{{ input.n }}")], input={"schema": {"properties": {"n": {"type": "integer"}}}}
    )
    async with engine(database, gates=gates) as baton:
        started = await baton.start(definition, {"n": 4})
        await gates.reached("g")
        assert (await baton.get(started.id)).status == "running"
        gates.open("g")
        ended = await finished(baton, started)
    assert (ended.workflow, ended.version, ended.status, ended.input) == ("w", "1.0", "completed", {"n": 4})
    assert ended.output["value"] == 4
    assert ended.created_at <= (ended.started_at or ended.created_at) <= (ended.ended_at or ended.created_at)


@pytest.mark.capability("M02", "M10", "M12", "O13")
async def test_every_step_is_kept_with_its_attempts_times_and_error(database: Path) -> None:
    """A failure says what and when; a success what it gave."""
    steps = [
        act("good", value=1),
        act("bad", fail=True, retry={"max_attempts": 2, "initial_delay": 0}, on_failure={"action": "continue"}),
    ]
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", steps))
        results = await baton.results(execution.id)
    good, bad = results["good"], results["bad"]
    assert good["status"] == "completed" and good["attempts"] == 1 and good["started_at"] <= good["ended_at"]
    assert bad["status"] == "failed" and bad["attempts"] == 2
    assert bad["error"]["category"] == "transient" and bad["error"]["message"] and bad["ended_at"].endswith("+00:00")


@pytest.mark.capability("ST1", "ST2", "ST3", "X29")
def test_the_statuses_are_the_union_of_all_documents() -> None:
    """One set for executions, one for steps."""
    assert {status.value for status in ExecutionStatus} == {
        *("pending", "queued", "running", "waiting", "paused", "compensating", "completed", "failed", "timed_out"),
        *("cancelled", "compensated", "compensation_failed", "budget_exceeded"),
    }
    assert {status.value for status in StepStatus} == {
        *("pending", "waiting", "running", "retrying", "completed", "failed", "timed_out", "cancelled", "skipped"),
    }


@pytest.mark.capability("T04", "T12", "X14", "E19", "M11", "P07")
async def test_a_parallel_group_goes_by_its_least_rate_of_successes(database: Path) -> None:
    """Called a failure threshold in one document; what each child did is in the result."""
    children = [act("x"), act("y"), act("z", fail=True)]
    for threshold, status in ((0.5, "completed"), (0.9, "failed")):
        group = {"name": "g", "type": "parallel_group", "steps": children}
        definition = workflow("w", [group | {"config": {"parallel_failure_threshold": threshold}}])
        async with engine(database.with_name(f"{threshold}.db")) as baton:
            execution = await run(baton, definition)
            output = (await baton.results(execution.id))["g"]["output"]
        assert execution.status == status
        assert (output["total_steps"], output["successful_steps"], output["failed_steps"]) == (3, 2, 1)
        assert [failure["step_id"] for failure in output["failures"]] == ["z"]


@pytest.mark.capability("X18", "X20", "E20")
async def test_a_failure_is_told_once_and_siblings_keep_what_they_did(database: Path, effects: Effects) -> None:
    """One failure path: the first that fails names the execution's error, the others finish and are kept."""
    steps = [act("bad", fail=True), act("beside", yields=3), act("after", "bad")]
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", steps))
        results = await baton.results(execution.id)
        records = await baton.records(execution.id)
    assert execution.status == "failed" and execution.error and execution.error["step"] == "bad"
    assert results["beside"]["status"] == "completed" and results["after"]["status"] == "skipped"
    assert [record.kind for record in records].count("execution.failed") == 1


@pytest.mark.capability("X32", "F12")
async def test_the_first_successes_release_the_join_and_the_rest_are_cancelled(
    database: Path, effects: Effects, gates: Gates
) -> None:
    """`wait_for_all: false` is defined: as many as must succeed, then the others are stopped."""
    group = {
        "name": "g",
        "type": "parallel",
        "config": {"wait_for_all": False, "min_success": 1},
        "steps": [act("quick", value=1), act("slow", gate="never")],
    }
    async with engine(database, effects=effects, gates=gates) as baton:
        execution = await run(baton, workflow("w", [group, act("after", "g")]))
        results = await baton.results(execution.id)
    assert execution.status == "completed" and results["g.slow"]["status"] == "cancelled"


@pytest.mark.capability("C13")
async def test_a_workflow_that_waits_for_days_is_tested_in_an_instant(database: Path) -> None:
    """With the clock, the scripted model and the throw-away file that ship with the product."""
    steps = [
        ask("q", timeout="48h"),
        {"name": "d", "type": "delay", "depends_on": ["q"], "config": {"duration": "24h"}},
    ]
    clock = ManualClock()
    began = clock.now()
    async with engine(database, clock=clock) as baton:
        execution = await wind(baton, await baton.start(workflow("w", steps)))
    assert execution.status == "completed" and clock.now() - began >= timedelta(hours=24)
    assert clock.now().tzinfo is UTC


@pytest.mark.capability("A53", "M14", "O23", "P12")
async def test_active_executions_are_listed_and_can_be_stopped(database: Path, gates: Gates) -> None:
    """The registry is the table: by status, by workflow, newest first; nobody polls for the end.

    Of each it is known what it carries out, what is done, and that somebody is at work on it.
    """
    steps = [act("done"), act("a", "done", gate="g"), act("later", "a")]
    async with engine(database, gates=gates) as baton:
        one = await baton.start(workflow("one", steps))
        two = await baton.start(workflow("two", chain(2)))
        await finished(baton, two)
        await gates.reached("g")
        running = await baton.list(ExecutionFilter(status=[ExecutionStatus.RUNNING]))
        assert [(execution.id, execution.digest) for execution in running] == [(one.id, workflow("one", steps).digest)]
        assert await statuses(baton, one) == {"done": "completed"} and baton.driving(one.id)
        await baton.cancel(one.id, by="ann", reason="no longer wanted")
        ended = await finished(baton, one)
        assert ended.status == "cancelled" and ended.error and "ann" in ended.error["message"]
        assert {execution.workflow for execution in await baton.list()} == {"one", "two"}


@pytest.mark.capability("A35", "I13", "X07")
async def test_an_event_is_awaited_by_type_and_filter(database: Path) -> None:
    """One that came before the wait is kept and matched; one that does not fit is not."""
    wait = {"name": "w", "type": "wait_for_event", "config": {"event_type": "paid", "filter": {"order": 7}}}
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), wait | {"depends_on": ["q"]}])))
        await baton.publish_event("paid", {"order": 8})
        await baton.publish_event("paid", {"order": 7, "by": "card"})
        await baton.decide(execution.id, "q", "approve", by="ann")
        execution = await finished(baton, execution)
    assert execution.output == {"event_data": {"order": 7, "by": "card"}}


@pytest.mark.capability("I19", "I18", "I26")
async def test_files_and_databases_are_reached_by_registered_functions(database: Path, tmp_path: Path) -> None:
    """A small pipeline: extracted from a database, transformed, loaded into another and into a file."""
    source, target, report = (tmp_path / name for name in ("source.db", "target.db", "report.txt"))
    with closing(sqlite3.connect(source)) as db, db:
        db.execute("CREATE TABLE readings (value INTEGER)")
        db.executemany("INSERT INTO readings VALUES (?)", [(3,), (1,), (2,)])
    functions = Functions()

    @functions.function
    def extract() -> list[int]:
        with closing(sqlite3.connect(source)) as db:
            return [value for (value,) in db.execute("SELECT value FROM readings")]

    @functions.function
    def transform(rows: list[int]) -> list[int]:
        return sorted(value * 10 for value in rows)

    @functions.function
    def load(rows: list[int]) -> int:
        with closing(sqlite3.connect(target)) as db, db:
            db.execute("CREATE TABLE sorted AS SELECT value FROM json_each(?)", (json.dumps(rows),))
        return report.write_text(",".join(map(str, rows)))

    def call(name: str, after: str | None = None) -> dict[str, Any]:
        config: dict[str, Any] = {"function": name}
        if after:
            config["args"] = {"rows": f"{{{{ steps.{after}.output }}}}"}
        return {"name": name, "type": "function", "depends_on": [after] if after else [], "config": config}

    steps = [call("extract"), call("transform", "extract"), call("load", "transform")]
    async with engine(database, resources=[functions]) as baton:
        assert (await run(baton, workflow("etl", steps))).status == "completed"
    assert report.read_text() == "10,20,30"
    with closing(sqlite3.connect(target)) as db:
        assert db.execute("SELECT value FROM sorted").fetchall() == [(10,), (20,), (30,)]


@pytest.mark.capability("D20", "I13")
async def test_what_a_step_sets_going_is_an_execution_of_its_own(database: Path) -> None:
    """An event that another waits for, a workflow that its function starts: taken up from inside a step, and yet on
    a thread of their own, with plans inside them and questions that park."""
    inside = {"name": "m", "type": "map", "config": {"items": [1, 2]}, "steps": [act("x"), ask("q")]}
    waits = {"name": "e", "type": "wait_for_event", "config": {"event_type": "x"}}
    functions = Functions()

    @functions.function
    async def start_another() -> str:
        return (await engines[0].start(workflow("started", [inside]), execution_id="started")).id

    steps = [
        {"name": "tell", "type": "emit_event", "config": {"event_type": "x", "data": {"n": 1}}},
        {"name": "start", "type": "function", "depends_on": ["tell"], "config": {"function": "start_another"}},
        {"name": "p", "type": "parallel", "depends_on": ["start"], "steps": [act("y")]},
    ]
    async with engine(database, resources=[functions]) as baton:
        engines = [baton]
        await rested(
            baton, await baton.start(workflow("woken", [waits, {**inside, "depends_on": ["e"]}]), execution_id="woken")
        )
        teller = await run(baton, workflow("teller", steps), execution_id="teller")
        assert (await values(baton, teller)).keys() == {"p.y"} and teller.status == "completed"
        for name in ("woken", "started"):
            assert (await rested(baton, name)).status == "waiting"
            assert {wait.path for wait in await baton.waits(name)} == {"m[0].q", "m[1].q"}
    async with engine(database) as baton:
        assert {(await wind(baton, name)).status for name in ("woken", "started")} == {"completed"}


@pytest.mark.capability("P11", "E06")
async def test_a_step_stops_the_workflow_unless_it_says_otherwise(database: Path) -> None:
    """By default a failure ends the execution; `continue` is said."""
    async with engine(database) as baton:
        assert (await run(baton, workflow("w", [act("a", fail=True), act("b", "a")]))).status == "failed"
        going_on = act("a", fail=True, on_failure={"action": "continue", "output": {"value": "none"}})
        execution = await run(baton, workflow("w2", [going_on, act("b", "a", value="{{ steps.a.output.value }}")]))
        assert execution.status == "completed" and execution.output["value"] == "none"


@pytest.mark.capability("M13", "E18", "E17")
@pytest.mark.parametrize("recovered", [True, False])
async def test_a_recovered_failure_lets_the_workflow_go_on(recovered: bool, database: Path) -> None:
    """The fallback's result stands for the failed one, and it sees the error; whether it went well is kept."""
    instead = {"name": "instead", "type": "act", "config": {"value": "{{ error.category }}", "fail": not recovered}}
    bad = act("bad", fail=True, on_failure={"action": "fallback", "fallback": instead})
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", [bad, act("after", "bad", value="{{ steps.bad.output.value }}")]))
        settled = await statuses(baton, execution)
    if recovered:
        assert settled == {"bad": "failed", "bad~fallback": "completed", "after": "completed"}
        assert execution.status == "completed" and execution.output["value"] == "transient"
    else:
        assert settled == {"bad": "failed", "bad~fallback": "failed", "after": "skipped"}
        assert execution.status == "failed" and execution.error and execution.error["step"] == "bad"


@pytest.mark.capability("D17", "Q06", "M01")
async def test_everything_of_a_failed_run_can_be_read_afterwards(database: Path) -> None:
    """In another process, with nothing of it running any more: what came in, what each step gave, why it failed."""
    steps = [act("a", value={"rows": [1, 2]}), act("bad", "a", fail=True, input={"saw": "{{ steps.a.output }}"})]
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", steps), {"n": 5}, metadata={"source": "web"})
    async with engine(database, drive=False) as reader:
        kept = await reader.get(execution.id)
        results, records = await reader.results(execution.id), await reader.records(execution.id)
    assert (kept.status, kept.input, kept.metadata) == ("failed", {"n": 5}, {"source": "web"})
    assert kept.error is not None and (kept.error["step"], kept.error["message"]) == ("bad", "asked to fail")
    assert results["a"]["output"]["value"] == {"rows": [1, 2]} and results["bad"]["error"]["category"] == "transient"
    assert {"step.completed", "step.failed", "execution.failed"} <= {record.kind for record in records}


@pytest.mark.capability("D22", "Q01")
async def test_the_same_idempotency_key_starts_one_execution(database: Path) -> None:
    """The second start gets the first execution back."""
    async with engine(database) as baton:
        first = await baton.start(workflow("w", [act("a")]), idempotency_key="k")
        again = await baton.start(workflow("w", [act("a")]), idempotency_key="k")
        assert again.id == first.id and len(await baton.list()) == 1


async def test_one_engine_drives_a_file_and_others_may_still_answer(database: Path) -> None:
    """A second one is told who drives it; without driving, it may decide, and the first takes the answer up."""
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q"), act("a", "q")])))
        with pytest.raises(EngineBusyError, match="drive"):
            async with engine(database):
                pass
        async with engine(database, drive=False) as other:
            await other.decide(execution.id, "q", "approve", by="ann")
        assert (await finished(baton, execution)).status == "completed"
        with pytest.raises(ConflictError, match="ended"):
            await baton.cancel(execution.id)
        with pytest.raises(NotFoundError, match="no execution 'nobody'"):
            await baton.get("nobody")


@pytest.mark.capability("F22")
async def test_steps_may_be_made_at_run_time(database: Path, effects: Effects) -> None:
    """A step gives a list of steps; it is checked, and run as a plan of its own."""
    made = [act("one", value=1), act("two", "one", value="{{ steps.one.output.value + 1 }}")]
    plan = act("plan", value="{{ input.steps }}")
    run_them = {
        "name": "run_them",
        "type": "parallel",
        "depends_on": ["plan"],
        "config": {"steps_from": "{{ steps.plan.output.value }}"},
    }
    async with engine(database, effects=effects) as baton:
        execution = await run(baton, workflow("w", [plan, run_them]), {"steps": made})
        assert execution.status == "completed", execution.error
        assert (await baton.results(execution.id))["run_them.two"]["output"]["value"] == 2
        wrong = await run(baton, workflow("w", [plan, run_them]), {"steps": [act("x", "nobody")]})
        assert wrong.error and "'x' depends on 'nobody'" in wrong.error["message"]
