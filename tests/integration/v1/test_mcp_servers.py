"""How it stands with the MCP servers of the engine behind a gateway."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import serving

DESK = """
import json, sys

for line in sys.stdin:
    said = json.loads(line)
    about = {"name": "desk", "version": "1"}
    version = (said.get("params") or {}).get("protocolVersion")
    answers = {
        "initialize": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about},
        "tools/list": {"tools": [{"name": "find", "inputSchema": {"type": "object"}}]},
    }
    if (answer := answers.get(said["method"])) is not None:
        print(json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": answer}), flush=True)
"""


@pytest.mark.capability("I20", "O21")
async def test_operators_see_which_were_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "desk.py").write_text(DESK)
    desk = {"command": sys.executable, "args": ["-S", str(tmp_path / "desk.py"), "--token=hidden"]}
    monkeypatch.setenv("BATON_MCP", json.dumps({"desk": desk, "gone": {"command": "no-such-command-anywhere"}}))
    async with serving(tmp_path / "baton.db") as served:
        baton = served.gateway.orchestrator
        async with caller(served.url, await make_key(baton, "admin")) as http:
            answer = await http.get("/v1/mcp-servers")
            figures = (await http.get("/metrics")).text
        async with caller(served.url, await make_key(baton, "viewer")) as http:
            assert (await http.get("/v1/mcp-servers")).status_code == 403
    first, second = answer.json()["servers"]
    assert (first["name"], first["reached"], first["tools"], first["error"]) == ("desk", True, ["desk_find"], None)
    assert (second["name"], second["reached"], second["tools"]) == ("gone", False, [])
    assert "cannot be listed" in second["error"] and second["since"]
    assert "hidden" not in answer.text
    assert 'baton_mcp_server_reached{server="desk"} 1.0' in figures
    assert 'baton_mcp_server_reached{server="gone"} 0.0' in figures
