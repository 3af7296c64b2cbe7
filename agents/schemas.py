"""JSON Schema, formats and patterns for steps, from `graphs.inputs`.

Loaded through `agents.loading`: the jsonschema package under it is slow to import.
"""

from collections.abc import Mapping
from typing import Any, Final

from agents.values import shorten
from graphs.errors import DefinitionError, InputError, StepError
from graphs.inputs import Pattern, PatternError, check_input, schema_faults
from graphs.inputs.formats import WORDS, has_format

MAX_TOLD: Final = 2000
"""Characters of what is wrong that a message, or a model, is told."""


def misfit(schema: Mapping[str, Any], value: Any, name: str = "value") -> str | None:
    """What keeps the value from fitting the schema, in words; None when it fits. Secrets in it are not shown.

    Raises:
        StepError: the schema is none.
    """
    try:
        check_input(schema, value, name=name)
    except InputError as error:
        return shorten(error.message.removesuffix("."), MAX_TOLD)
    except DefinitionError:
        check_schema(schema)
        raise
    return None


def check_schema(schema: Mapping[str, Any]) -> None:
    """Whether it is a JSON Schema that can be used.

    Raises:
        StepError: `schema_invalid`.
    """
    for fault in schema_faults(schema):
        if not fault.doubt:
            place = f" (at {'.'.join(map(str, fault.path))})" if fault.path else ""
            raise StepError(
                f"the JSON Schema cannot be used: {fault.message}{place}.",
                category="validation",
                code="schema_invalid",
                hint=fault.hint,
            )


def pattern(text: str) -> Pattern:
    """A regular expression that cannot keep the process busy.

    Raises:
        StepError: `pattern_invalid`.
    """
    try:
        return Pattern.of(text)
    except PatternError as error:
        raise StepError(
            f"{error}.",
            category="validation",
            code="pattern_invalid",
            hint="Look-around and back-references are not known; write several patterns instead.",
        ) from None


def wrong_format(name: str, value: Any) -> str | None:
    """What is wrong with a value that should have a format; None when nothing is."""
    return None if isinstance(value, str) and has_format(name, value) else f"is not {WORDS[name]}"
