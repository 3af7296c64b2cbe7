"""The rules `validation` knows by itself, each a small function from a value to what is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any, "Parameters", Any], str | None]
"""Value, the rule's parameters, `agents.schemas` → the problem in words after the field's name, or None."""


class Parameters(Mapping[str, Any]):
    """The parameters of one rule; what was not given reads as None."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = {name: value for name, value in given.items() if value is not None}

    def __getitem__(self, name: str) -> Any:
        return self._given.get(name)

    def __iter__(self) -> Any:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


def _required(value: Any, parameters: Parameters, schemas: Any) -> str | None:
    return "is missing" if value is None or value == "" else None


def _length(value: Any, parameters: Parameters, schemas: Any) -> str | None:
    if not isinstance(value, str | list | dict):
        return "has no length: it is neither a text, a list nor an object"
    word = "characters" if isinstance(value, str) else "entries"
    if parameters["min"] is not None and len(value) < parameters["min"]:
        return f"has {len(value)} {word} and needs at least {parameters['min']}"
    if parameters["max"] is not None and len(value) > parameters["max"]:
        return f"has {len(value)} {word} and may have at most {parameters['max']}"
    return None


def _range(value: Any, parameters: Parameters, schemas: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "is not a number"
    if parameters["min"] is not None and value < parameters["min"]:
        return f"is less than {parameters['min']}"
    if parameters["max"] is not None and value > parameters["max"]:
        return f"is more than {parameters['max']}"
    return None


def _pattern(value: Any, parameters: Parameters, schemas: Any) -> str | None:
    if not isinstance(value, str):
        return "is not a text"
    found = schemas.pattern(parameters["pattern"]).found_in(value)
    return None if found else f"does not match {parameters['pattern']!r}"


def _one_of(value: Any, parameters: Parameters, schemas: Any) -> str | None:
    # `True == 1` in Python, and in no JSON.
    fits = any(type(value) is type(option) and value == option for option in parameters["options"])
    return None if fits else f"is none of {', '.join(map(str, parameters['options']))}"


def _schema(value: Any, parameters: Parameters, schemas: Any) -> str | None:
    problem = schemas.misfit(parameters["schema"], value)
    return f"does not fit its schema: {problem}" if problem else None


def _format(name: str) -> Check:
    def check(value: Any, parameters: Parameters, schemas: Any) -> str | None:
        problem: str | None = schemas.wrong_format(name, value)
        return problem

    return check


FORMATS: Final = ("email", "uri", "uuid", "date", "time", "date-time", "duration", "hostname", "ipv4", "ipv6")

RULES: Final[Mapping[str, Check]] = {
    "required": _required,
    "min_length": _length,
    "max_length": _length,
    "length": _length,
    "range": _range,
    "min": _range,
    "max": _range,
    "pattern": _pattern,
    "one_of": _one_of,
    "schema": _schema,
} | {name: _format(name) for name in FORMATS}

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "min_length": ("min",),
    "max_length": ("max",),
    "length": ("min", "max"),
    "range": ("min", "max"),
    "min": ("min",),
    "max": ("max",),
    "pattern": ("pattern",),
    "one_of": ("options",),
    "schema": ("schema",),
}
"""Parameters a rule cannot do without; of several, one is enough."""
