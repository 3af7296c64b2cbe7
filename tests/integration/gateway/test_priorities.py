"""Where there is not room for all, the urgent begin first: runs of threads, and executions."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from agents import Functions
from graphs.loader import load_workflow
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.support.gateway.definitions import workflow
from tests.support.gateway.people import caller
from tests.support.gateway.serving import GRAPHS, serving


async def test_runs_begin_by_their_priority_given_in_the_header_or_the_body(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "baton.db", config=GRAPHS, max_runs=1) as served,
        get_client(url=served.url, api_key=None) as client,
        caller(served.url) as http,
    ):
        first = await client.runs.create(None, "slow", input={"text": "60"}, on_completion="keep")
        said: dict[str, Any] = {"input": {"text": "a"}, "on_completion": "keep"}
        plain = await client.runs.create(None, "echo", **said)
        low = await client.runs.create(None, "echo", **said, headers={"Baton-Priority": "-5"})
        high = await client.runs.create(None, "echo", **said, headers={"Baton-Priority": "5"})
        body = {"assistant_id": "echo", **said, "priority": 9}
        highest = (await http.post("/runs", json=body, headers={"Baton-Priority": "-9"})).json()
        by_protocol = {"assistant_id": "echo", "input": {"text": "a"}, "priority": 7}
        command = {"id": 1, "method": "run.start", "params": by_protocol}
        thread = str(uuid.uuid4())
        started = (await http.post(f"/threads/{thread}/commands", json=command)).json()["result"]
        await client.runs.cancel(first["thread_id"], first["run_id"])
        runs = (plain, low, high, highest, {**started, "thread_id": thread})
        await asyncio.gather(*(client.runs.join(run["thread_id"], run["run_id"]) for run in runs))
        ended = [served.gateway.desk.get(run["run_id"], None, "default") for run in runs]
        in_order = [run.priority for run in sorted(ended, key=lambda run: run.ended_at or run.created_at)]
        assert in_order == [9, 7, 5, 0, -5]


@pytest.mark.parametrize("wrong", [1001, -1001, "high", 1.5, True])
async def test_what_is_no_priority_is_refused(tmp_path: Path, wrong: Any) -> None:
    async with serving(tmp_path / "b.db", config=GRAPHS) as served, caller(served.url) as http:
        body = {"assistant_id": "echo", "input": {"text": "a"}, "priority": wrong}
        assert (await http.post("/runs", json=body)).status_code == 422
        del body["priority"]
        command = {"id": 1, "method": "run.start", "params": {**body, "priority": wrong}}
        answer = (await http.post("/threads/t/commands", json=command)).json()
        assert (answer["type"], answer["error"]) == ("error", "input_invalid")
        headers = {"Baton-Priority": "high" if wrong is True else str(wrong)}
        assert (await http.post("/runs", json=body, headers=headers)).status_code == 422


async def test_executions_wait_for_their_turn_by_their_priority(tmp_path: Path) -> None:
    begun, gate = list[str](), asyncio.Event()

    async def hold(name: str) -> None:
        begun.append(name)
        await gate.wait()

    step = {"name": "hold", "type": "function", "config": {"function": "hold", "args": {"name": "{{ input.name }}"}}}
    settings = Settings(database=tmp_path / "b.db", max_executions=1)
    async with Orchestrator.open(settings, resources=[Functions([hold])]) as baton:
        held = load_workflow(workflow("held", step), step_types=baton.catalogue.library.step_types).workflow
        started = []
        for name, priority in (("first", 0), ("plain", 0), ("low", -5), ("high", 5), ("later", 0)):
            started.append(await baton.start(held, {"name": name}, priority=priority))
        gate.set()
        for execution in started:
            await baton.wait(execution.id)
    assert begun == ["first", "high", "plain", "later", "low"]
