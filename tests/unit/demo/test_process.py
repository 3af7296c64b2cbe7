"""The process: ready when it says so, gone when it should be, and nothing lost in between."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from pathlib import Path

import httpx
import pytest

from api.demo.services.process import SERVICE_NAMES, Services, ServicesError, running_services
from api.demo.services.seeds import plant
from api.demo.services.server import NotLoopbackError, listen
from api.demo.services.store import Store, StoreUnusableError
from tests.support.waiting import until
from tests.unit.demo.support import accepts

# Starts the services as `running_services` does, says where they are, and waits to be killed.
PARENT = """
import asyncio, sys
from pathlib import Path
from api.demo.services.process import running_services

async def main():
    async with running_services(Path(sys.argv[1]), exit_with_parent=sys.argv[2] == "yes") as services:
        print(services.url, services.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def run_to_end(*arguments: str) -> tuple[int | None, str]:
    """Run the module until it ends by itself; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.demo.services", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, said.decode()


async def killed_parent(database: Path, exit_with_parent: str) -> tuple[str, int]:
    """Where the services are whose parent was killed."""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(database), exit_with_parent), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    url, pid = (await asyncio.wait_for(parent.stdout.readline(), 120)).decode().split()
    assert await accepts(url)
    parent.kill()
    await parent.wait()
    await parent.stdout.read()
    return url, int(pid)


async def gone(url: str) -> None:
    async def refused() -> bool:
        return not await accepts(url)

    await until(refused, f"nobody listens at {url}")


def test_every_service_has_an_address_and_no_other_has() -> None:
    services = Services("http://127.0.0.1:1", 1, Path("x"))
    assert services.service_url("user-service") == "http://127.0.0.1:1/user-service"
    assert list(services.service_urls) == list(SERVICE_NAMES)
    with pytest.raises(ServicesError, match=r"No service 'usr-service'\. Known: user-service"):
        services.service_url("usr-service")


async def test_it_dies_with_a_killed_parent_unless_it_shall_outlive_it(tmp_path: Path) -> None:
    (child, _), (survivor, pid) = await asyncio.gather(
        killed_parent(tmp_path / "child.db", "yes"), killed_parent(tmp_path / "survivor.db", "no")
    )
    await gone(child)
    async with httpx.AsyncClient(base_url=survivor, verify=False, timeout=60) as client:
        body = {"username": "john_doe", "email": "john@example.com"}
        assert (await client.post("/user-service/api/users", json=body)).status_code == 201
    os.kill(pid, signal.SIGTERM)
    await gone(survivor)


async def test_a_signal_ends_it_cleanly_though_requests_hang(tmp_path: Path) -> None:
    await asyncio.gather(
        ends_cleanly(tmp_path / "terminated", signal.SIGTERM), ends_cleanly(tmp_path / "interrupted", signal.SIGINT)
    )


async def ends_cleanly(folder: Path, number: int) -> None:
    """One request hangs and one waits; after the signal both know, and nothing is left lying about."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.demo.services", "--database", str(folder / "services.db")),
        *("--ready-file", str(folder / "ready.json")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 120)
    assert (folder / "ready.json").read_bytes() == line
    async with httpx.AsyncClient(base_url=json.loads(line)["url"], timeout=60, verify=False) as client:
        await client.put("/_control/faults/user-service", json={"hang": True})
        await client.put("/_control/faults/crm-service", json={"latency_ms": 600_000})
        paths = ("/user-service/api/users", "/crm-service/api/customers/CUST-67890")
        calls = [asyncio.create_task(client.get(path)) for path in paths]

        async def both_arrived() -> bool:
            return (await client.get("/_control/requests")).json()["count"] == 2

        await until(both_arrived, "both requests wait")
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 60) == 0
        for ended in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(ended, httpx.TransportError)
    assert await process.stdout.read() == b""
    assert not (folder / "ready.json").exists()


async def test_a_kill_under_load_loses_no_answer_and_repeats_no_effect(tmp_path: Path) -> None:
    """Who asks again with the same key, at the same place, gets what was answered or what was about to be."""
    answered: dict[str, bytes] = {}
    enough = asyncio.Event()

    async def charge(client: httpx.AsyncClient, key: str) -> bytes:
        body = {"amount": 5, "method": "card"}
        response = await client.post(
            "/payment-service/api/payments", json=body, headers={"Idempotency-Key": key}, timeout=60
        )
        answered.setdefault(key, response.content)
        if len(answered) >= 20:
            enough.set()
        return response.content

    keys = [f"exec-{number}:charge:0" for number in range(100)]
    async with (
        running_services(tmp_path / "services.db") as services,
        httpx.AsyncClient(base_url=services.url, verify=False, timeout=60) as client,
    ):
        calls = [asyncio.create_task(charge(client, key)) for key in keys]
        await asyncio.wait_for(enough.wait(), 20)
        os.kill(services.pid, signal.SIGKILL)
        await asyncio.gather(*calls, return_exceptions=True)
    before = dict(answered)
    assert len(before) < len(keys), "the kill came too late to hit anything"

    async with running_services(tmp_path / "services.db", port=httpx.URL(services.url).port or 0) as again:
        assert again.url == services.url
        async with httpx.AsyncClient(base_url=again.url, verify=False, timeout=60) as client:
            contents = dict(zip(keys, await asyncio.gather(*(charge(client, key) for key in keys)), strict=True))
            effects = (await client.get("/_control/effects")).json()["effects"]
    assert {key: contents[key] for key in before} == before
    assert sorted(effect["idempotency_key"] for effect in effects) == sorted(keys)
    assert not await accepts(again.url)
    assert again.log.read_text() == ""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(NotLoopbackError, match=f"^{host} is not a loopback address"):
        listen(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_every_name_of_this_machine_will_do(host: str) -> None:
    listener = listen(host, 0)
    assert listener.getsockname()[1] > 0
    listener.close()


async def test_a_refused_host_ends_the_process_before_it_touches_anything(tmp_path: Path) -> None:
    code, said = await run_to_end("--database", str(tmp_path / "services.db"), "--host", "0.0.0.0")
    assert (code, said) == (2, "0.0.0.0 is not a loopback address. The demo services have no authentication.\n")
    assert not (tmp_path / "services.db").exists()


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE executions (id TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusableError, match="holds something else than the demo services' data"):
        Store.open(path, plant)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(StoreUnusableError, match=r"cannot use .*letter\.txt: file is not a database"):
        Store.open(path, plant)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusableError, match=r"cannot open .*services\.db"):
        Store.open(tmp_path / "file" / "services.db", plant)


async def test_a_port_that_is_taken_is_named(services: Services, tmp_path: Path) -> None:
    port = httpx.URL(services.url).port or 0
    with pytest.raises(ServicesError, match=f"cannot listen on 127.0.0.1:{port}"):
        async with running_services(tmp_path / "services.db", port=port):
            pytest.fail("two on one port")
