"""`python -m tests.reliability.agents --seeds 100`: agents killed at every boundary, again and again. One line each."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.reliability.agent_world import asked, random_kills, running_world, under_kills


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.agents", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="executions, each killed until it gets through")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    began, kills, again, failed = time.monotonic(), 0, 0, 0
    for seed in range(given.first, given.first + given.seeds):
        with running_world() as world, tempfile.TemporaryDirectory(prefix="baton-agents-") as folder:
            try:
                killed = under_kills(world, Path(folder), random_kills(random.Random(seed)))
            except AssertionError as error:
                failed += 1
                sys.stderr.write(f"seed {seed}: {error}\n")
                continue
            repeated = sum(count - 1 for count in Counter(asked(world)).values())
            sys.stderr.write(f"seed {seed}: {killed} kills, {repeated} calls in flight made again\n")
            kills, again = kills + killed, again + repeated
    print(
        f"{given.seeds} executions of 6 model calls and 4 tools: {kills} kills, {again} calls in flight made again, "
        f"{failed} executions in which a completed call was repeated or a result lost, {time.monotonic() - began:.0f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
