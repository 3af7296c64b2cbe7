"""`python -m tests.reliability.chaos --kills 200 --seed 1`: the long run. Prints what it found in one line.

With `--jobs proof` only what the project shows its numbers for, with `agents` the examples with agents, with `steered`
executions that are paused, continued, cancelled, redriven, retried and forked meanwhile; otherwise all of them.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.reliability.harness import Harness, Summary
from tests.reliability.job import Job
from tests.reliability.jobs import AGENTS, BATCH, GONE_BACK, MORE, PROOF
from tests.reliability.stores import STORES, Store, named

SETS = {"all": (*BATCH, *MORE, *GONE_BACK), "proof": PROOF, "agents": AGENTS, "steered": GONE_BACK}
"""Agents are killed by themselves: they read customers that other jobs change, and would see now this, now that."""


async def kill(
    harness: Harness,
    kills: int,
    seed: int,
    jobs: Sequence[Job],
    *,
    at_once: tuple[int, int],
    fresh: float,
    progress: bool = False,
) -> Summary:
    """Run some of the jobs, and others, and others, until so many kills have counted.

    Args:
        at_once: How many jobs a run has, at least and at most.
        fresh: The share of the engine's starts that use an interpreter of their own.

    Raises:
        AssertionError: something was lost or done twice; the message lists everything that was found.
    """
    chance, summary = random.Random(seed), harness.summary
    undisturbed = await harness.undisturbed(jobs)
    while summary.kills < kills:
        some = chance.sample(jobs, chance.randint(*at_once))
        await harness.under_kills(random.Random(chance.random()), kills - summary.kills, undisturbed, some, fresh=fresh)
        if progress:
            sys.stderr.write(f"{summary.kills} of {kills} kills, {summary.runs} runs\n")
    return summary


async def _main(kills: int, seed: int, jobs: Sequence[Job], store: Store, folder: Path) -> int:
    began = time.monotonic()
    async with Harness.running(folder, store) as harness:
        try:
            await kill(harness, kills, seed, jobs, at_once=(3, min(8, len(jobs))), fresh=0.05, progress=True)
            code = 0
        except AssertionError as error:
            sys.stderr.write(f"{error}\n")
            code = 1
        print(f"seed {seed}: {harness.summary}, {time.monotonic() - began:.0f} s")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills that count: with something in flight")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", choices=SETS, default="all")
    parser.add_argument("--keep", type=Path, help="an empty folder for everything; what failed is left there")
    parser.add_argument("--store", choices=[store.name for store in STORES], default=STORES[0].name)
    given = parser.parse_args()
    jobs, store = SETS[given.jobs], named(given.store)
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_main(given.kills, given.seed, jobs, store, given.keep))
    with tempfile.TemporaryDirectory(prefix="baton-chaos-") as folder:
        return asyncio.run(_main(given.kills, given.seed, jobs, store, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
