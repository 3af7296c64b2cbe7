"""No node is decoration: each performs what no other does, and the orchestrator's strategy changes what is sent."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.runtime import Runtime

import graphs.compile
import graphs.nodes.perform as perform
from graphs.clock import ManualClock
from graphs.compile import compile_graph
from graphs.flow import Flow
from graphs.graph_state import Planned
from graphs.nodes.body import PlanContext
from graphs.nodes.orchestrator import orchestrator
from graphs.values import json_value
from tests.support.engine.engines import act, ask, chain, engine, finished, rested, run, turns, until, workflow
from tests.support.engine.steps import Effects, Gates

SIX = {"orchestrator", "parallel_executor", "conditional_router", "react_agent", "human_approval", "error_recovery"}


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Which node performed which step, as LangGraph itself says in the configuration of the running task."""
    seen: dict[str, str] = {}
    original = perform._result

    async def spy(body: Any, woken: Any, act: Any) -> Any:
        seen[body.path] = body.config["metadata"]["langgraph_node"]
        return await original(body, woken, act)

    monkeypatch.setattr(perform, "_result", spy)
    yield seen


STEPS: list[dict[str, Any]] = [
    act("work"),
    {"name": "group", "type": "parallel", "steps": [act("x")]},
    {"name": "way", "type": "conditional", "config": {"if": "true"}, "then": [act("yes")]},
    {"name": "choice", "type": "switch", "config": {"on": 1}, "cases": [{"equals": 1, "steps": [act("one")]}]},
    {"name": "think", "type": "agent", "config": {"model": "scripted:echo", "message": "hello"}},
    ask("ask"),
    {"name": "event", "type": "wait_for_event", "config": {"event_type": "never"}},
    act("bad", fail=True, on_failure={"action": "fallback", "fallback": {"name": "instead", "type": "act"}}),
]


@pytest.mark.capability("T13", "A51", "I07", "E18", "C07", "A62")
async def test_each_kind_of_work_is_performed_by_its_node_alone(database: Path, performed: dict[str, str]) -> None:
    """What runs where, step by step."""
    async with engine(database) as baton:
        await rested(baton, await baton.start(workflow("w", STEPS)))
    assert performed == {
        "work": "parallel_executor",
        "group": "parallel_executor",
        "group.x": "parallel_executor",
        "way": "conditional_router",
        "way.yes": "parallel_executor",
        "choice": "conditional_router",
        "choice.one": "parallel_executor",
        "think": "react_agent",
        "think[0].model": "react_agent",
        "ask": "human_approval",
        "event": "human_approval",
        "bad": "parallel_executor",
        "bad~fallback": "error_recovery",
    }


@pytest.mark.capability("T13", "E18")
async def test_what_is_undone_is_undone_inside_error_recovery(database: Path) -> None:
    """The plan that compensates is carried out in a namespace of that node, and of no other."""
    steps = [act("a", compensate=ask("may_i")), act("bad", "a", fail=True)]
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", steps)))
        assert execution.status == "waiting"
        saved = [each async for each in baton.store.saver.alist({"configurable": {"thread_id": execution.id}})]
    namespaces = {each.config["configurable"]["checkpoint_ns"].split(":")[0] for each in saved}
    assert namespaces == {"", "error_recovery"}


@pytest.mark.capability("A62", "C16")
def test_the_graph_is_drawn_with_its_six_nodes() -> None:
    """And nothing but them between start and end."""
    graph = compile_graph().get_graph()
    assert set(graph.nodes) == SIX | {"__start__", "__end__"}
    assert all(f"{node}" in graph.draw_mermaid() for node in SIX)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, effects: Effects) -> list[tuple[str, list[str], int]]:
    """What was dispatched: into which flow (a partition's name), which steps, and how many had been done by then."""
    seen: list[tuple[str, list[str], int]] = []
    original = Flow.dispatch

    def spy(self: Flow, names: Iterable[str], **more: Any) -> None:
        seen.append((self.step, list(names), len(effects.done)))
        original(self, names, **more)

    monkeypatch.setattr(Flow, "dispatch", spy)
    return seen


NAMES = [f"s{i}" for i in range(12)]
SENT: dict[str, list[tuple[str, list[str], int]]] = {
    "dataflow": [("", NAMES, 0)],
    "staged": [*(("", [name], place) for place, name in enumerate(NAMES)), ("", [], 12)],
    "partitioned": [("", ["#0", "#1"], 0), ("#0", NAMES[:10], 0), ("#1", NAMES[10:], 0)],
}


@pytest.mark.capability("F18", "M16", "O22", "A51")
@pytest.mark.parametrize("strategy", SENT)
async def test_the_strategy_is_recorded_and_changes_what_is_sent_and_when(
    strategy: str, database: Path, effects: Effects, sent: list[tuple[str, list[str], int]]
) -> None:
    """Everything at once, a stage when the one before it has been done, or concurrent flows of so many steps."""
    async with engine(database, effects=effects, partition_size=10) as baton:
        execution = await run(baton, workflow("w", chain(12), config={"strategy": strategy}))
        [planned] = [record for record in await baton.records(execution.id) if record.kind == "execution.planned"]
    assert execution.status == "completed" and effects.done == NAMES
    assert planned.data["execution_strategy"]["dispatch"] == strategy
    assert planned.data["task_analysis"]["size"] == 12 and planned.data["task_analysis"]["complexity_score"] > 0
    assert sent == SENT[strategy]


