"""What runs: closures over the closures of the parts. `evaluate` decides which of them an expression is made of.

A closure takes the frame of the evaluation and gives a value. Running a part costs one Python call for most, and
nothing of what was decided when it was built is decided again.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphs.errors import ExpressionError
from graphs.expressions.arguments import need_boolean
from graphs.expressions.faults import fault
from graphs.expressions.frame import Frame
from graphs.expressions.lift import locate, over_secrets, run_at
from graphs.expressions.operators import Binary
from graphs.expressions.secret import Secret, SecretMetError, reveal
from graphs.expressions.values import MISSING, joined, text_of, text_steps

Run: TypeAlias = Callable[[Frame], Any]
Placed: TypeAlias = tuple[Run, int]
"""A closure and where in the source its part is written."""


def binary(operate: Binary, left: Run, right: Run, offset: int) -> Run:
    """One operator between two parts."""

    # `run_at` written out: this is the hottest place after paths, and the call would cost as much as the work.
    def run(frame: Frame) -> Any:
        sides = left(frame), right(frame)
        try:
            return operate(frame, *sides)
        except SecretMetError:
            pass
        except ExpressionError as error:
            locate(error, offset)
            raise
        return over_secrets(offset, operate, (frame, *sides))

    return run


def chained(first: Run, rest: Sequence[tuple[Binary, Run]], offset: int) -> Run:
    """`a + b - c`, from left to right."""
    if len(rest) == 1:
        return binary(rest[0][0], first, rest[0][1], offset)

    def run(frame: Frame) -> Any:
        value = first(frame)
        for operate, part in rest:
            value = run_at(offset, operate, frame, value, part(frame))
        return value

    return run


def compared(first: Run, rest: Sequence[tuple[Binary, Run]], offset: int) -> Run:
    """`a < b <= c`: each part is looked at once, and none after the first comparison that is false."""
    if len(rest) == 1:
        return binary(rest[0][0], first, rest[0][1], offset)

    def run(frame: Frame) -> Any:
        left, tainted = first(frame), []
        for holds, part in rest:
            right = part(frame)
            answer = run_at(offset, holds, frame, left, right)
            if type(answer) is Secret:
                tainted.append(answer)
            elif not answer:
                return False
            left = right
        return Secret(all(map(reveal, tainted))) if tainted else True

    return run


def decided(parts: Sequence[Placed], *, decisive: bool) -> Run:
    """`and`, `or`: the value that decides ends the search. Booleans only, and a boolean comes out."""
    who = "'or'" if decisive else "'and'"
    fold = any if decisive else all

    def run(frame: Frame) -> Any:
        tainted = []
        for part, offset in parts:
            value = part(frame)
            if value is decisive:
                return decisive
            if value is not (not decisive):
                # A secret never ends the search: whether the next part is looked at would tell what it is.
                tainted.append(run_at(offset, need_boolean, value, who))
        return Secret(fold(map(reveal, tainted))) if tainted else not decisive

    return run


def choice(test: Run, then: Run, otherwise: Run, offset: int) -> Run:
    """`then if test else otherwise`"""

    def run(frame: Frame) -> Any:
        chosen = test(frame)
        if type(chosen) is Secret:
            # What comes out, or which part fails, would tell the secret bit by bit.
            raise fault("secret_in_condition", "a secret cannot decide an 'if'.", "Test something else.", offset)
        return then(frame) if run_at(offset, need_boolean, chosen, "'if'") else otherwise(frame)

    return run


def texts(parts: Sequence[Placed], offset: int) -> Run:
    """`a ~ b`"""

    def work(frame: Frame, values: list[Any]) -> str:
        text = joined([_text(value, place) for value, (_, place) in zip(values, parts, strict=True)])
        frame.charge(text_steps(len(text)))
        return text

    return lambda frame: run_at(offset, work, frame, [part(frame) for part, _ in parts])


def _text(value: Any, place: int) -> str:
    try:
        return text_of(value)
    except ExpressionError as error:
        locate(error, place)
        raise


def applied(work: Callable[[Any], Any], operand: Run, offset: int) -> Run:
    """A function of one operand: `not a`, `-a`, `a is none`."""
    return lambda frame: run_at(offset, work, operand(frame))


def filtered(work: Callable[..., Any], value: Run, args: Sequence[Run], offset: int) -> Run:
    """A filter on a value."""

    def run(frame: Frame) -> Any:
        given = value(frame)
        return run_at(offset, work, frame, given, *[arg(frame) for arg in args])

    return run


def defaulted(value: Run, fallback: Run) -> Run:
    """`value|default(fallback)`; the fallback is looked at only when it is needed, it may itself be missing."""

    def run(frame: Frame) -> Any:
        found = value(frame)
        if type(found) is not Secret:
            return fallback(frame) if found is MISSING or found is None else found
        # Which of the two it is, is part of the secret.
        plain = reveal(found)
        return Secret(reveal(fallback(frame))) if plain is MISSING or plain is None else found

    return run


def called(work: Callable[..., Any], args: Sequence[Run], offset: int) -> Run:
    """A function of the language."""

    def run(frame: Frame) -> Any:
        given = [arg(frame) for arg in args]
        frame.offset = offset  # After the arguments, which may be calls themselves.
        return run_at(offset, work, frame, *given)

    return run
