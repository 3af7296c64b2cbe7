"""A document as YAML text that any YAML reader takes for the same values, 1.1 or 1.2.

Texts go without quotes only where no reader could see anything else in them, so `on`, `1.2` and `2026-01-31` get
quotes. Texts of several lines stand as `|` blocks, because prompts and templates are to be read by people.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_BLOCK_LINE = re.compile("[\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def to_yaml(document: Any) -> str:
    """The YAML text of JSON values."""
    return "\n".join(_lines(document, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _entry(f"{indent}{_scalar(key)}:", item, indent)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _item(item, indent)
    else:
        yield indent + _scalar(value)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield head
        yield from _lines(value, indent + "  ")
    elif isinstance(value, str) and _fits_block(value):
        yield f"{head} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from (f"{indent}  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        first, *rest = _lines(value, indent + "  ")
        yield f"{indent}- {first.removeprefix(indent + '  ')}"
        yield from rest
    else:
        yield from _entry(f"{indent}-", value, indent)


def _fits_block(text: str) -> bool:
    """Whether the lines can stand as they are: an indented or empty first line would need an indentation mark."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and bool(lines[0].strip()) and not lines[0].startswith(" ")
        and bool(lines[-1])
        and all(_BLOCK_LINE.fullmatch(line) and not line.endswith(" ") for line in lines)
    )  # fmt: skip


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        # A JSON string is a YAML string; what YAML cannot print has to be escaped besides.
        return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    return json.dumps(value)