@pytest.mark.capability("M05", "M16", "A51")
async def test_the_orchestrator_says_what_it_found_when_and_what_is_next(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the conditional edge, in the shared state: once for an execution what it found, at each look what is next."""
    said: list[dict[str, Any]] = []

    async def spy(state: Planned, runtime: Runtime[PlanContext]) -> dict[str, Any]:
        said.append(await orchestrator(state, runtime))
        return said[-1]

    monkeypatch.setattr(graphs.compile, "orchestrator", spy)
    steps = [act("a", compensate=act("undo_a")), act("bad", "a", fail="{{ input.fail }}")]
    clock = ManualClock()
    async with engine(database, clock=clock) as baton:
        for fail in (False, True):
            said.clear()
            execution = await run(baton, workflow("w", steps, config={"strategy": "staged"}), {"fail": fail})
            sent = [(one["dispatched"], one.get("next_action")) for one in said]
            assert sent[:2] == [(["a"], None), (["bad"], None)] and (([], "error") in sent) is fail, sent
            [found] = [one["context"] for one in said if "context" in one]
            assert found.keys() == {"task_analysis", "execution_strategy", "orchestrator_timestamp"}
            assert found["orchestrator_timestamp"] == "2026-01-01T00:00:00+00:00"
            assert found["task_analysis"]["complexity_score"] > 0
            graph = compile_graph(baton.store.saver)
            kept = (await graph.aget_state({"configurable": {"thread_id": execution.id}})).values
            assert json_value(kept["context"]) == json_value(found) and kept["current_step"] == "bad"


@pytest.mark.capability("O22", "A51")
async def test_what_went_before_counts(database: Path) -> None:
    """Half of the executions of this workflow failed: the next is analysed in that light, also after a restart."""
    fails = workflow("w", [act("a", fail="{{ input.fail }}")])
    async with engine(database) as baton:
        for fail in (True, False):
            await run(baton, fails, {"fail": fail})
    async with engine(database) as baton:
        execution = await run(baton, fails, {"fail": False})
        [planned] = [record for record in await baton.records(execution.id) if record.kind == "execution.planned"]
    found = planned.data["task_analysis"]
    assert (found["past"]["executions"], found["past"]["failed"]) == (2, 1)
    assert found["parts"]["history"] >= 0.5
    assert found["complexity_score"] == round(sum(found["parts"].values()), 2)


@pytest.mark.capability("F18")
async def test_a_stage_is_a_barrier_and_dataflow_has_none(database: Path, effects: Effects) -> None:
    """The same workflow: staged, the quick branch waits at each stage for the slow one; otherwise it does not."""
    steps = [act("slow", gate="g"), *chain(3, "b")]
    for strategy, before in (("dataflow", ["b0", "b1", "b2"]), ("staged", ["b0"])):
        effects.done.clear()
        held = Gates()
        file = database.with_name(f"{strategy}.db")
        async with engine(file, effects=effects, gates=held) as baton:
            execution = await baton.start(workflow("w", steps, config={"strategy": strategy}))
            await held.reached("g")
            await until(lambda before=before: effects.done == before)
            await turns(baton)
            assert effects.done == before
            held.open("g")
            assert (await finished(baton, execution)).status == "completed"


@pytest.mark.capability("M05", "E28", "C07")
async def test_the_langgraph_state_of_an_execution_holds_what_it_did(database: Path) -> None:
    """It is a LangGraph thread: its state is read with LangGraph's own means."""
    steps = [act("good", value=1), act("bad", fail=True, on_failure={"action": "continue"})]
    async with engine(database) as baton:
        execution = await run(baton, workflow("w", steps))
        graph = compile_graph(baton.store.saver)
        state = await graph.aget_state({"configurable": {"thread_id": execution.id}})
    values: dict[str, Any] = state.values
    assert values["workflow_id"] == "w@1.0" and values["error_count"] == 1 and values["last_error"]["message"]
    assert values["current_step"] == "bad" and values["digest"] == execution.digest
    assert values["steps"]["good"]["output"]["value"] == 1 and values["context"]["execution_strategy"]["reason"]
    assert state.next == ()


@pytest.mark.capability("M05", "I08")
async def test_open_questions_are_interrupts_of_the_thread(database: Path) -> None:
    """What is asked, and of whom, is there for any LangGraph client."""
    async with engine(database, linger=0.0) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q")])))
        state = await compile_graph(baton.store.saver).aget_state({"configurable": {"thread_id": execution.id}})
    assert [interrupt.value["path"] for interrupt in state.interrupts] == ["q"]
