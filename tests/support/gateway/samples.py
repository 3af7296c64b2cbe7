"""The least a body must hold, made from the OpenAPI document: so that a new route needs no sample of its own."""

from collections.abc import Mapping
from typing import Any


class Samples:
    """Bodies and paths for the operations of a document.

    Args:
        document: The OpenAPI document.
        known: Values by the name of the property that holds them.
        queries: The same for parameters of queries.
    """

    def __init__(self, document: Mapping[str, Any], known: Mapping[str, Any], queries: Mapping[str, str]) -> None:
        self._document = document
        self._queries = queries
        self._known = known

    def path(self, path: str, values: Mapping[str, str]) -> str:
        """A path with its parameters filled in.

        Raises:
            KeyError: it has one that nobody has told of: whose is it?
        """
        for name in self.parameters(path):
            path = path.replace(f"{{{name}}}", values[name])
        return path

    @staticmethod
    def parameters(path: str) -> list[str]:
        """The names of a path's parameters."""
        return [part[1:-1] for part in path.split("/") if part.startswith("{")]

    def request(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        """What httpx is given for an operation: its query, as far as values are known, and its body."""
        asked = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        query = {name: value for name, value in self._queries.items() if name in asked}
        return {"params": query, **self._body(operation)}

    def _body(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        content = operation.get("requestBody", {}).get("content", {})
        if "application/yaml" in content:
            return {"content": self._known["definition"], "headers": {"content-type": "application/yaml"}}
        if "application/x-www-form-urlencoded" in content:
            return {"data": {"decision": "approve"}}
        if "application/json" in content:
            return {"json": self.value(content["application/json"]["schema"])}
        return {}

    def value(self, schema: Mapping[str, Any], name: str = "") -> Any:
        """The least value a schema takes; `name` is the property's."""
        if "$ref" in schema:
            return self.value(self._at(schema["$ref"]), name)
        if name in self._known:
            return self._known[name]
        for way in ("anyOf", "oneOf"):
            if way in schema:
                return self.value(schema[way][0], name)
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object":
                wanted = set(schema.get("required", ())) | (set(schema.get("properties", {})) & set(self._known))
                return {key: self.value(schema["properties"][key], key) for key in sorted(wanted)}
            case "array":
                items = schema.get("items", {})
                return [self.value(items, name)] * int(schema.get("minItems", 0))
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return False
            case "null":
                return None
            case _:
                return "x"

    def _at(self, reference: str) -> Any:
        found: Any = self._document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return found
