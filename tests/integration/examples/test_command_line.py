"""The examples through the command line, as their headers say: processes, exit codes, one database between them."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api.demo.acts import ORDER
from api.demo.services.process import Services
from graphs.library import example_path
from tests.integration.examples.support import World

Baton = Callable[..., Awaitable["Said"]]
MOST_SECONDS = 150.0
WAITS, COMPENSATED = 4, 7


class Said(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def execution(self) -> dict[str, Any]:
        """The execution in a `--json` document."""
        document = json.loads(self.out)
        execution: dict[str, Any] = document["execution"]
        return execution


@pytest.fixture
def command(tmp_path: Path, services: Services, world: World) -> Baton:
    """`await command("run", …)`: the command line in a process of its own, on this test's database."""
    environment = {
        **os.environ,
        "BATON_DATABASE": str(tmp_path / "baton.db"),
        "BATON_SERVICES": json.dumps(services.service_urls),
        "BATON_MODULES": "api.demo.catalogue",
    }

    async def run(*arguments: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "orchestrator.cli", *arguments),
            cwd=tmp_path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        async with asyncio.timeout(MOST_SECONDS):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    return run


@pytest.mark.capability("X-1", "C01", "O03", "I04")
async def test_a_registration_over_four_processes(command: Baton, world: World) -> None:
    said = await command(
        *("run", "user-registration-workflow", "--json"),
        *("--input", "username=john_doe", "--input", "email=john@example.com", "--input", "password=correct-horse"),
        *("--input", 'profile_data:={"first_name": "John"}'),
    )
    assert said.code == WAITS, said.err
    assert "correct-horse" not in said.out + said.err
    user_id = await world.click_the_link("john@example.com")
    said = await command("event", "user.email_verified", "--data", f"user_id={user_id}", "--json")
    assert said.code == 0, said.err
    said = await command("resume", "--json")
    assert said.code == 0, said.err
    (user,) = await world.users()
    assert user["status"] == "active"


@pytest.mark.capability("X-20", "I08")
async def test_a_report_is_approved_by_another_process(command: Baton, world: World) -> None:
    said = await command("run", str(example_path("report_generation")), "--input", "patient_id=PAT-001", "--json")
    assert said.code == WAITS, said.err
    report = said.execution["id"]
    said = await command("approve", report, "review.wait_for_physician_approval", "--by", "dr.sol")
    assert said.code == 0, said.err
    said = await command("resume", report, "--json")
    assert said.code == 0, said.err
    assert said.execution["output"]["approved_by"] == "dr.sol"
    assert len(await world.effects(action="report.filed")) == 1


@pytest.mark.capability("X-14", "E11")
async def test_a_declined_payment_by_exit_code(command: Baton, world: World, tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    order.write_text(json.dumps(ORDER | {"payment_method": "declined_card"}), encoding="utf-8")
    said = await command("run", "ecommerce_order_processing", "--input", f"@{order}", "--json")
    assert said.code == COMPENSATED, said.err
    assert said.execution["status"] == "compensated"
    assert (await world.stock("ITEM-001"))["reserved"] == 0
