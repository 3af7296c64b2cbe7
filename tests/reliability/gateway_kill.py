"""`python -m tests.reliability.gateway_kill --runs 50 --kills 5 --seed 1`: `baton serve` killed with runs under way.

A third of the runs are a graph that keeps a ledger, a third a workflow that does, a third a model that talks. Each is
followed by a client that comes back with Last-Event-ID whenever its stream breaks. What must hold is in `judge`.
"""

import argparse
import asyncio
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson

from tests.support.gateway.definitions import workflow
from tests.support.gateway.process import process
from tests.support.listening import free_port

NODES = ("one", "two", "three")
RESUMED_WITHIN = 5.0
"""Seconds after the gateway serves again, until every run that was under way goes on."""

_SECONDS = 0.5
"""That each node takes."""

_PATIENCE = 150
_FLEETING = ("messages",)
_TEXT = "some words that are said one after the other, as models do"
_FIRST = f"You said {_TEXT}."
_SECOND = f"You said {_FIRST}."
SAYINGS = {_FIRST, _SECOND, f"You said {_SECOND}."}
"""What the three models say, each of what the one before it said."""

_KINDS = ("counting", "counted", "talking")


def counted() -> str:
    """A workflow of three steps, each of which keeps the ledger."""
    steps = [
        {
            "name": name,
            "type": "function",
            "depends_on": list(NODES[:index][-1:]),
            "config": {
                "function": "count",
                "args": {"file": "{{ input.file }}", "name": name, "seconds": "{{ input.seconds }}"},
            },
        }
        for index, name in enumerate(NODES)
    ]
    return workflow("counted", *steps)


@dataclass
class Followed:
    """A run, its ledger, and everything a client heard of it: id, event, data, when."""

    kind: str
    file: Path
    thread: str = ""
    run: str = ""
    heard: list[tuple[int, str, Any, float]] = field(default_factory=list)
    committed: dict[str, int] = field(default_factory=dict)
    """Nodes whose results were kept when the gateway was killed, and how often each had begun by then."""

    @property
    def path(self) -> str:
        return f"/threads/{self.thread}/runs/{self.run}"

    @property
    def begun(self) -> Counter[str]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return Counter(line for line in lines)

    async def start(self, client: httpx.AsyncClient, seconds: float) -> None:
        """Ask for the run."""
        self.thread = (await client.post("/threads", json={})).json()["thread_id"]
        talks = self.kind == "talking"
        said = {"messages": [{"role": "user", "content": _TEXT}]}
        body = {
            "assistant_id": self.kind,
            "input": said if talks else {"file": str(self.file), "seconds": seconds},
            "stream_mode": ["updates", "messages-tuple"] if talks else ["updates", "values"],
            "stream_resumable": True,
        }
        answer = await client.post(f"/threads/{self.thread}/runs", json=body)
        self.run = answer.raise_for_status().json()["run_id"]

    async def follow(self, client: httpx.AsyncClient) -> None:
        """Hear everything, whatever happens to the gateway, until the run has ended."""
        while True:
            try:
                await self._listen(client)
                if (await client.get(self.path)).json()["status"] not in ("pending", "running"):
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.02)

    async def _listen(self, client: httpx.AsyncClient) -> None:
        last = str(self.heard[-1][0]) if self.heard else "-1"
        event, data = "", b""
        async with client.stream("GET", f"{self.path}/stream", headers={"Last-Event-ID": last}) as answer:
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    data = value.encode()
                elif name == "id":
                    self.heard.append((int(value), event, orjson.loads(data), time.monotonic()))

    def resumed(self) -> float | None:
        """When it was heard of again after the newest kill; None when it had ended before."""
        again = [at for _, event, data, at in self.heard if event == "metadata" and data["attempt"] > 1]
        return again[-1] if again else None


@dataclass
class Summary:
    """What was found."""

    runs: int = 0
    kills: int = 0
    resumed: list[float] = field(default_factory=list)
    committed: int = 0
    events: int = 0

    def __str__(self) -> str:
        slowest = f"{max(self.resumed):.2f} s" if self.resumed else "never needed"
        return (
            f"{self.runs} runs, {self.kills} kills, {len(self.resumed)} runs taken up again, the last after {slowest}; "
            f"{self.committed} results were kept at a kill and none was made twice; {self.events} events, none lost"
        )


