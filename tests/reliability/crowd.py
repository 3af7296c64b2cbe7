"""`python -m tests.reliability.crowd --executions 100000 --megabytes 100`: more than an engine can do at once (R14).

In a process of its own, so that its memory can be measured: a long queue of executions, one that is a thousand steps
wide, and one that makes a result of many megabytes; meanwhile somebody starts urgent ones, one after the other. Prints
how long these took with a tenth of the crowd and with all of it, and the most memory the process had.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agents import Functions
from graphs.spec import Workflow
from orchestrator.alerts.opening import AlertSettings
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.reliability.stores import STORES, Store, named

URGENT, SAMPLES, AT_ONCE = 10, 40, 8


def _workflow(name: str, *functions: str, **config: Any) -> Workflow:
    steps: list[dict[str, Any]] = [
        {"name": f"s{number}", "type": "function", "config": {"function": function}}
        for number, function in enumerate(functions)
    ]
    return Workflow.model_validate({"metadata": {"name": name}, "spec": {"steps": steps, "config": config}})


def _functions(megabytes: int) -> Functions:
    def nothing() -> None:
        pass

    def much() -> str:
        return "x" * (megabytes * 2**20)

    return Functions([nothing, much])


SMALL, LARGE = _workflow("small", "nothing"), _workflow("large", "much")
WIDE = _workflow("wide", *["nothing"] * 1000, max_parallel_steps=1000)


async def _urgent(baton: Orchestrator) -> float:
    """The 95th percentile of the milliseconds that urgent executions take from start to end."""
    took = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        execution = await baton.start(SMALL, {}, priority=URGENT)
        await baton.wait(execution.id)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(took, n=20)[-1]


async def _crowd(store: Store, folder: Path, executions: int, megabytes: int) -> dict[str, Any]:
    few = await _queue_of(store, folder / "few", executions // 10, megabytes)
    many = await _queue_of(store, folder / "many", executions, megabytes)
    return {"few": few, "many": many, "peak_mb": _peak()}


def _peak() -> int:
    """The most memory this process had. (`ru_maxrss` would also count whoever started it.)"""
    [line] = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


async def _queue_of(store: Store, folder: Path, executions: int, megabytes: int) -> dict[str, Any]:
    """Have so many wait for an engine, then carry them out; what is to be known of that."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        **store.settings(folder),
        synchronous="normal",
        max_executions=AT_ONCE,
        log_level="error",
        alerts=AlertSettings(log=False),
    )
    folder.mkdir()
    async with Orchestrator.open(settings, drive=False, resources=[_functions(megabytes)]) as baton:
        large, wide = await baton.start(LARGE, {}), await baton.start(WIDE, {})
        for first in range(0, executions, 1000):
            some = range(first, min(first + 1000, executions))
            await asyncio.gather(*(baton.start(SMALL, {}, execution_id=f"small-{number}") for number in some))
    began = time.monotonic()
    async with Orchestrator.open(settings, resources=[_functions(megabytes)]) as baton:
        p95 = await _urgent(baton)
        left = len(await baton.store.unfinished())
        for number in range(executions):
            await baton.wait(f"small-{number}")
        ended = [await baton.get(f"small-{number}") for number in range(executions)]
        return {
            "executions": executions,
            "left": left,
            "seconds": round(time.monotonic() - began, 1),
            "urgent_p95_ms": round(p95, 1),
            "completed": sum(execution.status == "completed" for execution in ended),
            "large": ((await baton.wait(large.id)).error or {}).get("code"),
            "wide": str((await baton.wait(wide.id)).status),
        }


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.crowd", description=__doc__)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--store", choices=[store.name for store in STORES], default=STORES[0].name)
    asked = parser.parse_args(given)
    store = named(asked.store)
    with tempfile.TemporaryDirectory(prefix="baton-crowd-") as folder:
        print(json.dumps(asyncio.run(_crowd(store, Path(folder), asked.executions, asked.megabytes))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
