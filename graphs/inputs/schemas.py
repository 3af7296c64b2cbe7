"""Can a JSON Schema be used? Everything that is wrong with one, each with its place."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, ValidationError

from graphs.inputs.formats import UNCHECKED, WORDS
from graphs.inputs.patterns import Pattern, PatternError
from graphs.inputs.secrets import resolve
from graphs.loading.names import suggestion
from graphs.loading.places import Path

_MOST_SCHEMAS = 5_000
_MOST_NAMES = 100
_MOST_EXPANDED = 10_000
"""How many schemas one schema may stand for at a single value, references followed: ten lines make billions."""


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
    if endless := list(_endless_lists(schema)):
        return endless
    found = [_as_fault(error) for error in Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema)]
    for path, inner in schemas_in(schema):
        found += _faults_of_one(schema, path, inner)
    if not found and _Expansion(schema).of(schema) > _MOST_EXPANDED:
        words = "the schema refers to itself without an end, or stands for too many schemas"
        hint = "Let a reference to itself stand under 'properties' or 'items'."
        found.append(SchemaFault("schema_endless", (), words, hint))
    return found


def _endless_lists(schema: Any) -> Iterator[SchemaFault]:
    """Long lists of names that hold something else: jsonschema compares each item with each, for minutes."""
    for path, one in schemas_in(schema):
        dependent = one.get("dependentRequired")
        lists: dict[Path, Any] = {(word,): one.get(word) for word in ("type", "required")}
        if isinstance(dependent, Mapping):
            lists |= {("dependentRequired", str(name)): names for name, names in dependent.items()}
        for words, names in lists.items():
            if (
                isinstance(names, list)
                and len(names) > _MOST_NAMES
                and not all(isinstance(name, str) for name in names)
            ):
                yield SchemaFault(
                    "schema_invalid",
                    (*path, *words),
                    f"'{words[0]}' is a list of names",
                    "Look at JSON Schema, draft 2020-12.",
                )


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
