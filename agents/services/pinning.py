"""Connecting to the very address that was judged. Loaded with `agents.services.http`."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

import httpx

from agents.services.addresses import Address, fault, literal
from graphs.errors import StepError


class Pinned(httpx.AsyncBaseTransport):
    """Looks a host's name up once, judges what it stands for, and connects there: not to what the name stands for a
    moment later. The name stays in `Host` and in the TLS handshake.

    Args:
        inner: What connects.
        who: What is called, for messages.
        configured: The host that configuration names; empty where nobody is trusted to write an address.
        networks: Networks that are allowed besides the public one.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, who: str, configured: str, networks: Sequence[str]) -> None:
        self._inner = inner
        self._who = who
        self._configured = configured
        self._networks = networks

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        addresses = await self._judged(request, host)
        extensions = request.extensions if literal(host) else {**request.extensions, "sni_hostname": host}
        for address in addresses:
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,
                stream=request.stream,
                extensions=extensions,
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except httpx.ConnectError:
                if address is addresses[-1]:  # nothing was sent: the next address may be there
                    raise
        raise AssertionError("a name stands for one address at least")

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _judged(self, request: httpx.Request, host: str) -> list[Address]:
        written = literal(host)
        addresses = [written] if written is not None else await _looked_up(request, host)
        for address in addresses:
            if (problem := fault(address, self._configured, self._networks)) is not None:
                what = host if written is not None else f"{host} stands for {address}, which"
                raise StepError(
                    f"{self._who}: {what} {problem}, so it is not called.",
                    category="validation",
                    retryable=False,
                    code="ssrf_blocked",
                    hint='If it is meant, allow its network: a service has "networks": ["10.0.0.0/8"] (or "private").',
                )
        return addresses


async def _looked_up(request: httpx.Request, host: str) -> list[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host}: {error}", request=request) from error
    # A zone (`fe80::1%eth0`) is part of the text that getaddrinfo gives.
    texts = dict.fromkeys(str(place[4][0]).partition("%")[0] for place in found)
    return [ipaddress.ip_address(text) for text in texts]
