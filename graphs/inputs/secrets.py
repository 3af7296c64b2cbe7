"""Which parts of a value its schema marks as secret (X12): `format: password`, `x-secret: true`, `writeOnly: true`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

SecretPath: TypeAlias = tuple[str, ...]

_NAME = re.compile(
    r"password|passwd|passphrase|secret|token(?!s|iz)|(?:api|private|access)[_-]?key|credential|authorization|cookie",
    re.IGNORECASE,
)

ANY_KEY = "*"
"""Stands for every item of a list, and every further key of an object."""

_MOST_SCHEMAS = 5_000
_SAME_VALUE = ("allOf", "anyOf", "oneOf")
_SAME_VALUE_ONE = ("if", "then", "else")


def secret_paths(schema: Mapping[str, Any] | None) -> tuple[SecretPath, ...]:
    """Paths to secret values: `("password",)`, `("cards", "*", "number")`; `()` alone marks the whole value.

    Where a schema refers to itself, and so has no end, the whole inner value counts as secret.
    """
    if schema is None or not _marks_anything(schema):
        return ()
    finder = _Finder(schema)
    found = tuple(dict.fromkeys(finder.paths(schema, (), ())))
    return ((),) if finder.gave_up else found


def names_a_secret(name: str) -> bool:
    """Whether a key's name says that its value is secret, where no schema does: `openai_api_key`, `accessToken`."""
    return _NAME.search(name) is not None


def is_marked_secret(schema: Any) -> bool:
    """Whether a schema itself says that its value is secret."""
    return isinstance(schema, Mapping) and (
        schema.get("format") == "password" or schema.get("x-secret") is True or schema.get("writeOnly") is True
    )


def covers(paths: Sequence[SecretPath], path: Sequence[str | int]) -> bool:
    """Whether a value at this path is secret, or part of one that is."""
    return any(
        len(secret) <= len(path) and all(key in (ANY_KEY, str(there)) for key, there in zip(secret, path, strict=False))
        for secret in paths
    )


def _marks_anything(schema: Any) -> bool:
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if is_marked_secret(one):
            return True
        waiting.extend(one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ())
    return False


class _Finder:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = _MOST_SCHEMAS
        self.gave_up = False

    def paths(self, schema: Any, path: SecretPath, followed: tuple[str, ...]) -> Iterator[SecretPath]:
        """The paths of a schema whose value stands at `path`, reached through the references `followed`."""
        if not isinstance(schema, Mapping):
            return
        self._left -= 1
        if self._left < 0:
            self.gave_up = True
            return
        reference = schema.get("$ref")
        if is_marked_secret(schema) or reference in followed:
            yield path
            return
        if isinstance(reference, str):
            yield from self.paths(resolve(self._root, reference), path, (*followed, reference))
        for key, inner in _inner(schema):
            yield from self.paths(inner, path if key is None else (*path, key), followed)


def _inner(schema: Mapping[str, Any]) -> Iterator[tuple[str | None, Any]]:
    """Schemas inside a schema, each with the key of the value it speaks of; None for the same value."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        yield from ((str(name), inner) for name, inner in properties.items())
    for word in ("additionalProperties", "items", "contains"):
        yield ANY_KEY, schema.get(word)
    patterns = schema.get("patternProperties")
    if isinstance(patterns, Mapping):
        yield from ((ANY_KEY, inner) for inner in patterns.values())
    for word in (*_SAME_VALUE, "prefixItems"):
        inners = schema.get(word)
        if isinstance(inners, list):
            yield from ((ANY_KEY if word == "prefixItems" else None, inner) for inner in inners)
    yield from ((None, schema.get(word)) for word in _SAME_VALUE_ONE)


def resolve(root: Any, reference: str) -> Any:
    """What a reference of a schema to itself (`#/$defs/card`) leads to; None when it leads nowhere."""
    if not reference.startswith("#"):
        return None
    found = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal() and len(key) < 6 and int(key) < len(found):
            found = found[int(key)]
        else:
            found = found.get(key) if isinstance(found, Mapping) else None
    return found
