"""What may stand after `is`."""

from collections.abc import Callable
from typing import Any, Final

from graphs.expressions.faults import fault
from graphs.expressions.secret import Secret, reveal
from graphs.expressions.values import MISSING, Kind, kind_of


def _of(kind: Kind) -> Callable[[Any], bool]:
    return lambda value: kind_of(value) == kind


def _defined(value: Any) -> bool:
    if type(value) is Secret and reveal(value) is MISSING:
        # An answer could be branched on, and would tell the length of a secret, or its fields, by and by.
        raise fault("secret_refused", "what a secret holds cannot be asked for.", "Use |default(…) instead.")
    return value is not MISSING


TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    # The evaluator lets only these two see a missing value; for all others it is an error.
    "defined": _defined,
    "undefined": lambda value: not _defined(value),
    "none": _of("null"),
    "boolean": _of("boolean"),
    "number": _of("number"),
    "string": _of("text"),
    "mapping": _of("object"),
    # Jinja2 says yes for texts and objects too; here a sequence is a list.
    "sequence": _of("list"),
}
