"""`python -m tests.reliability.agents --seeds 100`: agents killed at every boundary, again and again.

`traveller` calls its model six times and four tools; `quitter` books three things and fails, and they are undone.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.reliability.agent_world import asked, random_kills, running_world, under_kills


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.agents", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="executions, each killed until it gets through")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    failed = 0
    for script in ("traveller", "quitter"):
        failed += _carry_out(script, range(given.first, given.first + given.seeds))
    return 1 if failed else 0


def _carry_out(script: str, seeds: Sequence[int]) -> int:
    began, kills, again, failed = time.monotonic(), 0, 0, 0
    for seed in seeds:
        with running_world() as world, tempfile.TemporaryDirectory(prefix="baton-agents-") as folder:
            try:
                killed = under_kills(world, Path(folder), random_kills(random.Random(seed)), script)
            except AssertionError as error:
                failed += 1
                sys.stderr.write(f"{script}, seed {seed}: {error}\n")
                continue
            repeated = sum(count - 1 for count in Counter(asked(world)).values())
            sys.stderr.write(f"{script}, seed {seed}: {killed} kills, {repeated} calls in flight made again\n")
            kills, again = kills + killed, again + repeated
    print(
        f"{len(seeds)} executions of '{script}': {kills} kills, {again} calls in flight made again, {failed} "
        f"executions in which a completed call was repeated or a result lost, {time.monotonic() - began:.0f} s"
    )
    return failed


if __name__ == "__main__":
    sys.exit(main())
