"""Which addresses a service may be at, and that the call goes to the address that was judged (A11)."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from agents.services.addresses import fault
from agents.services.services import Request, Service, Services
from graphs.errors import SettingsError, StepError

pytestmark = pytest.mark.capability("I02")


def judged(address: str, host: str = "users.example", networks: Sequence[str] = ()) -> str | None:
    return fault(ipaddress.ip_address(address), host, networks)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700:4700::1111"])
def test_the_public_network_is_allowed(address: str) -> None:
    assert judged(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "169.254.169.254",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_a_name_that_stands_for_anything_else_is_refused(address: str) -> None:
    assert judged(address) is not None


def test_what_configuration_writes_as_an_address_is_meant() -> None:
    assert judged("127.0.0.1", "127.0.0.1") is None
    assert judged("10.0.0.7", "10.0.0.7") is None
    assert judged("::1", "::1") is None
    assert judged("127.0.0.1", "localhost") is None
    assert judged("10.0.0.7", "localhost") == "is not public"
    assert judged("127.0.0.1", "localhost.example") == "is not public"


@pytest.mark.parametrize("host", ["169.254.169.254", "fd00:ec2::254", "fe80::1", "0.0.0.0", "::ffff:127.0.0.1"])
def test_but_never_where_clouds_keep_what_they_are_or_an_odd_spelling(host: str) -> None:
    assert judged(host, host) is not None
    assert judged(host, host, ["private"]) is not None or host == "::ffff:127.0.0.1"


def test_networks_are_allowed_by_name() -> None:
    assert judged("10.1.2.3", networks=["10.0.0.0/8"]) is None
    assert judged("11.1.2.3", networks=["10.0.0.0/8"]) is None  # public anyway
    assert judged("192.168.0.1", networks=["10.0.0.0/8"]) == "is not public"
    assert judged("192.168.0.1", networks=["private"]) is None
    assert judged("169.254.169.254", networks=["169.254.0.0/16"]) is None


def test_a_network_that_is_none_is_told() -> None:
    with pytest.raises(SettingsError, match="service 'a', networks"):
        Services.from_mapping({"a": {"base_url": "http://a.example", "networks": ["10.0.0.0/99"]}})


@pytest.fixture
async def there() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on this machine, and what it was sent."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


def names(monkeypatch: pytest.MonkeyPatch, *answers: Sequence[str]) -> list[str]:
    """Let each look-up of a name give the next of these answers; gives the names that were looked up."""
    asked: list[str] = []
    left = list(answers)

    async def getaddrinfo(_loop: Any, host: Any, port: Any, **_: Any) -> list[Any]:
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return asked


async def call(base_url: str, *networks: str) -> Any:
    services = Services([Service(name="s", base_url=base_url, networks=networks, timeout=5.0)])
    try:
        return await services.send("s", Request(method="GET", path="/x"))
    finally:
        await services.aclose()


async def test_a_name_that_leads_into_this_machine_is_not_called(
    there: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heard = there
    names(monkeypatch, ["127.0.0.1"])
    with pytest.raises(StepError, match=r"users\.example stands for 127\.0\.0\.1, which is not public") as caught:
        await call(f"http://users.example:{port}")
    assert (caught.value.code, caught.value.retryable) == ("ssrf_blocked", False)
    assert heard == []  # no packet left


async def test_a_name_is_looked_up_once_so_it_cannot_lead_elsewhere_afterwards(
    there: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heard = there
    asked = names(monkeypatch, ["127.0.0.1"], ["10.9.9.9"])
    await call(f"http://users.example:{port}", "127.0.0.0/8")
    assert asked == ["users.example"]
    assert f"host: users.example:{port}".encode() in heard[0].lower()


async def test_one_bad_address_among_good_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["93.184.216.34", "169.254.169.254"])
    with pytest.raises(StepError, match=r"169\.254\.169\.254"):
        await call("http://users.example:9")


async def test_the_next_address_is_tried_where_nobody_listens(
    there: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, heard = there
    names(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    await call(f"http://users.example:{port}", "127.0.0.0/8")
    assert len(heard) == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:127.0.0.1]", "0x7f.1", "0.0.0.0", "[fe80::1]"])
async def test_addresses_that_are_never_meant_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(StepError) as caught:
        await call(f"http://{host}:9")
    assert caught.value.code == "ssrf_blocked"


async def test_a_redirect_to_this_machine_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/secrets\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(redirect, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        names(monkeypatch, ["127.0.0.1"])
        with pytest.raises(StepError) as caught:
            await call(f"http://users.example:{port}", "private")
    assert caught.value.code == "redirect_refused"
