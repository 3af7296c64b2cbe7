"""The gateway killed with runs under way, and started again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

from tests.reliability.gateway_kill import kill
from tests.support.gateway.process import process
from tests.support.listening import free_port

pytestmark = pytest.mark.chaos
_NODES = ["one", "two", "three"]


async def until_begun(files: list[Path], node: str) -> None:
    """Wait until every file says that the node has begun."""
    async with asyncio.timeout(60):
        while not all(file.exists() and f"begin {node}" in file.read_text() for file in files):
            await asyncio.sleep(0.02)


async def test_every_run_goes_on_by_itself_after_kill_9(tmp_path: Path) -> None:
    port, database = free_port(), tmp_path / "baton.db"
    files = [tmp_path / f"file{number}" for number in range(10)]
    runs: list[Any] = []
    async with process(database, port) as first, get_client(url=first.url, api_key=None) as client:
        for file in files:
            thread = (await client.threads.create())["thread_id"]
            given = {"file": str(file), "seconds": 0.6}
            runs.append(await client.runs.create(thread, "counting", input=given))
            runs.append(await client.runs.create(thread, "echo", input={"text": file.name}))
        await until_begun(files, "two")
        await first.kill()
    async with process(database, port) as second, get_client(url=second.url, api_key=None) as client:
        for run in runs:
            await client.runs.join(run["thread_id"], run["run_id"])
            assert (await client.runs.get(run["thread_id"], run["run_id"]))["status"] == "success"
        for file in files:
            lines = file.read_text().split("\n")
            # What was committed is not done again; what was cut off is.
            assert lines.count("end one") == 1
            assert lines.count("begin one") == 1
            assert (lines.count("end two"), lines.count("end three")) == (1, 1)
        [*_, newest] = [await client.threads.get_state(run["thread_id"]) for run in runs]
        assert newest["next"] == []
        assert await second.stop() == 0


@pytest.mark.capability("D01")
async def test_streams_go_on_after_kill_9_and_nothing_that_was_kept_is_lost_or_made_twice(tmp_path: Path) -> None:
    """The short form of `python -m tests.reliability.gateway_kill`."""
    summary = await kill(tmp_path, runs=9, kills=1, seed=1)
    assert summary.kills == 1
    assert summary.resumed, "the kill cut no run; how many it cuts is a matter of how fast the machine is"


async def stream(client: LangGraphClient, thread: str, file: Path, said: list[Any]) -> None:
    """Follow a run with the client people have, through whatever happens to the gateway."""
    async for part in client.runs.stream(
        thread,
        "counting",
        input={"file": str(file), "seconds": 0.6},
        stream_mode=["updates", "values"],
        stream_resumable=True,
        on_disconnect="continue",
    ):
        said.append(part)


async def test_a_stream_goes_on_after_kill_9_and_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    port, database, file = free_port(), tmp_path / "baton.db", tmp_path / "file"
    said: list[Any] = []
    async with process(database, port) as first:
        client = get_client(url=first.url, api_key=None)
        thread = (await client.threads.create())["thread_id"]
        following = asyncio.create_task(stream(client, thread, file, said))
        await until_begun([file], "two")
        await first.kill()
    async with process(database, port):
        await asyncio.wait_for(following, 40)
        await client.aclose()
    updates = [part.data for part in said if part.event == "updates"]
    assert [next(iter(update)) for update in updates] == _NODES
    assert [part.data["attempt"] for part in said if part.event == "metadata"] == [1, 2]
    assert said[-1].data["done"] == _NODES


async def test_a_stop_lets_runs_finish_and_tells_who_waits(tmp_path: Path) -> None:
    port, database, file = free_port(), tmp_path / "baton.db", tmp_path / "file"
    async with process(database, port) as first, get_client(url=first.url, api_key=None) as client:
        waiting = asyncio.create_task(client.runs.wait(None, "counting", input={"file": str(file), "seconds": 0.2}))
        await until_begun([file], "one")
        assert await first.stop() == 0
        left: Any = await waiting
    assert left["done"] == _NODES


async def test_what_does_not_finish_in_time_goes_on_at_the_next_start(tmp_path: Path) -> None:
    port, database, file = free_port(), tmp_path / "baton.db", tmp_path / "file"
    async with (
        process(database, port, BATON_DRAIN="0.1") as first,
        get_client(url=first.url, api_key=None) as client,
    ):
        thread = (await client.threads.create())["thread_id"]
        run = await client.runs.create(thread, "counting", input={"file": str(file), "seconds": 0.7})
        await until_begun([file], "two")
        assert await first.stop() == 0
    async with process(database, port) as second, get_client(url=second.url, api_key=None) as client:
        left: Any = await client.runs.join(thread, run["run_id"])
    assert left["done"] == _NODES
    assert file.read_text().split("\n").count("end one") == 1