async def kill(folder: Path, runs: int, kills: int, seed: int) -> Summary:
    """Kill a gateway with so many runs under way, again and again, until all have ended.

    Raises:
        AssertionError: what was lost or done twice.
    """
    chance, summary = random.Random(seed), Summary(runs=runs)
    database, port = folder / "baton.db", free_port()
    followed = [Followed(_KINDS[number % 3], folder / f"ledger-{number}") for number in range(runs)]
    limits, killed = httpx.Limits(max_connections=None), 0.0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60) as client:
        following: list[asyncio.Task[None]] = []
        for life in range(kills + 1):
            async with process(database, port) as gateway:
                served = time.monotonic()
                if not life:
                    await _begin(client, followed)
                    following = [asyncio.create_task(each.follow(client)) for each in followed]
                if life == kills:
                    await asyncio.wait_for(asyncio.gather(*following), _PATIENCE)
                    summary.resumed += _delays(followed, killed, served)
                    await judge(client, followed, summary)
                    assert await gateway.stop() == 0
                    break
                under_way = await _until_under_way(client, followed, life + 1)
                await asyncio.sleep(chance.uniform(0.5 * _SECONDS, 2 * _SECONDS))
                killed_before, killed = killed, time.monotonic()
                await gateway.kill()
                summary.kills += bool(under_way)
                summary.resumed += _delays(followed, killed_before, served)
            _note_committed(database, followed)
    summary.committed = sum(len(each.committed) for each in followed)
    return summary


def _delays(followed: list[Followed], killed: float, served: float) -> list[float]:
    """How long after the gateway served again each run was heard of that had been cut. Clients may notice first."""
    return [max(0.0, at - served) for each in followed if killed and (at := each.resumed()) and at > killed]


async def _begin(client: httpx.AsyncClient, followed: list[Followed]) -> None:
    published = await client.post("/v1/workflows", content=counted(), headers={"content-type": "application/yaml"})
    assert published.status_code == 201, published.text
    for each in followed:
        await each.start(client, _SECONDS)


async def _until_under_way(client: httpx.AsyncClient, followed: list[Followed], attempt: int) -> int:
    """Wait until every run that has not ended has been taken up; how many those are."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            runs = [(await client.get(each.path)).json() for each in followed]
            open_runs = [run for run in runs if run["status"] in ("pending", "running")]
            heard = [each for each, run in zip(followed, runs, strict=True) if run in open_runs]
            if all(any(e == "metadata" and d["attempt"] >= attempt for _, e, d, _ in each.heard) for each in heard):
                return len(open_runs)
            await asyncio.sleep(0.02)


def _note_committed(database: Path, followed: list[Followed]) -> None:
    """What the file holds right after the kill."""
    with closing(sqlite3.connect(database)) as db:
        rows = db.execute("SELECT run_id, data FROM run_events WHERE event = 'updates'").fetchall()
    by_run = {each.run: each for each in followed}
    for run, data in rows:
        for node in set(orjson.loads(data)) & set(NODES):
            by_run[run].committed.setdefault(node, by_run[run].begun[f"begin {node}"])


async def judge(client: httpx.AsyncClient, followed: list[Followed], summary: Summary) -> None:
    """What must hold of every run once it has ended."""
    wrong: list[str] = []
    for each in followed:
        name = f"{each.kind} {each.run}"
        status = (await client.get(each.path)).json()["status"]
        if status != "success":
            wrong.append(f"{name} ended as {status}")
        updates = [node for _, event, data, _ in each.heard if event == "updates" for node in data]
        if set(updates) != set(NODES) or sorted(updates, key=NODES.index) != updates:
            wrong.append(f"{name} told of its results as {updates}")
        begun = each.begun
        if twice := [node for node, times in each.committed.items() if begun[f"begin {node}"] > times]:
            wrong.append(f"{name} made {twice} again though they were kept")
        numbers = [number for number, *_ in each.heard]
        if numbers != sorted(set(numbers)):
            wrong.append(f"{name} counted its events {numbers}")
        later = Followed(each.kind, each.file, each.thread, each.run)
        await later._listen(client)
        durable = {number for number, event, *_ in later.heard if not event.startswith(_FLEETING)}
        if missed := durable - set(numbers):
            wrong.append(f"{name}: the client that came back never heard {sorted(missed)}")
        if halves := _spoken(each) - SAYINGS:
            wrong.append(f"{name}: after the last reset, the model is heard to say {halves}")
        summary.events += len(each.heard)
    assert not wrong, "\n".join(wrong)
    assert max(summary.resumed, default=0.0) <= RESUMED_WITHIN, f"taken up again only after {max(summary.resumed)} s"


def _spoken(each: Followed) -> set[str]:
    """What a client shows that forgets the tokens it has at each new attempt."""
    pieces: dict[str, str] = {}
    for _, event, data, _ in each.heard:
        if event == "metadata":
            pieces.clear()
        elif event == "messages":
            chunk, _ = data
            pieces[chunk["id"]] = pieces.get(chunk["id"], "") + chunk["content"]
    return set(pieces.values())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.gateway_kill", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--kills", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="baton-gateway-") as folder:
        try:
            print(f"seed {given.seed}: {asyncio.run(kill(Path(folder), given.runs, given.kills, given.seed))}")
        except AssertionError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
