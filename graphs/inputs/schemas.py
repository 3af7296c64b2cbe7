"""JSON Schemas made ready: checked, compiled once, with our own engine for patterns and our own formats."""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import referencing
from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator

from graphs.errors import DefinitionError, Problem
from graphs.inputs.formats import UNCHECKED, WORDS, format_checker
from graphs.inputs.patterns import Pattern, PatternError
from graphs.inputs.secrets import resolve
from graphs.loading.names import suggestion
from graphs.loading.places import Path

_MOST_SCHEMAS = 5_000
_MOST_EXPANDED = 10_000
"""How many schemas one schema may stand for at a single value, references followed: ten lines make billions."""
_MOST_REFERENCES = 30_000
"""How many references are followed for one value, however deep it is."""


class TooCostlyError(Exception):
    """A value would take too long to check: its schema refers to itself in more than one way at each level."""


class SchemaFault(NamedTuple):
    """Why a schema, or a part of it, cannot be used. `doubt` says that it can, and probably means something else."""

    code: str
    path: Path
    message: str
    hint: str | None
    doubt: bool = False


def schema_faults(schema: Any) -> list[SchemaFault]:
    """Everything that is wrong with a schema, each with the path to it; empty when it can be used."""
    if not isinstance(schema, Mapping):
        hint = "Write `type: object` and `properties`."
        return [SchemaFault("schema_invalid", (), "a JSON Schema is a mapping", hint)]
    found = [_as_fault(error) for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema)]
    for path, inner in schemas_in(schema):
        found += _faults_of_one(schema, path, inner)
    if not found and _Expansion(schema).of(schema) > _MOST_EXPANDED:
        words = "the schema refers to itself without an end, or stands for too many schemas"
        hint = "Let a reference to itself stand under 'properties' or 'items'."
        found.append(SchemaFault("schema_endless", (), words, hint))
    return found


class _Expansion:
    """How many schemas are looked at for one value, without going into it."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[int, int] = {}
        self._open: set[int] = set()

    def of(self, schema: Any) -> int:
        if not isinstance(schema, Mapping):
            return 1
        if id(schema) in self._open:
            return _MOST_EXPANDED + 1
        if id(schema) not in self._known:
            self._open.add(id(schema))
            self._known[id(schema)] = 1 + sum(min(self.of(one), _MOST_EXPANDED + 1) for one in self._same_value(schema))
            self._open.discard(id(schema))
        return self._known[id(schema)]

    def _same_value(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        if isinstance(reference := schema.get("$ref"), str):
            yield resolve(self._root, reference)
        for word in ("allOf", "anyOf", "oneOf"):
            yield from schema.get(word) or ()
        yield from (schema[word] for word in ("not", "if", "then", "else") if word in schema)
        yield from (schema.get("dependentSchemas") or {}).values()


def _as_fault(error: ValidationError) -> SchemaFault:
    path = tuple(error.absolute_path)
    value = error.instance
    shown = repr(value) if isinstance(value, str | int | float | bool | None) else "this"
    if error.validator == "enum" or (error.validator == "anyOf" and path and path[-1] == "type"):
        names = ("array", "boolean", "integer", "null", "number", "object", "string")
        return SchemaFault("schema_invalid", path, f"{shown[:60]} is no type of JSON", suggestion(str(value), names))
    wanted = error.schema.get("type") if isinstance(error.schema, Mapping) else None
    words = f"{shown[:60]} is not of the kind {wanted}" if error.validator == "type" else f"{shown[:60]} is not allowed"
    return SchemaFault("schema_invalid", path, f"{words} in a JSON Schema", "Look at JSON Schema, draft 2020-12.")


def schemas_in(schema: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """A schema and those inside it, each with its path."""
    waiting: list[tuple[Path, Any]] = [((), schema)]
    for _ in range(_MOST_SCHEMAS):
        if not waiting:
            return
        path, one = waiting.pop()
        if isinstance(one, Mapping):
            yield path, one
            waiting += _below(path, one)


_BY_NAME = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames")
_SINGLE_RARE = ("unevaluatedItems", "unevaluatedProperties")


def _below(path: Path, schema: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for word in _BY_NAME:
        if isinstance(named := schema.get(word), Mapping):
            yield from (((*path, word, str(name)), inner) for name, inner in named.items())
    for word in _LISTS:
        if isinstance(listed := schema.get(word), list):
            yield from (((*path, word, index), inner) for index, inner in enumerate(listed))
    yield from (((*path, word), schema[word]) for word in (*_SINGLE, *_SINGLE_RARE) if word in schema)


def _faults_of_one(root: Any, path: Path, schema: Mapping[str, Any]) -> Iterator[SchemaFault]:
    yield from _pattern_faults(path, schema)
    if isinstance(reference := schema.get("$ref"), str):
        if not reference.startswith("#"):
            words = f"the reference {reference[:60]!r} leads out of the schema"
            yield SchemaFault("schema_reference", (*path, "$ref"), words, "Copy the schema into '$defs'.")
        elif not isinstance(resolve(root, reference), Mapping | bool):
            words = f"the reference {reference[:60]!r} leads nowhere"
            yield SchemaFault("schema_reference", (*path, "$ref"), words, "Write it as '#/$defs/name'.")
    if "$id" in schema or "$dynamicRef" in schema or "$anchor" in schema:
        words = "'$id', '$anchor' and '$dynamicRef' are not supported"
        yield SchemaFault("schema_reference", path, words, "Refer to '#/$defs/name'.")
    known = (*WORDS, *UNCHECKED)
    if isinstance(name := schema.get("format"), str) and name not in known:
        hint = suggestion(name, known, "Formats that are known")
        yield SchemaFault("schema_format", (*path, "format"), f"nothing checks the format {name!r}", hint, doubt=True)


def _pattern_faults(path: Path, schema: Mapping[str, Any]) -> Iterator[SchemaFault]:
    hint = "Look-around and back-references are not known; write several patterns instead."
    named = schema.get("patternProperties")
    places: list[tuple[Path, Any]] = [((*path, "pattern"), schema.get("pattern"))]
    places += [((*path, "patternProperties", text), text) for text in (named if isinstance(named, Mapping) else ())]
    for place, text in places:
        if isinstance(text, str):
            try:
                Pattern.of(text)
            except PatternError as error:
                yield SchemaFault("schema_pattern", place, str(error), hint)
    if named and "unevaluatedProperties" in schema:
        words = "'patternProperties' and 'unevaluatedProperties' cannot be used together"
        yield SchemaFault("schema_pattern", path, words, "Use 'additionalProperties'.")


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
