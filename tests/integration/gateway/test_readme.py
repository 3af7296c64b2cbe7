"""What the README shows of the gateway is run."""

import asyncio
import re
import sys
from pathlib import Path

from graphs.loader import load_file
from orchestrator import installed_step_types
from tests.support.gateway.serving import Served

README = (Path(__file__).parents[3] / "README.md").read_text()


async def test_the_client_of_the_readme_gets_what_it_says(served: Served, tmp_path: Path) -> None:
    definition = re.search(r"<!-- file: refund.yaml -->\n```yaml\n(.*?)```", README, re.S)
    script = re.search(r"<!-- run against a gateway -->\n```py\n(.*?)```", README, re.S)
    assert definition is not None
    assert script is not None
    (tmp_path / "refund.yaml").write_text(definition[1])
    refund = load_file(tmp_path / "refund.yaml", step_types=installed_step_types()).workflow
    assert refund is not None
    await served.gateway.orchestrator.publish(refund)
    text = script[1].replace("http://127.0.0.1:2024", served.url)
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", text, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, wrong = await asyncio.wait_for(done.communicate(), 60)
    assert done.returncode == 0, wrong.decode()
    assert said.decode().splitlines() == ["Refund 500 for A-4?", "completed {'order': 'A-4', 'paid': 500}"]
