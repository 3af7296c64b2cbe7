"""The body of an HTTP answer as a JSON value."""

import base64
import json
from typing import Any, NoReturn

import orjson

from agents.services.wording import excerpt
from graphs.errors import InputError, StepError
from graphs.values import json_value


def read_body(content: bytes, content_type: str, charset: str | None, what: str) -> Any:
    """What a body says.

    Nothing is null; JSON is its value; other text is `{"text": …}`; anything else is
    `{"base64": …, "content_type": …}`.

    Raises:
        StepError: it claims to be JSON and is not.
    """
    if not content:
        return None
    kind = content_type.split(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return _read_json(content, what)
    try:
        return {"text": content.decode(charset or "utf-8")}
    except (UnicodeDecodeError, LookupError):
        return {"base64": base64.b64encode(content).decode(), "content_type": kind}


def _read_json(content: bytes, what: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    # orjson is strict about half characters, which servers that cut texts do send; we take them, cleaned.
    try:
        return json_value(json.loads(content, parse_constant=_refuse_constant))
    except (ValueError, RecursionError, InputError) as error:
        said = excerpt(content[:2000].decode("utf-8", "replace"))
        raise StepError(
            f"{what} answered with what it calls JSON and is not ({error}): {said}",
            category="dependency",
            code="response_invalid",
        ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
