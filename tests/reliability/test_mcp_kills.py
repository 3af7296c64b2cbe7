"""An agent with the tools of a real MCP server, over stdio and over HTTP: what it did is undone, once, though its
process is killed in the middle of a tool's call and in the middle of undoing."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.reliability import mcp_life
from tests.reliability.agent_world import FORKS
from tests.support.listening import free_port, listening

pytestmark = pytest.mark.chaos
_DESK = str(Path(__file__).with_name("mcp_desk.py"))


@contextmanager
def _server(transport: str, folder: Path) -> Iterator[dict[str, Any]]:
    """How the server is reached; over stdio every engine starts its own."""
    if transport == "stdio":
        yield {"command": sys.executable, "args": [_DESK, "stdio", str(folder)]}
        return
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, _DESK, "streamable-http", str(folder), str(port)], stderr=subprocess.DEVNULL
    )
    try:
        listening(port, process)
        yield {"url": f"http://127.0.0.1:{port}/mcp"}
    finally:
        process.kill()
        process.wait()


def _lines(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


# Numbered as they arrive, repeated ones too: the flight, the hotel, the hotel's cancellation.
@pytest.mark.parametrize(("transport", "kills"), [("stdio", (2,)), ("http", (1, 3, 5))])
@pytest.mark.capability("D01", "D02", "E10", "E11", "I05", "I06", "I20")
def test_what_tools_of_a_server_did_is_undone_once(tmp_path: Path, transport: str, kills: tuple[int, ...]) -> None:
    (tmp_path / "kills").write_text(" ".join(map(str, kills)))
    killed = 0
    with _server(transport, tmp_path) as server:
        while True:
            process = FORKS.Process(target=mcp_life.live, args=(str(tmp_path), server))
            process.start()
            process.join(100)
            assert process.exitcode in (0, -signal.SIGKILL)
            if process.exitcode == 0:
                break
            killed += 1
    assert killed == len(kills)
    assert (tmp_path / "ended").read_text() == "compensated"
    done, calls = _lines(tmp_path / "done.jsonl"), _lines(tmp_path / "calls.jsonl")
    assert [one["what"] for one in done] == ["book flight", "book hotel", "cancel hotel-1", "cancel flight-1"]
    assert len({one["key"] for one in done}) == 4 and all(one["key"].startswith("trip:") for one in done)
    assert len(calls) == 4 + killed, "only what was in flight at a kill is called again"
