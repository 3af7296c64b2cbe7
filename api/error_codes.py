"""Every code that errors of the gateway have.

The list is made from the code (`python -m tests.support.gateway.codes`); a test refuses one that lacks a code."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

FILE: Final = Path(__file__).with_suffix(".json")


@cache
def error_codes() -> list[dict[str, Any]]:
    """Each code with its statuses, and what is said with it; `<name>` stands for what is filled in.

    A code without a status stands in the `problems` of a definition, or in records.
    """
    codes: list[dict[str, Any]] = orjson.loads(FILE.read_bytes())
    return codes
