"""`python -m tests.reliability.one_thread --tries 1000`: two runs sent to one thread at once, with every strategy.

The graph itself counts how many runs of its thread are at work, and keeps a ledger of when each began and ended.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.gateway.process import process
from tests.support.listening import free_port

STRATEGIES: Final = ("enqueue", "reject", "interrupt", "rollback")
_AT_ONCE = 16
_OPEN = ("pending", "running")
_ENDS: Final[dict[str, set[tuple[str, str]]]] = {
    "enqueue": {("success", "success")},
    "reject": {("success", "rejected"), ("rejected", "success")},
    "interrupt": {("interrupted", "success"), ("success", "interrupted")},
    "rollback": {("gone", "success"), ("success", "gone")},
}
"""How two runs may end, whichever came first. Both succeed where one was over before the other came."""


async def compare(url: str, folder: Path, tries: int, seed: int = 1) -> Counter[str]:
    """Send two runs to a thread at once, so many times; how they ended, by strategy.

    Raises:
        AssertionError: two were at work at once, or ended as no strategy has it.
    """
    places, chance, found = asyncio.Semaphore(_AT_ONCE), random.Random(seed), Counter[str]()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:

        async def one(number: int) -> None:
            async with places:
                strategy = STRATEGIES[number % 4]
                ends = await _try(client, folder / f"ledger-{number}", strategy, chance.uniform(0.0, 0.03))
                found[f"{strategy}: {' and '.join(ends)}"] += 1

        await asyncio.gather(*(one(number) for number in range(tries)))
    return found


async def _try(client: httpx.AsyncClient, file: Path, strategy: str, apart: float) -> tuple[str, str]:
    thread = (await client.post("/threads", json={})).json()["thread_id"]
    body = {
        "assistant_id": "alone",
        "input": {"file": str(file), "seconds": 0.02},
        "multitask_strategy": strategy,
    }

    async def send(after: float) -> httpx.Response:
        await asyncio.sleep(after)
        return await client.post(f"/threads/{thread}/runs", json=body)

    first, second = [await _end(client, sent) for sent in await asyncio.gather(send(0.0), send(apart))]
    state = (await client.get(f"/threads/{thread}")).json()
    assert state["status"] == "idle", (strategy, state)
    assert set((state["values"] or {}).get("at_once", ())) == {1}, (strategy, state)
    _check_ledger(file)
    assert (first, second) in _ENDS[strategy] | {("success", "success")}, (strategy, first, second)
    return first, second


async def _end(client: httpx.AsyncClient, sent: httpx.Response) -> str:
    if sent.status_code == 409:
        return "rejected"
    run = sent.raise_for_status().json()
    where = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
    joined = await client.get(f"{where}/join")
    if joined.status_code == 404:
        return "gone"
    found = await client.get(where)
    assert found.status_code == 404 or found.json()["status"] not in _OPEN
    return "gone" if found.status_code == 404 else str(found.json()["status"])


def _check_ledger(file: Path) -> None:
    at_work: str | None = None
    lines: list[Any] = [line.split() for line in file.read_text().splitlines()]
    for word, run, at_once in lines:
        assert at_once == "1", f"{at_once} runs at once: {lines}"
        assert at_work == (None if word == "begin" else run), f"they overlap: {lines}"
        at_work = run if word == "begin" else None
    assert at_work is None, f"one never ended: {lines}"


async def _main(tries: int, seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="baton-thread-") as name:
        folder = Path(name)
        async with process(folder / "baton.db", free_port()) as gateway:
            try:
                found = await compare(gateway.url, folder, tries, seed)
            except AssertionError as error:
                sys.stderr.write(f"{error}\n")
                return 1
    for ends, count in sorted(found.items()):
        print(f"{count:5} {ends}")
    print(f"{found.total()} tries with two runs each on one thread, never two at work at once")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.one_thread", description=__doc__)
    parser.add_argument("--tries", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return asyncio.run(_main(given.tries, given.seed))


if __name__ == "__main__":
    sys.exit(main())
