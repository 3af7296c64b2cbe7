"""Mutated examples raise nothing unlisted, and take neither more than a second nor more than 200 MB.

More: `python -m tests.unit.language.fuzzer --seed 7 --count 20000`.
"""

import json
import subprocess
import sys

import pytest

from tests.unit.language.fuzzer import MEGABYTES, SECONDS

COUNT = 150


@pytest.mark.capability("C12", "Y01")
def test_mutated_examples() -> None:
    command = [sys.executable, "-m", "tests.unit.language.fuzzer", "--seed", "1", "--count", str(COUNT)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    found = json.loads(run.stdout or "null")
    assert found is not None, run.stderr
    assert found["wrong"] == {}
    assert 0 < found["slowest"] <= 2 * SECONDS  # it is looked at twice
    assert found["megabytes"] <= MEGABYTES
