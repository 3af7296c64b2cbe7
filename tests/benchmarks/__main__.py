"""`make bench`: Baton against plain LangGraph, interleaved, medians; each line with the limit the project set itself.

python -m tests.benchmarks [--rounds 5] [--only chain-100,fan] [--json FILE]
"""

import argparse
import asyncio
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import agents, cases
from tests.benchmarks.case import Case


@dataclass
class Line:
    """One measured case."""

    name: str
    unit: str
    ours: float
    plain: float | None
    unsynced_plain: float | None
    figure: float
    limit: str
    holds: bool


async def measure(case: Case, rounds: int) -> Line:
    """Interleave the sides round by round, so that a slower minute of the machine hits all of them."""
    sides: dict[str, Callable[[Path], Awaitable[float]] | None] = {
        "ours": case.ours,
        "plain": case.plain,
        "unsynced": case.unsynced,
    }
    figures: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(rounds + 1):
        for name, side in sides.items():
            if side is None:
                continue
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                figure = await side(Path(folder))
            if round_number:  # the first round warms up
                figures[name].append(figure)
    medians = {name: statistics.median(values) if values else None for name, values in figures.items()}
    ours = medians["ours"]
    assert ours is not None
    figure = case.compare(ours, medians["plain"])
    return Line(
        case.name, case.unit, ours, medians["plain"], medians["unsynced"], figure, case.limit, case.holds(figure)
    )


def show(line: Line) -> str:
    plain = f"{line.plain:10.3f}" if line.plain is not None else " " * 10
    unsynced = f"{line.unsynced_plain:10.3f}" if line.unsynced_plain is not None else " " * 10
    mark = "ok " if line.holds else "NOT"
    return (
        f"{line.name:28} {line.ours:10.3f} {plain} {unsynced} {line.unit:14} {line.figure:8.3f}  {line.limit:10} {mark}"
    )


async def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    wanted = {name for name in options.only.split(",") if name}
    sys.stdout.write(f"Python {platform.python_version()} on {platform.machine()}, medians of {options.rounds}\n")
    sys.stdout.write(f"{'case':28} {'ours':>10} {'plain':>10} {'unsynced':>10} {'':14} {'figure':>8}  limit\n")
    lines = []
    for case in (*cases.ALL, agents.MODEL_CALL, agents.TOOL_CALL, agents.HELD_CALL):
        if wanted and case.name not in wanted:
            continue
        started = time.perf_counter()
        line = await measure(case, options.rounds)
        lines.append(line)
        sys.stdout.write(f"{show(line)}  ({time.perf_counter() - started:.0f} s)\n")
        sys.stdout.flush()
    if options.json:
        options.json.write_text(json.dumps([asdict(line) for line in lines], indent=1))
    return 0 if all(line.holds for line in lines) else 1


def entry(value: Any = None) -> None:
    sys.exit(asyncio.run(main(sys.argv[1:])))


if __name__ == "__main__":
    entry()
