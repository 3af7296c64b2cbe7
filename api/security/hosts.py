"""Which addresses, `Host`s and `Origin`s belong to this machine."""

import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from graphs.errors import NotAllowedError, SettingsError

LOOPBACK_ORIGINS: Final = r"https?://(localhost|[a-z0-9-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?"
"""Pages served by this machine, as CORS is told."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_open_network(host: str, *, guarded: bool = False) -> None:
    """An open gateway is for this machine only.

    Raises:
        SettingsError: the address can be reached from others.
    """
    if not guarded and not is_loopback(host):
        raise SettingsError(
            f"The gateway has no keys, so it does not listen at '{host}', where others could reach it.",
            hint="Make a key (baton keys create), set BATON_OIDC_ISSUER, or listen at 127.0.0.1.",
            code="open_on_network",
        )


def refuse_strangers(connection: HTTPConnection, origins: Sequence[str]) -> None:
    """At an open gateway the browser is the way in: a page of any site may ask it to call this machine, or point a
    name of its own at it. So calls must be meant for this machine, and come from a page that may call.

    Raises:
        NotAllowedError: they are not.
    """
    host = _host_of(f"//{connection.headers.get('host', '')}")
    if not is_loopback(host):
        raise NotAllowedError(
            f"The gateway has no keys, so it answers this machine only, not '{host[:100]}'.",
            hint="Make a key: baton keys create.",
            code="host_not_allowed",
        )
    origin = connection.headers.get("origin")
    if origin is None or "*" in origins or origin in origins or is_loopback(_host_of(origin)):
        return
    raise NotAllowedError(
        f"The gateway has no keys, so pages of '{origin[:100]}' may not call it.",
        hint="Name the page's origin in BATON_ORIGINS, or make a key: baton keys create.",
        code="origin_not_allowed",
    )


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
