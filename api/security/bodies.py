"""What a request's body may be. Judged before any route sees it: whatever JSON leaves open, two readers read in two
ways, and what a later part cannot keep would otherwise fail there, with a 500.
"""

import asyncio
import json
import math
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from api.settings import GatewaySettings
from graphs.errors import InputError

_LONG: Final = 256 * 1024
"""Bytes from which a body is looked at in another thread."""

_JUDGES: Final = ThreadPoolExecutor(4, thread_name_prefix="baton-body")
"""What long bodies are made into takes many times their length of memory, so few are looked at together."""

_ITEMS: Final = 1_000_000
"""Values in one body at most: a few bytes each on the wire, a hundred in memory."""

_SILENCE: Final = 60.0
"""Seconds that the rest of a body is waited for, while nothing of it comes."""

_DIGITS: Final = 400
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_MAYBE_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_NUL: Final = b"\\u0000"


class BodyError(InputError):
    """A body that is not taken; the reason is in its code."""

    code = "body_refused"


async def whole_body(receive: Receive, headers: Headers, settings: GatewaySettings, *, judged: bool = True) -> bytes:
    """The body of a request, when it may be taken; `judged` looks into it, where it is JSON.

    Raises:
        BodyError: it is too long, or JSON that says nothing certain.
    """
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced[:18]) > settings.max_body:
        _too_long(settings.max_body)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        try:
            async with asyncio.timeout(_SILENCE):
                message = await receive()
        except TimeoutError:
            raise BodyError(f"Nothing came of the body for {_SILENCE:g} seconds.", code="client_left") from None
        if message["type"] == "http.disconnect":
            raise BodyError("The client left before its request was complete.", code="client_left")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > settings.max_body:
            _too_long(settings.max_body)
        chunks.append(chunk)
        more = message.get("more_body", False)
    body = b"".join(chunks)
    if judged and body and is_json(headers.get("content-type", "")):
        await check_body(body, settings.max_body, settings.max_depth)
    return body


async def check_body(body: bytes, max_bytes: int, max_depth: int) -> None:
    """See `check_json`; a long one is looked at beside the event loop, and one that is too long not at all.

    Raises:
        BodyError: with the reason.
    """
    if len(body) > max_bytes:
        _too_long(max_bytes)
    if len(body) > _LONG:
        await asyncio.get_running_loop().run_in_executor(_JUDGES, check_json, body, max_depth)
    else:
        check_json(body, max_depth)


def again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, and then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def is_json(content_type: str) -> bool:
    """Whether a body of this kind is read as JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def check_json(body: bytes, max_depth: int) -> None:
    """Whether a text is JSON that means one thing, and that we can keep.

    Raises:
        BodyError: with the reason.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BodyError(f"The body is not UTF-8: byte {error.start + 1} fits nowhere.", code="body_not_utf8") from None
    if body.count(b",") > _ITEMS:
        raise BodyError(f"The body holds more than {_ITEMS} values.", code="json_too_large")
    try:
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer, parse_float=_number
        )
    except json.JSONDecodeError as error:
        raise BodyError(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.", code="json_invalid"
        ) from None
    except RecursionError:
        _too_deep(max_depth)
    if body.count(b"[") + body.count(b"{") > max_depth:
        _check_depth(value, max_depth)
    if _NUL in body or _MAYBE_SURROGATE.search(body):
        _check_texts(value)


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise BodyError(f"The key {_short(key)} stands twice in one object.", code="json_duplicate_key")
            seen.add(key)
    return made


def _no_constant(name: str) -> NoReturn:
    raise BodyError(f"{name} is no JSON number.", hint="Send null, or a text.", code="json_not_finite")


def _integer(digits: str) -> int:
    if len(digits) <= _DIGITS and _LOWEST <= (number := int(digits)) <= _HIGHEST:
        return number
    raise BodyError(
        f"The number {digits[:20]}… does not fit into 64 bits.", hint="Send it as a text.", code="json_number_too_large"
    )


def _number(digits: str) -> float:
    number = float(digits)
    if math.isfinite(number):
        return number
    raise BodyError(f"The number {digits[:20]} is too large.", hint="Send it as a text.", code="json_number_too_large")


def _check_depth(value: Any, max_depth: int) -> None:
    level, depth = _inside([value]), 0
    while level:
        depth += 1
        if depth > max_depth:
            _too_deep(max_depth)
        level = [inner for outer in level for inner in _inside(outer.values() if isinstance(outer, dict) else outer)]


def _inside(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def _check_texts(value: Any) -> None:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            if "\x00" in one:
                raise BodyError("A text holds a NUL (\\u0000).", hint="Leave it out.", code="json_nul")
            if not one.isascii() and any("\ud800" <= character <= "\udfff" for character in one):
                raise BodyError(
                    "A text holds half a character (a lone surrogate, \\ud800 to \\udfff).",
                    hint="Send both halves, or U+FFFD in its place.",
                    code="json_lone_surrogate",
                )


def _too_long(limit: int) -> NoReturn:
    raise BodyError(
        f"The body is longer than {limit} bytes.",
        hint="Send less, or raise BATON_MAX_BODY (of a WebSocket: BATON_MAX_MESSAGE).",
        code="body_too_large",
    )


def _too_deep(limit: int) -> NoReturn:
    raise BodyError(f"The body is nested deeper than {limit} levels.", code="json_too_deep")


def _short(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:59] + "…")
