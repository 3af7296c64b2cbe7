"""Doing work on values that may be secrets, and saying where it failed."""

from collections.abc import Callable, Sequence
from typing import Any

from graphs.errors import ExpressionError
from graphs.expressions.faults import fault
from graphs.expressions.secret import Secret, SecretMetError, reveal


def run_at(offset: int, work: Callable[..., Any], *operands: Any) -> Any:
    """`work(*operands)`, with the offset added to its errors, and over secrets a secret.

    Args:
        offset: Where in the source the work is written.
        work: A pure function; it is called a second time, on the plain values, when it meets a secret.
        operands: What it is given.
    """
    try:
        return work(*operands)
    except SecretMetError:
        pass  # Go on outside of the handler, so that no later error has this one as its context.
    except ExpressionError as error:
        locate(error, offset)
        raise
    return over_secrets(offset, work, operands)


def over_secrets(offset: int, work: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """The work done on the plain values, its result a secret; even MISSING, for what is not in a secret is secret."""
    try:
        return Secret(work(*map(reveal, operands)))
    except ExpressionError as error:
        code: Any = error.code
    # Not the error itself: its sentence and its traceback may tell of the plain value (its fields, its length).
    raise fault(code, "this does not work on the secret value here.", "Look at what the secret holds.", offset)


def locate(error: ExpressionError, offset: int) -> None:
    """Gives an error the place it happened at, unless a part further in already did."""
    if error.offset is None:
        error.offset = offset
