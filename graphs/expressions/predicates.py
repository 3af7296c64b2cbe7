"""What may stand after `is`."""

from collections.abc import Callable
from typing import Any, Final

from graphs.expressions.values import MISSING, Kind, kind_of


def _of(kind: Kind) -> Callable[[Any], bool]:
    return lambda value: kind_of(value) == kind


TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    # The evaluator lets only these two see a missing value; for all others it is an error.
    "defined": lambda value: value is not MISSING,
    "undefined": lambda value: value is MISSING,
    "none": _of("null"),
    "boolean": _of("boolean"),
    "number": _of("number"),
    "string": _of("text"),
    "mapping": _of("object"),
    # Jinja2 says yes for texts and objects too; here a sequence is a list.
    "sequence": _of("list"),
}
