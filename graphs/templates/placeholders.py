"""`${{ params.NAME }}`: where placeholders may stand, and for which parameters."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from graphs.loading.findings import Findings
from graphs.loading.names import listing, nearest
from graphs.loading.places import Path, Place, place_of
from graphs.loading.words import shown
from graphs.spec import Parameter

PLACEHOLDER = re.compile(r"\$\{\{\s*(.*?)\s*\}\}", re.DOTALL)
NAME = re.compile(r"params\.([A-Za-z_][A-Za-z0-9_-]*)")
OPENING = "{{"
EXPRESSION = "expression"
"""Our own `format`: the value is an expression, or holds some."""


def check_placeholders(document: Any, parameters: Mapping[str, Parameter], findings: Findings) -> None:
    """Every placeholder names a parameter, and every parameter is used somewhere."""
    used: set[str] = set()
    for path, text in texts_of(document, ()):
        for found in PLACEHOLDER.finditer(text):
            place = place_of(document, path)
            name = NAME.fullmatch(found[1])
            if name is None:
                words = f"{shown(found[0])} is no placeholder"
                hint = "Write ${{ params.name }}; expressions stand in {{ }} without the '$'."
                findings.add("placeholder_invalid", place, words, hint, offset=found.start())
            elif name[1] not in parameters:
                near = nearest(name[1], parameters)
                hint = f"Did you mean '{near}'?" if near else listing(parameters, "Parameters")
                words = f"there is no parameter '{name[1]}'"
                findings.add("parameter_unknown", place, words, hint, offset=found.start())
            else:
                used.add(name[1])
                if _is_expression(path, text, found.start()) and not may_be_code(parameters[name[1]]):
                    words = f"{shown(found[0])} would become part of an expression"
                    hint = "Give its schema a type that is no text (number, boolean), or `format: expression`."
                    findings.add("placeholder_in_expression", place, words, hint, offset=found.start())
    for name_unused in parameters.keys() - used:
        place = Place().at("parameters", name_unused)
        hint = f"Use it as ${{{{ params.{name_unused} }}}}, or remove it."
        findings.add("parameter_unused", place, "no placeholder uses it", hint, at_key=True)


_CONDITIONS = frozenset({"condition", "when", "if", "while", "until"})
"""Keys whose texts are expressions as a whole."""


def _is_expression(path: Path, text: str, at: int) -> bool:
    if path and path[-1] in _CONDITIONS:
        return True
    before = PLACEHOLDER.sub("", text[:at])
    return before.count(OPENING) > before.count("}}")


def may_be_code(parameter: Parameter) -> bool:
    """Whether a value may stand in an expression: it is declared as one, or cannot be anything but a number."""
    schema = parameter.schema_ or {}
    return schema.get("format") == EXPRESSION or schema.get("type") in ("integer", "number", "boolean")


def texts_of(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text in a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_of(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts_of(item, (*path, index))


def without_expression(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without our own format, which says who may write expressions and not what a text looks like."""
    return {key: value for key, value in schema.items() if (key, value) != ("format", EXPRESSION)}
