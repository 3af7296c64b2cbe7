"""What the chapter of the gateway shows of HTTP is run, against a gateway with the workflow of the README."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.support.documents import GATEWAY
from tests.support.gateway.people import make_key
from tests.support.gateway.serving import Served


@pytest.mark.capability("I14")
async def test_the_curls_of_the_chapter_answer_as_it_says(served: Served, tmp_path: Path) -> None:
    baton = served.gateway.orchestrator
    key = await make_key(baton, "admin", name="ann", groups=["finance"])
    [curls] = GATEWAY.blocks("sh")
    (tmp_path / "refund.yaml").write_text(GATEWAY.files()["refund.yaml"])
    answers = []
    for command in re.split(r"\n(?=curl )", curls.strip()):
        process = await asyncio.create_subprocess_shell(
            command,
            cwd=tmp_path,
            env={"BATON": served.url, "KEY": key, "PATH": "/usr/bin:/bin"},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 120)
        answers.append(json.loads(said))
        if "id" in answers[-1]:
            await baton.wait(answers[-1]["id"], until="rest")
    published, started, inbox, trail = answers
    assert published["name"] == "refund"
    assert started["workflow"] == "refund"
    assert [one["execution_id"] for one in inbox["approvals"]] == [started["id"]]
    assert trail["ok"] is True
