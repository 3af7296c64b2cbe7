"""Workflows as langgraph-sdk sees them: a thread is an execution, a question an interrupt, an answer a decision."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, PermissionDeniedError, UnprocessableEntityError

from graphs.spec import Workflow
from graphs.state import ExecutionStatus
from orchestrator.serving.desk import Desk
from orchestrator.serving.served import Caller
from orchestrator.serving.shelf import Shelf
from orchestrator.serving.wanted import Wanted
from orchestrator.store.sqlite import SqliteStore
from tests.support.gateway.people import make_key
from tests.support.gateway.serving import Served


def workflow(name: str, steps: list[dict[str, Any]], **spec: Any) -> Workflow:
    """A workflow from plain values."""
    return Workflow.model_validate({"metadata": {"name": name, "version": "1.0"}, "spec": {"steps": steps, **spec}})


def value(name: str, *needs: str, **output: Any) -> dict[str, Any]:
    """A step that gives a value."""
    config = {"function": "give", "args": {"value": output}}
    return {"name": name, "type": "function", "depends_on": list(needs), "config": config}


ASK = {
    "name": "ask",
    "type": "approval",
    "depends_on": ["look_up"],
    "config": {"message": "Refund?", "payload": {"amount": 12}, "allow": ["approve", "reject", "edit"]},
}
REFUND = workflow(
    "refund",
    [value("look_up", total=12), ASK, value("pay", "ask", paid="{{ steps.ask.output.data.amount }}")],
    input={"schema": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}},
)
BOTH = workflow("both", [{**ASK, "name": name, "depends_on": []} for name in ("left", "right")])


@pytest.fixture(autouse=True)
async def published(served: Served) -> None:
    """The workflows of these tests."""
    for each in (REFUND, BOTH):
        await served.gateway.orchestrator.publish(each)


async def test_a_published_workflow_is_an_assistant(client: LangGraphClient) -> None:
    [found] = await client.assistants.search(graph_id="refund")
    assert found["name"] == "refund"
    graph: Any = await client.assistants.get_graph("refund")
    assert [node["id"] for node in graph["nodes"]] == ["__start__", "look_up", "ask", "pay", "__end__"]
    assert {"source": "look_up", "target": "ask"} in graph["edges"]
    schemas: Any = await client.assistants.get_schemas(found["assistant_id"])
    assert schemas["input_schema"]["required"] == ["order"]


async def test_it_runs_asks_and_goes_on(client: LangGraphClient, served: Served) -> None:
    thread = (await client.threads.create())["thread_id"]
    said = [
        (part.event, part.data)
        async for part in client.runs.stream(
            thread, "refund", input={"order": "17"}, stream_mode=["updates", "custom", "values"]
        )
    ]
    assert said[0][0] == "metadata"
    assert ("updates", {"look_up": {"total": 12}}) in said
    [asked] = next(data["__interrupt__"] for event, data in said if event == "updates" and "__interrupt__" in data)
    assert asked["value"]["action_request"] == {"action": "ask", "args": {"amount": 12}}
    assert asked["value"]["config"] == {
        "allow_accept": True,
        "allow_edit": True,
        "allow_respond": False,
        "allow_ignore": True,
    }
    assert asked["value"]["description"] == "Refund?"
    assert said[-1][0] == "values"
    assert said[-1][1]["__interrupt__"] == [asked]

    kept = await client.threads.get(thread)
    assert (kept["status"], list(kept["interrupts"].values())) == ("interrupted", [[asked]])
    state = await client.threads.get_state(thread)
    assert (state["next"], state["interrupts"]) == (["ask", "pay"], [asked])
    assert (await served.gateway.orchestrator.get(thread)).status is ExecutionStatus.WAITING

    left: Any = await client.runs.wait(thread, "refund", command={"resume": {"type": "edit", "args": {"amount": 7}}})
    assert left["status"] == "completed"
    assert left["output"] == {"paid": 7}
    assert left["steps"]["ask"]["decision"] == "edited"
    kept = await client.threads.get(thread)
    assert (kept["status"], kept["interrupts"], kept["values"]["output"]) == ("idle", {}, {"paid": 7})
    assert [run["status"] for run in await client.runs.list(thread)] == ["success", "interrupted"]


@pytest.mark.parametrize(
    ("resume", "decision"),
    [
        (True, "approved"),
        ("approve", "approved"),
        ([{"type": "accept", "args": None}], "approved"),
        ({"decisions": [{"type": "approve"}]}, "approved"),
        ({"decision": "approve", "reason": "fine"}, "approved"),
        ({"approved": True}, "approved"),
        ([{"type": "edit", "args": {"action": "ask", "args": {"amount": 3}}}], "edited"),
        ({"decisions": [{"type": "edit", "edited_action": {"name": "ask", "args": {"amount": 3}}}]}, "edited"),
        ({"amount": 3}, "edited"),
    ],
)
async def test_answers_of_every_client_are_understood(client: LangGraphClient, resume: Any, decision: str) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={"order": "17"})
    left: Any = await client.runs.wait(thread, "refund", command={"resume": resume})
    assert left["steps"]["ask"]["decision"] == decision
    assert left["output"] == {"paid": 3 if decision == "edited" else 12}


@pytest.mark.parametrize("resume", [False, "reject", [{"type": "ignore"}], {"type": "reject", "message": "too much"}])
async def test_a_rejection_ends_it(client: LangGraphClient, resume: Any) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={"order": "17"})
    left: Any = await client.runs.wait(thread, "refund", command={"resume": resume}, raise_error=False)
    assert left["__error__"]["error"] == "approval_rejected"
    assert (await client.threads.get(thread))["status"] == "error"


async def test_two_questions_are_answered_by_id(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    left: Any = await client.runs.wait(thread, "both", input={})
    ids = [each["id"] for each in left["__interrupt__"]]
    assert len(ids) == 2
    with pytest.raises(ConflictError, match="Several things were asked at once"):
        await client.runs.create(thread, "both", command={"resume": "approve"})
    left = await client.runs.wait(thread, "both", command={"resume": {ids[0]: "approve"}})
    assert [each["id"] for each in left["__interrupt__"]] == ids[1:]
    left = await client.runs.wait(thread, "both", command={"resume": {ids[1]: "approve"}})
    assert left["status"] == "completed"
    with pytest.raises(ConflictError, match="Nothing is asked"):
        await client.runs.create(thread, "both", command={"resume": "approve"})


async def test_what_does_not_fit_is_refused_before_anything_is_kept(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    with pytest.raises(UnprocessableEntityError, match="order"):
        await client.runs.create(thread, "refund", input={})
    with pytest.raises(UnprocessableEntityError, match="takes no command 'goto'"):
        await client.runs.create(thread, "refund", command={"goto": "pay"})
    with pytest.raises(NotFoundError, match="Nothing runs on thread"):
        await client.runs.create(thread, "refund", command={"resume": True})
    assert await client.runs.list(thread) == []
    await client.runs.wait(thread, "refund", input={"order": "17"})
    with pytest.raises(ConflictError, match="takes no second input"):
        await client.runs.create(thread, "refund", input={"order": "18"})


async def test_a_decision_made_elsewhere_is_seen_on_the_thread(client: LangGraphClient, served: Served) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={"order": "17"})
    await served.gateway.orchestrator.decide(thread, "ask", "approve", by="ann")
    await served.gateway.orchestrator.wait(thread)
    kept = await client.threads.get(thread)
    assert (kept["status"], kept["values"]["output"]) == ("idle", {"paid": 12})
    [found] = await client.threads.search(metadata={"graph_id": "refund"})
    assert found["values"]["status"] == "completed"


async def test_an_execution_started_elsewhere_is_a_thread(client: LangGraphClient, served: Served) -> None:
    await served.gateway.orchestrator.start(REFUND, {"order": "17"}, execution_id="order-17")
    await served.gateway.orchestrator.wait("order-17", until="rest")
    kept = await client.threads.get("order-17")
    assert (kept["status"], kept["metadata"]["graph_id"]) == ("interrupted", "refund")
    left: Any = await client.runs.wait("order-17", "refund", command={"resume": True})
    assert left["output"] == {"paid": 12}


async def test_an_execution_started_elsewhere_is_answered_without_being_asked_for_first(
    client: LangGraphClient, served: Served
) -> None:
    await served.gateway.orchestrator.start(REFUND, {"order": "17"}, execution_id="order-17")
    await served.gateway.orchestrator.wait("order-17", until="rest")
    left: Any = await client.runs.wait("order-17", "refund", command={"resume": True})
    assert left["output"] == {"paid": 12}


async def test_a_question_is_said_while_other_branches_run(client: LangGraphClient, served: Served) -> None:
    slow = {"name": "slow", "type": "delay", "config": {"seconds": 0.3}}
    await served.gateway.orchestrator.publish(workflow("busy", [slow, {**ASK, "depends_on": []}]))
    thread = (await client.threads.create())["thread_id"]
    stream = client.runs.stream(thread, "busy", input={}, stream_mode=["updates"])
    said: list[Any] = []
    async for part in stream:
        said.append((part.event, part.data))
        if part.event == "updates" and "__interrupt__" in part.data:
            # The thread is busy, and the answer is heard at once.
            answering = asyncio.create_task(client.runs.wait(thread, "busy", command={"resume": True}))
    assert [next(iter(data)) for event, data in said if event == "updates"][:1] == ["__interrupt__"]
    assert ("updates", {"slow": said[-1][1].get("slow")}) in said or any("slow" in data for _, data in said)
    assert (await answering)["status"] == "completed"


async def test_its_history_is_by_step_and_it_goes_back_to_one(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={"order": "17"})
    await client.runs.wait(thread, "refund", command={"resume": True})
    states = await client.threads.get_history(thread)
    assert [state["next"] for state in states] == [[], ["pay"], ["ask", "pay"]]
    after_look_up: Any = states[2]["checkpoint"]
    at = await client.threads.get_state(thread, checkpoint_id=after_look_up["checkpoint_id"])
    assert at["values"]["steps"] == {"look_up": {"total": 12}}
    again: Any = await client.runs.wait(thread, "refund", input=None, checkpoint_id=after_look_up["checkpoint_id"])
    assert [each["value"]["path"] for each in again["__interrupt__"]] == ["ask"]
    left: Any = await client.runs.wait(thread, "refund", command={"resume": [{"type": "edit", "args": {"amount": 1}}]})
    assert left["output"] == {"paid": 1}


async def test_a_change_of_state_is_a_retry_or_a_fork(client: LangGraphClient, served: Served) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={"order": "17"})
    await client.runs.wait(thread, "refund", command={"resume": True})
    answer: Any = await client.threads.update_state(thread, {"order": "18"}, as_node="pay")
    forked = answer["checkpoint"]["thread_id"]
    assert forked != thread
    assert (await served.gateway.orchestrator.wait(forked)).input == {"order": "18"}
    await client.threads.update_state(thread, None, as_node="pay")
    assert (await served.gateway.orchestrator.wait(thread)).status is ExecutionStatus.COMPLETED
    with pytest.raises(UnprocessableEntityError, match="cannot be changed without as_node"):
        await client.threads.update_state(thread, {"order": "18"})


async def test_it_is_ended_from_outside(client: LangGraphClient, served: Served) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={"order": "17"})
    await client.threads.update_state(thread, None, as_node="__end__")
    assert (await served.gateway.orchestrator.get(thread)).status is ExecutionStatus.CANCELLED
    assert (await client.threads.get(thread))["interrupts"] == {}


@pytest.mark.parametrize(("owner", "method"), [(Desk, "log"), (Shelf, "get"), (SqliteStore, "create")])
async def test_a_cancelled_run_cancels_the_execution(
    owner: type, method: str, client: LangGraphClient, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while it is only taken up: who cancels it hears of its end, and no execution is left that nobody drives."""
    baton = served.gateway.orchestrator
    await baton.publish(workflow("sleepy", [{"name": "sleep", "type": "delay", "config": {"seconds": 3600}}]))
    thread = (await client.threads.create())["thread_id"]
    reached, go_on = asyncio.Event(), asyncio.Event()
    original = getattr(owner, method)

    async def slowly(*given: Any, **more: Any) -> Any:
        task = asyncio.current_task()
        if owner is SqliteStore or (task is not None and task.get_name().startswith("run ")):  # not a request's
            reached.set()
            await go_on.wait()
        return await original(*given, **more)

    monkeypatch.setattr(owner, method, slowly)
    async with asyncio.timeout(60):
        run = await client.runs.create(thread, "sleepy", input={})
        await reached.wait()
        await client.runs.cancel(thread, run["run_id"])
        go_on.set()
        await client.runs.join(thread, run["run_id"])
        assert (await client.runs.get(thread, run["run_id"]))["status"] == "interrupted"
        left = await baton.store.execution(thread)
    assert (left.status if left is not None else None) == (ExecutionStatus.CANCELLED if method == "create" else None)
    assert (await client.threads.get(thread))["status"] == "idle"


