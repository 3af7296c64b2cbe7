"""JSON Schemas as validators: compiled once, with our own engine for patterns, our own formats, and bounds."""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import orjson
import referencing
from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator

from graphs.errors import DefinitionError, Problem
from graphs.inputs.formats import format_checker
from graphs.inputs.patterns import Pattern
from graphs.inputs.schemas import SchemaFault, schema_faults

_MOST_REFERENCES = 30_000
"""How many references are followed for one value, however deep it is."""


class TooCostlyError(Exception):
    """A value would take too long to check: its schema refers to itself in more than one way at each level."""


def compiled(schema: Mapping[str, Any]) -> Validator:
    """A validator for a schema, kept for the next one who asks with an equal schema.

    Raises:
        DefinitionError: the schema cannot be used.
    """
    return _compiled(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS))


@lru_cache(maxsize=512)
def _compiled(text: bytes) -> Validator:
    schema = orjson.loads(text)
    if faults := [fault for fault in schema_faults(schema) if not fault.doubt]:
        raise DefinitionError([_problem(fault) for fault in faults])
    # An empty registry: the package's own would fetch references from the network.
    validator: Validator = _Validator(schema, registry=referencing.Registry(), format_checker=_FORMATS)
    return validator


def _problem(fault: SchemaFault) -> Problem:
    where = ".".join(str(part) for part in fault.path) or None
    place = f"schema, {where}: " if where else "schema: "
    return Problem(fault.code, f"{place}{fault.message}.", fault.hint, where)


def errors_of(validator: Validator, value: Any) -> list[ValidationError]:
    """Everything wrong with a value.

    Raises:
        TooCostlyError: it would take too long to say.
    """
    token = _references.set([_MOST_REFERENCES])
    try:
        return list(validator.iter_errors(value))
    finally:
        _references.reset(token)


_references: ContextVar[list[int]] = ContextVar("references left for the value that is being checked")


def _reference(validator: Any, reference: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    left = _references.get()
    left[0] -= 1
    if left[0] < 0:
        raise TooCostlyError
    yield from Draft202012Validator.VALIDATORS["$ref"](validator, reference, instance, schema)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not Pattern.of(pattern).found_in(instance):
        yield ValidationError("pattern")


def _properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for name, inner in properties.items():
        if name in instance and inner is False:
            # The package forgets to say where it is when the schema is just `false`.
            yield ValidationError("false", path=(name,), instance=instance[name])
        elif name in instance:
            yield from validator.descend(instance[name], inner, path=name, schema_path=name)


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for text, inner in patterns.items():
            for name, value in instance.items():
                if Pattern.of(text).found_in(name):
                    yield from validator.descend(value, inner, path=name, schema_path=text)


def _additional_properties(validator: Any, inner: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    extras = unknown_properties(schema, instance)
    if validator.is_type(inner, "object"):
        for name in extras:
            yield from validator.descend(instance[name], inner, path=name)
    elif inner is False and extras:
        yield ValidationError("additionalProperties")


def unknown_properties(schema: Mapping[str, Any], instance: Mapping[str, Any]) -> list[str]:
    """Names in an object that neither `properties` nor `patternProperties` speak of."""
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    return [
        name for name in instance if name not in named and not any(Pattern.of(text).found_in(name) for text in patterns)
    ]


def _unique_items(validator: Any, unique: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    # The package compares every item with every other where items cannot be sorted: minutes for 10,000 objects.
    if unique and validator.is_type(instance, "array") and len({_canonical(item) for item in instance}) < len(instance):
        yield ValidationError("uniqueItems")


def _canonical(value: Any) -> bytes:
    return orjson.dumps(_whole(value), option=orjson.OPT_SORT_KEYS)


def _whole(value: Any) -> Any:
    """JSON knows no difference between 1 and 1.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value) if abs(value) < 2**53 else value
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value


_FORMATS = format_checker()
_KEYWORDS: Mapping[str, Any] = {
    "$ref": _reference,
    "properties": _properties,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
_extend: Any = validators.extend  # the package gives it no types
_Validator: Any = _extend(Draft202012Validator, _KEYWORDS)
