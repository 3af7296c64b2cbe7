"""`baton demo`: it gets through with an engine killed in the middle, and leaves nothing behind, whatever happens."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from api.demo.players.show import PIECES
from tests.support.waiting import until

MOST_SECONDS = 280.0


@asynccontextmanager
async def demo(tmp_path: Path, *options: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The demo as a process, its temporary folders in ours."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "orchestrator.cli", "demo", *options),
        cwd=tmp_path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONIOENCODING": "utf-8", **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        # What it started may have outlived it, with its pipes in hand.
        with suppress(TimeoutError):
            await asyncio.wait_for(process.communicate(), 60)


async def said(process: asyncio.subprocess.Process) -> tuple[str, str]:
    async with asyncio.timeout(MOST_SECONDS):
        out, err = await process.communicate()
    return out.decode(), err.decode()


def children(pid: int) -> set[int]:
    """Processes a process has started, directly or not."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | children(child)
    return found


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


@pytest.mark.capability("D01", "D02", "D22", "X-1", "X-14", "X-20", "X-22", "R06", "F22", "R12")
async def test_the_demo_kills_an_engine_and_nothing_is_done_twice(tmp_path: Path) -> None:
    async with demo(tmp_path, "--json", "--keep") as process:
        out, shown = await said(process)
    assert process.returncode == 0, shown
    summary = json.loads(out)
    assert summary["ok"]
    assert summary["engines_killed"] == 3
    assert summary["executions"] == {
        "user-registration-workflow": "completed",
        "ecommerce_order_processing": "completed",
        "report_generation": "completed",
        "orchestrated_agent_task": "completed",
        "baton": "completed",
    }
    asked = {row["step"]: row for row in summary["order"]}
    payment = asked.pop("payment_processing.process_payment")
    assert (payment["requests"], payment["replayed"], payment["effects"]) == (2, 1, 1)
    assert {row["requests"] for row in asked.values()} == {1}
    _is_readable_without_colour(shown)
    _agents_are_shown_twice(summary)
    (folder,) = tmp_path.iterdir()
    assert summary["folder"] == str(folder)
    assert (folder / "baton.db").exists()


def _is_readable_without_colour(shown: str) -> None:
    assert "\x1b" not in shown
    assert "wait_for_verification  waiting  user.email_verified" in shown
    assert "process_payment  running" in shown
    assert "in the middle of process_payment" in shown
    assert "2 of 5 requests failed, and were made again" in shown, "through langchain-openai, over HTTP"
    assert "before: 3 calls of scripted:dispatch, " in shown and "now: 5 calls of openai:dispatch, " in shown
    assert "ORD-12345 comes to 109.97; everything is in stock, and it is on its way with " in shown
    assert "Nobody sits at a terminal here, so the demo decides by itself" in shown
    assert "What to try next:" in shown


def _agents_are_shown_twice(summary: dict[str, Any]) -> None:
    """With scripts and over HTTP, and the same comes of both."""
    scripted, over_http = summary["agents"]["scripted"], summary["agents"]["HTTP"]
    assert summary["model"] is None and summary["not_so"] == []
    assert set(scripted) == set(over_http) == {piece.title for piece in PIECES}
    assert all(one["shown"] for one in (*scripted.values(), *over_http.values()))
    assert {title: one["calls"] for title, one in scripted.items()} == {
        title: one["calls"] for title, one in over_http.items()
    }


@pytest.mark.capability("I05", "I27", "F22")
async def test_the_same_demo_runs_with_a_real_model_and_says_which(tmp_path: Path) -> None:
    """A server of OpenAI's format that somebody has started, and whose one model plays every part."""
    provider = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.demo.provider", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert provider.stdout is not None
        told = (await asyncio.wait_for(provider.stdout.readline(), MOST_SECONDS)).decode().split()
        environment = dict(pair.split("=") for pair in told if "=" in pair)
        assert environment["OPENAI_MODEL"] == "everyone"
        async with demo(tmp_path, "--json", "--no-kill", **environment) as process:
            out, shown = await said(process)
    finally:
        provider.kill()
        await provider.communicate()
    assert process.returncode == 0, shown
    summary = json.loads(out)
    assert (summary["model"], list(summary["agents"])) == ("openai:everyone", ["openai:everyone"])
    assert f"Models: openai:everyone, at {environment['OPENAI_BASE_URL']}." in shown
    pieces = summary["agents"]["openai:everyone"]
    assert [title for title, one in pieces.items() if not one["shown"]] == ["kill -9 in the middle"]
    assert sum(one["calls"] for one in pieces.values()) > 80
    assert "before: 3 calls of openai:everyone, " in shown and "now: 3 calls of openai:everyone, " in shown


async def test_ctrl_c_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    async with demo(tmp_path, "--fast") as process:
        assert process.stdout is not None

        async def all_are_up() -> bool:
            assert process.returncode is None, await said(process)
            return len(children(process.pid)) == 2

        await until(all_are_up, "services and engine run")
        started = children(process.pid)
        process.send_signal(signal.SIGINT)
        _, err = await said(process)
    assert process.returncode == 130
    assert "Every process the demo started is gone" in err
    assert alive(started) == set()
    assert list(tmp_path.iterdir()) == []


async def test_the_services_alone_say_how_to_reach_them(tmp_path: Path) -> None:
    async with demo(tmp_path, "--services", "--port", "0") as process:
        assert process.stdout is not None
        lines = []
        async with asyncio.timeout(MOST_SECONDS):
            while not lines or "requests?service" not in lines[-1]:
                lines.append((await process.stdout.readline()).decode())
        text = "".join(lines)
        services = json.loads(text.partition("BATON_SERVICES='")[2].partition("'")[0])
        assert services["user-service"].endswith("/user-service")
        assert "export BATON_MODULES=api.demo.catalogue" in text
        process.send_signal(signal.SIGINT)
        await said(process)
    assert process.returncode == 130
