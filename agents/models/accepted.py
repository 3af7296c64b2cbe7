"""What providers accept of names, ids and schemas. Pure.

Of what goes beyond, they refuse the whole request (400), which no retry mends: one tool nobody has, called by a name
with a dot in it, would end an agent's work with its next turn.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

_LONGEST_NAME: Final = 64
_LONGEST_ID: Final = 40
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")
COMBINING: Final = frozenset({"oneOf", "anyOf", "allOf", "not", "enum"})
"""What a schema of arguments may not have at its top."""

_HOLDING_SCHEMAS: Final = ("properties", "$defs", "definitions", "patternProperties")


def accepted_name(name: str) -> str:
    """A tool's name as a model wrote it, so that it may be told what it wrote."""
    return _NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME] or "unnamed"


def accepted_id(call_id: str) -> str:
    """The id of a call: other servers' are longer than OpenAI takes, and a replay may go from one to another."""
    if len(call_id) <= _LONGEST_ID:
        return call_id
    return f"call_{hashlib.sha256(call_id.encode(errors='replace')).hexdigest()[: _LONGEST_ID - 5]}"


def accepted_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of arguments as models are told it; the whole of it is for whoever judges what they give.

    What combines schemas is left out at the top, and lists say what they hold.
    """
    told = {key: value for key, value in schema.items() if key not in COMBINING}
    described: dict[str, Any] = _listing({**told, "type": "object"})
    return described


def _listing(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    told = dict(schema)
    for key in _HOLDING_SCHEMAS:
        if isinstance(told.get(key), Mapping):
            told[key] = {name: _listing(one) for name, one in told[key].items()}
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(told.get(key), list):
            told[key] = [_listing(one) for one in told[key]]
    for key in ("items", "additionalProperties"):
        if key in told:
            told[key] = _listing(told[key])
    kind = told.get("type")
    if (kind == "array" or (isinstance(kind, list) and "array" in kind)) and "prefixItems" not in told:
        told.setdefault("items", {})
    return told
