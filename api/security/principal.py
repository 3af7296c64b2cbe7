"""Who asks. Without keys the gateway is open, and then it listens on this machine only."""

import ipaddress
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from graphs.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a request comes from.

    Attributes:
        name: Who decided, cancelled, published: what is kept beside such acts. None where nobody says who they are.
        tenant: Whose executions, threads and items they see.
    """

    name: str | None = None
    tenant: str = "default"


async def principal(connection: HTTPConnection) -> Principal:
    """Who asks: on an open gateway, anybody on this machine."""
    return Principal()


def refuse_open_network(host: str) -> None:
    """An open gateway is for this machine only.

    Raises:
        SettingsError: the address can be reached from others.
    """
    if not is_loopback(host):
        raise SettingsError(
            f"The gateway has no keys, so it does not listen at '{host}', where others could reach it.",
            hint="Listen at 127.0.0.1.",
            code="open_on_network",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
