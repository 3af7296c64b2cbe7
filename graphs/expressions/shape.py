"""Shape: what is known about data before there is any."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

ShapeKind = Literal["any", "null", "boolean", "number", "text", "list", "object"]

_MAX_REFERENCES: Final = 32
_KINDS: Final[dict[str, ShapeKind]] = {
    "null": "null",
    "boolean": "boolean",
    "integer": "number",
    "number": "number",
    "string": "text",
    "array": "list",
    "object": "object",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value looks like.

    Attributes:
        kind: `any` when nothing is known.
        fields: Of an object, those that are known.
        open: An object may have further fields than those.
        items: Of a list, the shape of each item.
    """

    kind: ShapeKind = "any"
    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    open: bool = True
    items: "Shape | None" = None


ANY: Final = Shape()


def object_shape(fields: Mapping[str, Shape], *, open: bool = False) -> Shape:  # noqa: A002 - the field's name
    """An object with these fields, and no others unless it is open."""
    return Shape("object", fields=fields, open=open)


def list_shape(items: Shape = ANY) -> Shape:
    """A list of such items."""
    return Shape("list", items=items)


def shape_from_schema(schema: Any, *, closed: bool = False) -> Shape:
    """The shape that a JSON Schema promises; `ANY` wherever it promises nothing we can use.

    Args:
        schema: A JSON Schema, with references only to itself (`#/…`).
        closed: Take objects that list properties as closed unless they say `additionalProperties: true`. JSON Schema
            leaves them open, but who lists the fields of an input seldom means that others may be read too.
    """
    return _Reader(schema, closed).shape(schema, 0)


class _Reader:
    def __init__(self, root: Any, closed: bool) -> None:
        self._root = root
        self._closed = closed

    def shape(self, schema: Any, depth: int) -> Shape:
        # Schemas may refer to themselves; so deep nobody reads without a computed key.
        if not isinstance(schema, Mapping) or depth > _MAX_REFERENCES:
            return ANY
        if "$ref" in schema:
            return self.shape(self._target(schema["$ref"]), depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._only_one(schema[word], depth)
        if any(word in schema for word in ("allOf", "if", "not", "$dynamicRef")):
            return ANY
        kind = self._kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "list":
            return list_shape(ANY if "prefixItems" in schema else self.shape(schema.get("items"), depth + 1))
        return Shape(kind)

    def _kind(self, schema: Mapping[str, Any]) -> ShapeKind:
        declared = schema.get("type", "object" if "properties" in schema else None)
        names = declared if isinstance(declared, list) else [declared]
        kinds = {_KINDS.get(str(name), "any") for name in names if name != "null"}
        # "A text or null" is a text as far as names go.
        return kinds.pop() if len(kinds) == 1 else "any"

    def _only_one(self, choices: Any, depth: int) -> Shape:
        if not isinstance(choices, list):
            return ANY
        shapes = [self.shape(one, depth + 1) for one in choices if one != {"type": "null"}]
        return shapes[0] if len(shapes) == 1 else ANY

    def _object(self, schema: Mapping[str, Any], depth: int) -> Shape:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return Shape("object", open=schema.get("additionalProperties") is not False)
        fields = {str(name): self.shape(one, depth + 1) for name, one in properties.items()}
        others = schema.get("additionalProperties", not self._closed)
        return Shape("object", fields=fields, open=others is not False or "patternProperties" in schema)

    def _target(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        found = self._root
        for part in reference[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, Mapping) else None
        return found
