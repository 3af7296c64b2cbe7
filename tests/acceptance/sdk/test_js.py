"""Every method of the JS client, and the hooks that pages are made of, under node, against a gateway in a process of
its own.

Its packages come from npm, by the lock beside them, once; without node or npm these tests are left out, except where
`CI` is set.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

HERE = Path(__file__).parent / "js"
INSTALLED = HERE / "node_modules" / ".of"
"""The lock that was installed from."""


@pytest.fixture(scope="module")
def packages() -> Iterator[None]:
    """The client's packages; one process installs them, the others wait for it."""
    wanted = (HERE / "package-lock.json").read_bytes()
    with (HERE / ".gitignore").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not INSTALLED.exists() or INSTALLED.read_bytes() != wanted:
            install()
            INSTALLED.write_bytes(wanted)
    yield


def install() -> None:
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        left_out(f"there is no {' and no '.join(missing)} on this machine")
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=240)
    if done.returncode:
        left_out(f"npm could not install the packages: {done.stderr[-500:]}")


def left_out(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


Record = Callable[[str, Any], None]


def checked_by(script: str, url: str, client: str, record_property: Record) -> tuple[list[Any], list[Any]]:
    """What a script has checked, all of it fine, and what it says besides."""
    command = ["node", "--experimental-websocket", "--no-warnings", script, url]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=270)
    lines = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    checked, rest = ([line for line in lines if ("name" in line) is named] for named in (True, False))
    failed = {each["name"]: each["error"] for each in checked if each["error"] is not None}
    record_property("sdk", (client, len(checked) - len(failed), len(checked)))
    assert not failed, "\n\n".join(f"{name}: {error}" for name, error in failed.items())
    return checked, rest


@pytest.mark.capability("I23")
def test_every_method_works(url: str, packages: None, record_property: Record) -> None:
    checked, [offered] = checked_by("checks.mjs", url, "langgraph-sdk (JS)", record_property)
    assert set(offered["methods"]) == {each["name"] for each in checked if ":" not in each["name"]}


@pytest.mark.capability("I23")
def test_pages_of_react_show_what_happens_and_steer_it(url: str, packages: None, record_property: Record) -> None:
    checked, _ = checked_by("hooks.mjs", url, "hooks of React", record_property)
    assert len(checked) == 23
