"""Several runs on one thread: they never overlap, whatever is asked for."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError

from tests.reliability.one_thread import STRATEGIES, compare
from tests.support.gateway.serving import GRAPHS, Served, serving


async def begun(client: LangGraphClient, thread: str, run: Any) -> None:
    """Wait until a run has done something."""
    async for part in client.runs.join_stream(thread, run["run_id"], last_event_id="-1"):
        if part.event != "metadata":
            return


async def slow_run(client: LangGraphClient, thread: str, **more: Any) -> Any:
    """A run that is under way."""
    run = await client.runs.create(thread, "slow", input={"text": "60"}, stream_mode="updates", **more)
    await begun(client, thread, run)
    return run


async def status(client: LangGraphClient, run: Any) -> str:
    """How a run stands."""
    return str((await client.runs.get(run["thread_id"], run["run_id"]))["status"])


async def test_a_thread_is_of_the_graph_at_work_until_the_next_one_begins(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    first = await slow_run(client, thread)
    second = await client.runs.create(thread, "echo", input={"text": "b"})
    assert (await client.threads.get(thread))["metadata"]["graph_id"] == "slow"
    assert (await client.threads.get_state(thread))["next"] == ["wait"]
    await client.runs.cancel(thread, first["run_id"])
    await client.runs.join(thread, second["run_id"])
    named = (await client.threads.get(thread))["metadata"]
    assert named == {"graph_id": "echo", "assistant_id": second["assistant_id"]}


async def test_enqueued_runs_wait_for_their_turn(client: LangGraphClient, tmp_path: Path) -> None:
    thread = (await client.threads.create())["thread_id"]
    given = {"file": str(tmp_path / "file"), "seconds": 0.01}
    runs = [await client.runs.create(thread, "counting", input=given) for _ in range(5)]
    for run in runs:
        await client.runs.join(thread, run["run_id"])
    assert (tmp_path / "file").read_text().split("\n")[:-1] == [
        f"{word} {node}" for _ in runs for node in ("one", "two", "three") for word in ("begin", "end")
    ]


async def test_a_second_run_is_rejected(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    first = await slow_run(client, thread)
    with pytest.raises(ConflictError, match="is busy with run"):
        await client.runs.create(thread, "echo", input={"text": "a"}, multitask_strategy="reject")
    assert [run["run_id"] for run in await client.runs.list(thread)] == [first["run_id"]]
    await client.runs.cancel(thread, first["run_id"], wait=True)
    await client.runs.wait(thread, "echo", input={"text": "a"}, multitask_strategy="reject")


async def test_a_second_run_interrupts_the_first_and_those_that_wait(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    first = await slow_run(client, thread)
    waiting = await client.runs.create(thread, "echo", input={"text": "never"})
    left = await client.runs.wait(thread, "slow", input={"text": "0"}, multitask_strategy="interrupt")
    assert left["said"] == ["after", "after", "waited"]
    assert [await status(client, run) for run in (first, waiting)] == ["interrupted", "interrupted"]


async def test_a_second_run_takes_back_what_the_first_did(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    first = await slow_run(client, thread)
    waiting = await client.runs.create(thread, "echo", input={"text": "never"})
    left = await client.runs.wait(thread, "slow", input={"text": "0"}, multitask_strategy="rollback")
    assert left["said"] == ["after", "waited"]
    for run in (first, waiting):
        with pytest.raises(NotFoundError):
            await status(client, run)


async def test_a_run_that_waits_is_cancelled_before_it_begins(client: LangGraphClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    first = await slow_run(client, thread)
    waiting = await client.runs.create(thread, "echo", input={"text": "never"})
    assert (await client.threads.get(thread))["status"] == "busy"
    await client.runs.cancel(thread, waiting["run_id"], wait=True)
    assert await status(client, waiting) == "interrupted"
    assert await status(client, first) == "running"
    await client.runs.cancel_many(thread_id=thread, status="all")
    await client.runs.join(thread, first["run_id"])
    assert await status(client, first) == "interrupted"
    await client.runs.delete(thread, first["run_id"])
    with pytest.raises(NotFoundError):
        await status(client, first)


async def test_a_run_begins_later(client: LangGraphClient) -> None:
    """Others do not wait for it; and not before its time."""
    thread = (await client.threads.create())["thread_id"]
    later = await client.runs.create(thread, "echo", input={"text": "later"}, after_seconds=3600)
    now = await client.runs.wait(thread, "echo", input={"text": "now"})
    assert now["said"] == ["echo: now"]
    asked = time.monotonic()
    soon = await client.runs.create(thread, "echo", input={"text": "soon"}, after_seconds=1)
    left = await client.runs.join(thread, soon["run_id"])
    assert left["said"] == ["echo: now", "echo: soon"]
    assert time.monotonic() - asked >= 1
    assert await status(client, later) == "pending"


async def test_several_runs_are_started_at_once(client: LangGraphClient) -> None:
    wanted = [{"assistant_id": "echo", "input": {"text": text}, "on_completion": "keep"} for text in "abc"]
    runs: Any = await client.runs.create_batch(wanted)
    left = [await client.runs.join(run["thread_id"], run["run_id"]) for run in runs]
    assert [each["said"] for each in left] == [["echo: a"], ["echo: b"], ["echo: c"]]


async def test_two_runs_sent_to_one_thread_are_never_at_work_at_once(served: Served, tmp_path: Path) -> None:
    """The short form of `python -m tests.reliability.one_thread`."""
    found = await compare(served.url, tmp_path, tries=24)
    assert found.total() == 24
    assert {ends.partition(":")[0] for ends in found} == set(STRATEGIES)


async def test_runs_of_one_thread_never_overlap_whatever_the_strategy(client: LangGraphClient, tmp_path: Path) -> None:
    """Forty clients at once, every strategy among them: nodes of two runs are never at work together."""
    thread = (await client.threads.create())["thread_id"]
    file = tmp_path / "file"

    async def one(number: int) -> str:
        try:
            run = await client.runs.create(
                thread,
                "counting",
                input={"file": str(file), "seconds": 0.005},
                multitask_strategy=STRATEGIES[number % 4],  # type: ignore[arg-type]
            )
        except ConflictError:
            return "rejected"
        try:
            await client.runs.join(thread, run["run_id"])
            return await status(client, run)
        except (NotFoundError, httpx.HTTPStatusError):
            return "rolled back"

    ends = Counter(await asyncio.gather(*(one(number) for number in range(40))))
    assert sum(ends.values()) == 40
    assert set(ends) <= {"success", "interrupted", "rejected", "rolled back"}
    at_work: str | None = None
    for line in file.read_text().split("\n")[:-1]:
        word, node = line.split()
        if word == "begin":
            # A node that was cut off says no end; the next run then begins at its first node.
            assert at_work is None or node == "one"
            at_work = node
        else:
            assert node == at_work
            at_work = None
    assert at_work is None
    assert (await client.threads.get(thread))["status"] == "idle"


async def test_of_a_batch_all_runs_are_kept_or_none_and_all_that_is_wrong_is_said(
    client: LangGraphClient, http: httpx.AsyncClient
) -> None:
    good = {"assistant_id": "echo", "input": {"text": "x"}}
    wanted = [good, {**good, "assistant_id": "nobody"}, good, {**good, "command": {"goto": 7}}]
    refused = await http.post("/runs/batch", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (422, "graph_unknown")
    assert [(one["index"], one["code"]) for one in refused.json()["problems"]] == [
        (1, "graph_unknown"),
        (3, "input_invalid"),
    ]
    assert await client.threads.count() == 0
    assert len((await http.post("/runs/batch", json=[good, good])).json()) == 2


async def test_a_batch_for_which_there_is_no_room_leaves_nothing(tmp_path: Path) -> None:
    at = serving(tmp_path / "baton.db", config=GRAPHS, max_tenant_runs=2)
    async with at as served, httpx.AsyncClient(base_url=served.url, timeout=60) as http:
        later = {"assistant_id": "echo", "input": {"text": "x"}, "after_seconds": 3600}
        refused = await http.post("/runs/batch", json=[later] * 3)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_runs")
        assert [one["index"] for one in refused.json()["problems"]] == [2]
        assert (await http.post("/threads/count", json={})).json() == 0
        assert len((await http.post("/runs/batch", json=[later] * 2)).json()) == 2
