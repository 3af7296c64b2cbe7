"""No node is decoration: each performs what no other does, and the orchestrator's strategy changes what is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import graphs.nodes.perform as perform
from graphs.compile import compile_graph
from tests.support.engine.engines import act, ask, chain, engine, rested, run, workflow

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


@pytest.mark.capability("A62", "C16")
def test_the_graph_is_drawn_with_its_six_nodes() -> None:
    """And nothing but them between start and end."""
    graph = compile_graph().get_graph()
    assert set(graph.nodes) == SIX | {"__start__", "__end__"}
    assert all(f"{node}" in graph.draw_mermaid() for node in SIX)


@pytest.mark.capability("F18", "M16", "O22", "A50")
async def test_the_strategy_is_recorded_and_changes_what_is_sent_and_when(database: Path) -> None:
    """Everything at once, stage by stage, or in partitions: seen in how many bodies wait at the same time."""
    sent: dict[str, list[list[str]]] = {}
    for strategy, size in (("dataflow", 250), ("staged", 250), ("partitioned", 10)):
        async with engine(database.with_name(f"{strategy}.db"), partition_size=size) as baton:
            definition = workflow("w", chain(20), config={"strategy": strategy})
            execution = await run(baton, definition)
            assert execution.status == "completed"
            [planned] = [r for r in await baton.records(execution.id) if r.kind == "execution.planned"]
            assert planned.data["execution_strategy"]["dispatch"] == strategy
            assert planned.data["task_analysis"]["size"] == 20 and planned.data["task_analysis"]["complexity_score"] > 0
            saved = await baton.store.saver.aget_tuple({"configurable": {"thread_id": execution.id}})
            assert saved is not None
            sent[strategy] = [saved.checkpoint["channel_values"]["dispatched"]]
    assert sent["dataflow"] == [[f"s{i}" for i in range(20)]]
    assert sent["staged"] == [[]], "the last plan of twenty found nothing left to send"
    assert sent["partitioned"] == [["#0", "#1"]]


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
    assert values["steps"]["good"]["output"]["value"] == 1 and values["context"]["execution_strategy"]["reason"]
    assert state.next == ()


@pytest.mark.capability("M05", "I08")
async def test_open_questions_are_interrupts_of_the_thread(database: Path) -> None:
    """What is asked, and of whom, is there for any LangGraph client."""
    async with engine(database) as baton:
        execution = await rested(baton, await baton.start(workflow("w", [ask("q")])))
        state = await compile_graph(baton.store.saver).aget_state({"configurable": {"thread_id": execution.id}})
    assert [interrupt.value["path"] for interrupt in state.interrupts] == ["q"]
