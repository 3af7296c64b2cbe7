"""The functions: what an expression may ask for that no name holds. All are the same again in a replay."""

from typing import Any, Final
from uuid import UUID, uuid5

from graphs.expressions.digests import digest, password_hash, utf8
from graphs.expressions.faults import fault
from graphs.expressions.filters.dates import iso
from graphs.expressions.frame import Frame
from graphs.expressions.signature import Builtin, table
from graphs.expressions.values import text_of

_NAMESPACE: Final = UUID("b1f5c1a2-58f3-5d0c-9d57-0b3a5a7c6e10")
"""Ours, so that our ids never meet those another program makes of the same text."""


def now(frame: Frame) -> str:
    """`now()`: the time of the step, recorded once, so that a replay reads the same clock."""
    if frame.context is None:
        raise fault("no_context", "now() needs the time of the step, and none was given.", "Pass an EvaluationContext.")
    return iso(frame.context.now)


def uuid(frame: Frame, key: Any) -> str:
    """`uuid('invoice')`: an id that is this step's and this key's alone, and the same in every attempt."""
    if frame.context is None:
        raise fault(
            "no_context", "uuid() needs the seed of the step, and none was given.", "Pass an EvaluationContext."
        )
    name = text_of(key)
    utf8(name)  # uuid5 would raise an error of Python's for a text that has no bytes.
    # In two steps, so that seed "a" with key "bc" is not seed "ab" with key "c".
    return str(uuid5(uuid5(_NAMESPACE, frame.context.seed), name))


FUNCTIONS: Final[dict[str, Builtin]] = table(
    "function", {"now": now, "uuid": uuid, "hash": digest, "password_hash": password_hash}
)