@pytest.mark.parametrize("turns", [*range(0, 24, 2), 40, 80])
async def test_a_run_is_cancelled_at_whatever_moment_it_begins(served: Served, turns: int) -> None:
    baton, desk = served.gateway.orchestrator, served.gateway.desk
    await baton.publish(workflow("sleepy", [{"name": "sleep", "type": "delay", "config": {"seconds": 3600}}]))
    async with asyncio.timeout(60):
        run = await desk.put(Wanted(assistant="sleepy", by=Caller(), request={"input": {}}))
        for _ in range(turns):
            await asyncio.sleep(0)
        await desk.stop(run, "interrupt")
        assert (await desk.outcome(run)).status == "interrupted"
        await baton.store.barrier()
        started = await baton.store.execution(run.thread_id)
    assert started is None or started.status is ExecutionStatus.CANCELLED
    assert not baton.driving(run.thread_id)


async def test_only_who_may_decide_answers_through_a_run(served: Served) -> None:
    baton = served.gateway.orchestrator
    async with AsyncExitStack() as stack:

        async def client_of(role: str, tenant: str = "default") -> LangGraphClient:
            key = await make_key(baton, role, tenant=tenant)
            return await stack.enter_async_context(get_client(url=served.url, api_key=key))

        operator, viewer, editor = [await client_of(role) for role in ("operator", "viewer", "editor")]
        other = await client_of("admin", "other")
        thread = (await operator.threads.create())["thread_id"]
        await operator.runs.wait(thread, "refund", input={"order": "17"})
        assert (await baton.get(thread)).metadata["started_by"] == "operator"
        with pytest.raises(PermissionDeniedError, match="takes the right 'decide'"):
            await operator.runs.create(thread, "refund", command={"resume": True})
        assert (await viewer.threads.get(thread))["status"] == "interrupted"
        with pytest.raises(PermissionDeniedError, match="needs the right 'run'"):
            await viewer.runs.create(thread, "refund", input={})
        with pytest.raises(NotFoundError):
            await other.threads.get(thread)
        assert await other.assistants.search(graph_id="refund") == []
        left: Any = await editor.runs.wait(thread, "refund", command={"resume": True})
        assert left["steps"]["ask"]["by"] == "editor"

        key = await make_key(baton, "operator", name="ci", scopes=("read", "run"))
        starter = await stack.enter_async_context(get_client(url=served.url, api_key=key))
        [*_, first] = await starter.threads.get_history(thread)
        at = first["checkpoint"]["checkpoint_id"]
        with pytest.raises(PermissionDeniedError, match="takes the right 'redrive'"):
            await starter.runs.create(thread, "refund", input=None, checkpoint_id=at)
        again: Any = await operator.runs.wait(thread, "refund", input=None, checkpoint_id=at)
        assert [each["value"]["path"] for each in again["__interrupt__"]] == ["ask"]


