"""Posting signed messages (Standard Webhooks) to addresses that others chose: resolved once, judged, pinned."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from ipaddress import IPv4Address
from random import random
from typing import Final

import httpx

from agents.services.addresses import fault, is_own, literal
from agents.services.pinning import Pinned
from graphs.errors import BatonError, InputError
from orchestrator.webhooks.signing import headers_for

SCHEDULE: Final = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0)
"""Seconds between attempts; after the last of them, a message is put aside."""

JITTER: Final = 0.1
"""The part of a pause by which it may be longer: what failed at one moment does not all come back at one moment."""

_TIMEOUT: Final = 15.0
"""Seconds until a connection stands, and until an answer begins."""

_IN_ALL: Final = 30.0
"""Seconds for a message in all: whoever answers byte by byte is not waited for either."""

_LOOPBACK: Final = IPv4Address("127.0.0.1")

_GONE: Final = "it answered 410"


@asynccontextmanager
async def posting(who: str, networks: Sequence[str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client that reaches public addresses, and those of the networks.

    Args:
        who: What is called, for messages.
    """
    transport = Pinned(httpx.AsyncHTTPTransport(trust_env=False), who, "", networks)
    async with httpx.AsyncClient(transport=transport, timeout=_TIMEOUT, trust_env=False) as client:
        yield client


async def post(
    client: httpx.AsyncClient, url: str, body: bytes, *, secret: str, message_id: str, at: datetime
) -> str | None:
    """Post a message; what went wrong, if anything."""
    headers = headers_for([secret], message_id, at, body)
    headers |= {"content-type": "application/json", "user-agent": "baton"}
    try:
        # Only the head of the answer: what it says besides is not ours to read.
        async with asyncio.timeout(_IN_ALL), client.stream("POST", url, content=body, headers=headers) as answer:
            return None if answer.is_success else f"it answered {answer.status_code}"
    except BatonError as error:
        return str(error)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        return f"it cannot be reached ({type(error).__name__})"


def pause_after(failures: int, problem: str, chance: Callable[[], float] = random) -> float | None:
    """Seconds until the next attempt, after so many failures before this one; None to put the message aside.

    Args:
        chance: From 0 to 1: which part of the jitter is added.
    """
    if failures >= len(SCHEDULE) or problem == _GONE:
        return None
    return SCHEDULE[failures] * (1 + JITTER * chance())


def refuse_address(url: str, networks: Sequence[str]) -> None:
    """Refuse what could never be posted to. What a name stands for is looked at when something is posted.

    Raises:
        InputError: it is no URL, or an address that may not be called.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, TypeError):
        parsed, host = None, ""
    if parsed is None or parsed.scheme not in ("http", "https") or not host or parsed.userinfo:
        raise InputError(
            "The webhook is no URL such as 'https://example.com/hook' (without a user and a password).",
            code="webhook_invalid",
        )
    address = _LOOPBACK if is_own(host) else literal(host)
    if address is not None and (problem := fault(address, "", networks)) is not None:
        raise InputError(
            f"The webhook's address {host} {problem}, so it would not be called.",
            hint="If it is meant, allow its network: BATON_WEBHOOK_NETWORKS.",
            code="webhook_blocked",
        )
