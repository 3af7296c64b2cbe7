"""Endpoints: the path a step may ask a service for. Hosts come from configuration only, never from a definition."""

import re
from typing import Final
from urllib.parse import unquote

from graphs.errors import StepError

MAX_ENDPOINT: Final = 2000
_DECODINGS: Final = 4
"""How often a path may be percent-encoded over itself; an honest one is encoded once."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check_endpoint(endpoint: str) -> str:
    """The endpoint, when it is a path that stays under the service's base URL.

    Data ends up in endpoints (`/api/users/{{ input.id }}`), so an id of `../admin`, `x?admin=true` or
    `//elsewhere` must not become another place than the definition's author meant.

    Raises:
        StepError: `endpoint_refused`.
    """
    reason = _fault(endpoint)
    if reason is None:
        return endpoint
    raise StepError(
        f"endpoint {endpoint[:100]!r} {reason}.",
        category="validation",
        code="endpoint_refused",
        hint="An endpoint is a path under the service's base URL, such as '/api/users'.",
    )


def _fault(endpoint: str) -> str | None:
    if len(endpoint) > MAX_ENDPOINT:
        return f"is longer than {MAX_ENDPOINT} characters"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", endpoint):
        return "is a URL of its own; the host comes from the service's configuration"
    if not endpoint.startswith("/"):
        return "does not start with '/'"
    if "?" in endpoint or "#" in endpoint:
        return "holds a '?' or '#'; query parameters go under 'query'"
    return _fault_of_decoded(endpoint)


def _fault_of_decoded(endpoint: str) -> str | None:
    """What is wrong once percent signs are read as the servers on the way may read them."""
    path = endpoint
    for _ in range(_DECODINGS):
        if _CONTROL.search(path):
            return "holds control characters"
        if path.startswith("//") or "\\" in path:
            return "names a host ('//') or holds a backslash"
        # `..;x` is `..` to servers that know path parameters.
        if any(segment.split(";")[0] in (".", "..") for segment in path.split("/")):
            return "leaves its path with '.' or '..'"
        decoded = unquote(path)
        if decoded == path:
            return None
        path = decoded
    return "is percent-encoded again and again"
