"""Runs and threads of graphs that are not served now: a start in the wrong folder loses nothing, and nothing hangs."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import NotFoundError
from langgraph_sdk.schema import Run

from tests.support.gateway.serving import GRAPHS, serving


async def until_begun(client: LangGraphClient, run: Run) -> None:
    async with asyncio.timeout(60):
        while (await client.runs.get(run["thread_id"], run["run_id"]))["status"] == "pending":
            await asyncio.sleep(0.01)


def all_due(database: Path) -> None:
    """While nobody serves: the time of all that was to begin later has come."""
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE thread_runs SET due_at = created_at")


async def test_a_run_waits_for_its_graph_and_can_be_cut_off_without_it(tmp_path: Path) -> None:
    database = tmp_path / "baton.db"
    async with serving(database, config=GRAPHS) as before, get_client(url=before.url, api_key=None) as client:
        wanted = {"input": {"text": "a"}, "after_seconds": 3600}
        cut, kept = [
            (await client.runs.create((await client.threads.create())["thread_id"], "echo", **wanted)) for _ in range(2)
        ]
    all_due(database)
    async with serving(database) as without, get_client(url=without.url, api_key=None) as client:
        # It is tried, and put off, as often as it takes; whoever cuts it off is not put off.
        await client.runs.cancel(cut["thread_id"], cut["run_id"], wait=True)
        assert (await client.runs.get(cut["thread_id"], cut["run_id"]))["status"] == "interrupted"
        assert (await client.threads.get(cut["thread_id"]))["status"] == "idle"
        await client.threads.delete(cut["thread_id"])
        await until_begun(client, kept)
        thread = (await client.threads.create())["thread_id"]
        with pytest.raises(NotFoundError, match="No graph and no workflow 'echo' is served"):
            await client.runs.create(thread, kept["assistant_id"], input={"text": "b"})
    async with serving(database, config=GRAPHS) as again, get_client(url=again.url, api_key=None) as client:
        left = await client.runs.join(kept["thread_id"], kept["run_id"])
        assert left == {"text": "a", "said": ["echo: a"]}


async def test_a_run_that_has_begun_without_its_graph_can_be_cut_off(tmp_path: Path) -> None:
    database = tmp_path / "baton.db"
    async with serving(database, config=GRAPHS) as before, get_client(url=before.url, api_key=None) as client:
        thread = (await client.threads.create())["thread_id"]
        run = await client.runs.create(thread, "echo", input={"text": "a"}, after_seconds=3600)
    all_due(database)
    async with serving(database) as without, get_client(url=without.url, api_key=None) as client:
        await until_begun(client, run)
        async with asyncio.timeout(60):
            await client.runs.cancel(thread, run["run_id"], wait=True)
        assert (await client.runs.get(thread, run["run_id"]))["status"] == "interrupted"
        await client.threads.delete(thread)


async def test_the_state_of_a_thread_is_what_its_last_run_left_while_its_graph_is_not_served(tmp_path: Path) -> None:
    database = tmp_path / "baton.db"
    async with serving(database, config=GRAPHS) as before, get_client(url=before.url, api_key=None) as client:
        thread = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread, "ask", input={"text": "a"})
        asked = (await client.threads.get_state(thread))["interrupts"]
    async with serving(database) as without, get_client(url=without.url, api_key=None) as client:
        state = await client.threads.get_state(thread)
        assert (state["values"], state["interrupts"]) == ({"text": "a", "said": []}, asked)
        with pytest.raises(NotFoundError, match="No graph and no workflow 'ask' is served"):
            await client.threads.update_state(thread, {"text": "b"})
