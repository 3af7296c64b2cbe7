"""What is wrong with a value, in words: `'x' is not an e-mail address`. Values marked as secret are not shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jsonschema import ValidationError

from graphs.inputs.formats import WORDS
from graphs.inputs.secrets import SecretPath, covers
from graphs.inputs.validators import unknown_properties
from graphs.loading.names import nearest
from graphs.loading.places import written
from graphs.loading.words import shown

MOST = 50
_MOST_ERRORS = 1_000


class Violation(NamedTuple):
    """One thing wrong with a value. `where` is its path: `input.items[0].sku`."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where} {self.message}" if self.message.startswith("is ") else f"{self.where}: {self.message}"


def violations(errors: Sequence[ValidationError], name: str, secrets: Sequence[SecretPath]) -> list[Violation]:
    """The errors of a validator in words, each once, in the order of their places; no more than `MOST`."""
    found = {violation for error in errors[:_MOST_ERRORS] for violation in _of(error, name, secrets)}
    return sorted(found)[:MOST]


def _of(error: ValidationError, name: str, secrets: Sequence[SecretPath]) -> list[Violation]:
    path, keyword = list(error.absolute_path), str(error.validator)
    where = written(path, name)
    if keyword in ("required", "dependentRequired"):
        return [Violation(written([*path, key], name), "is missing") for key in _missing(error)]
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        schema: Any = error.schema
        known, extras = list(schema.get("properties", {})), unknown_properties(schema, _instance(error))
        return [Violation(written([*path, key], name), _unknown(key, known)) for key in extras]
    hidden = covers(secrets, path)
    return [Violation(where, _words(error, keyword, "the value" if hidden else shown(error.instance), hidden))]


def _instance(error: ValidationError) -> Any:
    return error.instance  # typed as possibly unset, which it never is once a validator gave the error


def _missing(error: ValidationError) -> list[str]:
    wanted: Any = error.validator_value
    if isinstance(wanted, Mapping):
        wanted = [key for trigger, keys in wanted.items() if trigger in _instance(error) for key in keys]
    return [key for key in wanted if key not in _instance(error)]


def _unknown(key: str, known: Sequence[str]) -> str:
    near = nearest(key, known)
    return f"is not known here; did you mean '{near}'?" if near else "is not known here"


_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _words(error: ValidationError, keyword: str, value: str, hidden: bool) -> str:
    if keyword == "type":
        wanted: Any = error.validator_value
        kinds = [_KINDS.get(str(kind), str(kind)) for kind in (wanted if isinstance(wanted, list) else [wanted])]
        return f"{value} is not {' or '.join(kinds)}"
    if keyword == "format":
        return f"{value} is not {WORDS.get(str(error.validator_value), str(error.validator_value))}"
    if keyword in ("enum", "const"):
        return _none_of(error, keyword, value, hidden)
    if keyword in ("anyOf", "oneOf"):
        return _no_form(error, value, hidden)
    if hidden and keyword in _LENGTHS:
        return f"the value is too {_LENGTHS[keyword]}; the limit is {error.validator_value}"
    if (sentence := _LIMITS.get(keyword)) is not None:
        return sentence(value, error)
    return f"{value} is not allowed" if keyword == "properties" else f"{value} does not fit '{keyword}'"


def _none_of(error: ValidationError, keyword: str, value: str, hidden: bool) -> str:
    allowed: Any = error.validator_value if keyword == "enum" else [error.validator_value]
    names = ", ".join(shown(one) for one in allowed[:10]) + (", …" if len(allowed) > 10 else "")
    texts = [one for one in allowed if isinstance(one, str)]
    near = nearest(error.instance, texts) if isinstance(error.instance, str) and not hidden else None
    return f"{value} is none of {names}" + (f"; did you mean '{near}'?" if near else "")


def _no_form(error: ValidationError, value: str, hidden: bool) -> str:
    """Of several forms a value may have it has none (or more than one): say what the likeliest lacks."""
    if not error.context:
        return f"{value} fits more than one of the forms it may have"
    by_form: dict[Any, list[ValidationError]] = {}
    for inner in error.context:
        by_form.setdefault(inner.relative_schema_path[0], []).append(inner)
    # A form whose kind is right and that got deepest is what was meant.
    likeliest = min(by_form.values(), key=lambda inners: (inners[0].validator == "type", len(inners)))
    inner = likeliest[0]
    if hidden or inner.validator in ("anyOf", "oneOf") or inner.relative_path:
        return f"{value} fits none of the {len(by_form)} forms it may have"
    return f"{_words(inner, str(inner.validator), value, hidden)}, and fits none of the other forms it may have"


_LENGTHS = {"minLength": "short", "maxLength": "long"}
"""How long a secret is, is part of it."""


def _counted(unit: str, units: str, least: bool) -> Callable[[str, ValidationError], str]:
    def words(value: str, error: ValidationError) -> str:
        size, limit = len(_instance(error)), error.validator_value
        have = f"{size} {unit if size == 1 else units}"
        return f"has {have} and needs at least {limit}" if least else f"has {have} and may have at most {limit}"

    return words


_LIMITS: dict[str, Callable[[str, ValidationError], str]] = {
    "minLength": _counted("character", "characters", True),
    "maxLength": _counted("character", "characters", False),
    "minItems": _counted("item", "items", True),
    "maxItems": _counted("item", "items", False),
    "minProperties": _counted("field", "fields", True),
    "maxProperties": _counted("field", "fields", False),
    "minimum": lambda value, error: f"{value} is less than {error.validator_value}",
    "maximum": lambda value, error: f"{value} is more than {error.validator_value}",
    "exclusiveMinimum": lambda value, error: f"{value} is not more than {error.validator_value}",
    "exclusiveMaximum": lambda value, error: f"{value} is not less than {error.validator_value}",
    "multipleOf": lambda value, error: f"{value} is not a multiple of {error.validator_value}",
    "pattern": lambda value, error: f"{value} does not match {error.validator_value!r}",
    "uniqueItems": lambda value, error: "has the same item more than once",
    "contains": lambda value, error: "has no item of the kind it needs",
    "not": lambda value, error: f"{value} is what it must not be",
}