async def test_a_thread_named_as_an_execution_of_another_tenant_is_another_thread(served: Served) -> None:
    baton = served.gateway.orchestrator
    await baton.start(REFUND, {"order": "17"}, execution_id="order-17")
    async with get_client(url=served.url, api_key=await make_key(baton, "admin", tenant="other")) as other:
        with pytest.raises(NotFoundError):
            await other.threads.get_state("order-17")
        assert (await other.threads.create(thread_id="order-17"))["values"] is None
        await other.runs.wait("order-17", "echo", input={"text": "a"})
        assert (await other.threads.get_state("order-17"))["values"] == {"text": "a", "said": ["echo: a"]}
    execution = await baton.get("order-17")
    assert (execution.workflow, execution.tenant) == ("refund", "default")


async def test_graphs_and_workflows_do_not_share_threads(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "echo", input={"text": "a"})
    with pytest.raises(ConflictError, match="belongs to a graph"):
        await client.runs.create(thread, "refund", input={"order": "17"})
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={"order": "17"})
    with pytest.raises(ConflictError, match="is an execution of a workflow"):
        await client.runs.create(thread, "echo", input={"text": "a"})


async def test_an_execution_is_not_deleted_as_a_thread(client: LangGraphClient, served: Served) -> None:
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "refund", input={"order": "17"})
    with pytest.raises(ConflictError, match="whose history is kept"):
        await client.threads.delete(thread)
    left: Any = await client.runs.wait(thread, "refund", command={"resume": True})
    assert left["status"] == "completed"
    await client.runs.wait(None, "refund", input={"order": "18"})
    ran = await served.gateway.orchestrator.list()
    assert [execution.status for execution in ran] == [ExecutionStatus.WAITING, ExecutionStatus.COMPLETED]
    await served.gateway.orchestrator.decide(ran[0].id, "ask", "approve")
    assert (await served.gateway.orchestrator.wait(ran[0].id)).status is ExecutionStatus.COMPLETED
