"""What the README shows of HTTP is run, against a gateway with its workflow."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.support.gateway.calls import publish
from tests.support.gateway.people import caller, make_key
from tests.support.gateway.serving import Served

README = (Path(__file__).parents[3] / "README.md").read_text()
_CURLS = re.compile(r"## Over HTTP.*?```sh\n(.*?)```", re.S)
_REFUND = re.compile(r"<!-- file: refund.yaml -->\n```yaml\n(.*?)```", re.S)


@pytest.mark.capability("I14")
async def test_the_curls_of_the_readme_answer_as_it_says(served: Served) -> None:
    baton = served.gateway.orchestrator
    key = await make_key(baton, "admin", name="ann", groups=["finance"])
    refund, curls = _REFUND.search(README), _CURLS.search(README)
    assert refund is not None
    assert curls is not None
    async with caller(served.url, key) as client:
        await publish(client, refund[1])
    answers = []
    for command in re.split(r"\n(?=curl )", curls[1].strip()):
        process = await asyncio.create_subprocess_shell(
            command, env={"BATON": served.url, "KEY": key, "PATH": "/usr/bin:/bin"}, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await asyncio.wait_for(process.communicate(), 20)
        answers.append(json.loads(said))
        if "id" in answers[0] and len(answers) == 1:
            await baton.wait(answers[0]["id"], until="rest")
    started, inbox, trail = answers
    assert started["workflow"] == "refund"
    assert [one["execution_id"] for one in inbox["approvals"]] == [started["id"]]
    assert trail["ok"] is True
