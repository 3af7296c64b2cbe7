"""Filling in what a schema gives as `default`, without touching what was given."""

from collections.abc import Mapping
from typing import Any

from graphs.inputs.secrets import resolve
from graphs.inputs.validators import TooCostlyError

_MOST_SCHEMAS = 100_000


def with_defaults(schema: Any, value: Any) -> Any:
    """The value with the defaults of missing properties; the same object where there is nothing to fill in.

    Raises:
        TooCostlyError: the schema refers to itself in more than one way at each level of a deep value.
    """
    return _Filler(schema).filled(schema, value)


class _Filler:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _MOST_SCHEMAS

    def filled(self, schema: Any, value: Any) -> Any:
        if not isinstance(schema, Mapping):
            return value
        self._left -= 1
        if self._left < 0:
            raise TooCostlyError
        if isinstance(reference := schema.get("$ref"), str):
            value = self.filled(resolve(self._root, reference), value)
        for inner in schema.get("allOf") or ():
            value = self.filled(inner, value)
        if isinstance(value, dict):
            return self._object(schema, value)
        if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
            items = [self.filled(schema["items"], item) for item in value]
            return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
        return value

    def _object(self, schema: Mapping[str, Any], value: dict[str, Any]) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for name, inner in (schema.get("properties") or {}).items():
            if name in value:
                new = self.filled(inner, value[name])
                if new is not value[name]:
                    filled[name] = new
            elif isinstance(inner, Mapping) and "default" in inner:
                filled[name] = self.filled(inner, inner["default"])
        return {**value, **filled} if filled else value
