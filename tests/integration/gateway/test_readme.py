"""What the README and its chapter show of the gateway is run, in its order."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from graphs.loader import examine_text, load_file
from orchestrator import installed_step_types
from tests.support.documents import GATEWAY, README
from tests.support.gateway.serving import Served

_SCRIPTS = [script for document in (README, GATEWAY) for script in document.blocks("py", mark="run against a gateway")]
[_CURLS] = README.blocks("sh", mark="curls at an open gateway")
[_TRIGGERS] = GATEWAY.blocks("yaml", mark="a part of a definition")
_DEFINITION = README.files()["refund.yaml"]
_SAID = (
    ["Refund 500 for A-4?", "completed {'order': 'A-4', 'paid': 500}"],
    ["Refund 700 for A-5?", "```json", "{", '  "order": "A-5",', '  "paid": 700', "}", "```"],
)


@pytest.fixture(autouse=True)
async def refund(served: Served, tmp_path: Path) -> None:
    """The workflow of the README, published."""
    (tmp_path / "refund.yaml").write_text(_DEFINITION)
    workflow = load_file(tmp_path / "refund.yaml", step_types=installed_step_types()).workflow
    assert workflow is not None
    await served.gateway.orchestrator.publish(workflow)


@pytest.mark.capability("I14")
@pytest.mark.parametrize("number", range(len(_SCRIPTS)))
async def test_the_clients_of_the_readme_get_what_it_says(served: Served, number: int) -> None:
    assert len(_SCRIPTS) == len(_SAID)
    text = _SCRIPTS[number].replace("http://127.0.0.1:2024", served.url)
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", text, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, wrong = await asyncio.wait_for(done.communicate(), 120)
    assert done.returncode == 0, wrong.decode()
    assert said.decode().splitlines() == _SAID[number]


async def test_the_curls_of_the_readme_start_show_and_approve(served: Served, tmp_path: Path) -> None:
    own = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{own}:/usr/bin:/bin", "BATON_DATABASE": str(tmp_path / "baton.db")}
    said = []
    for command in re.split(r"\n(?=curl |baton )", _CURLS.strip()):
        process = await asyncio.create_subprocess_shell(
            command.replace("http://127.0.0.1:2024", served.url), env=environment, stdout=asyncio.subprocess.PIPE
        )
        answer, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, command
        said.append(answer.decode())
        until = "end" if command.startswith("baton") else "rest"
        await asyncio.wait_for(served.gateway.orchestrator.wait("first", until=until), 60)
    started, asked, _, shown = said
    assert json.loads(started)["id"] == "first"
    assert [one["message"] for one in json.loads(asked)["approvals"]] == ["Refund 900 for A-4?"]
    execution = json.loads(shown)["execution"]
    assert (execution["status"], execution["output"]) == ("completed", {"order": "A-4", "paid": 900})


def test_the_triggers_of_the_readme_are_the_languages() -> None:
    text = _DEFINITION.replace("spec:\n", _TRIGGERS, 1)
    report = examine_text(text, step_types=installed_step_types())
    assert [problem for problem in report.problems if problem.severity == "error"] == []
    assert report.workflow is not None
    assert [trigger.called for trigger in report.workflow.spec.triggers] == ["order_cancelled"]
