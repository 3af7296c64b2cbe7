"""JSON Schema, checked. Loaded through `agents.loading`: jsonschema with its formats is slow to import."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker, SchemaError, ValidationError, validators

from agents.patterns import Pattern
from agents.values import shorten
from graphs.errors import StepError

MAX_FAULTS: Final = 20
_FORMATS: Final = FormatChecker()

_EMAIL: Final = r"^[^@\s\x00-\x1f\x7f]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$"


@_FORMATS.checks("email")
def _email(value: object) -> bool:
    """Stricter than jsonschema's own, which is content with an `@`."""
    return not isinstance(value, str) or Pattern.of(_EMAIL).found_in(value)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """`pattern` on an engine that needs linear time: Python's own can be kept busy for ever by 40 characters."""
    if validator.is_type(instance, "string") and not Pattern.of(pattern).found_in(instance):
        yield ValidationError(f"{shorten(repr(instance), 60)} does not match {pattern!r}")


_extend: Any = validators.extend  # it carries no types
_Validator: Final = _extend(Draft202012Validator, {"pattern": _pattern})


def faults(schema: Mapping[str, Any], value: Any, place: str = "") -> list[str]:
    """What keeps the value from fitting the schema, each as `place: problem`; empty when it fits.

    Raises:
        StepError: the schema is none.
    """
    check_schema(schema)
    found = _Validator(schema, format_checker=_FORMATS).iter_errors(value)
    sorted_faults = sorted(found, key=lambda error: [str(part) for part in error.absolute_path])
    return [f"{_path(place, error)}: {error.message[:300]}" for error in sorted_faults[:MAX_FAULTS]]


def check_schema(schema: Mapping[str, Any]) -> None:
    """Whether it is a JSON Schema.

    Raises:
        StepError: `schema_invalid`.
    """
    try:
        _Validator.check_schema(schema)
    except SchemaError as error:
        raise StepError(
            f"the JSON Schema is none: {error.message[:300]} (at {error.json_path}).",
            category="validation",
            code="schema_invalid",
        ) from None


def has_format(name: str, value: str) -> bool:
    """Whether the text has that format: `email`, `uri`, `uuid`, `date`, `date-time`, `ipv4` …"""
    return _FORMATS.conforms(value, name)


def _path(place: str, error: ValidationError) -> str:
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return f"{place}{parts}".lstrip(".") or "value"
