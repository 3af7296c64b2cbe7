"""Condition: an expression that says yes or no."""

from collections.abc import Mapping
from typing import Any, Final

from graphs.errors import ExpressionError
from graphs.expressions.braces import OPENING, pieces
from graphs.expressions.expression import Expression, parse_expression
from graphs.expressions.faults import fault
from graphs.expressions.frame import EvaluationContext
from graphs.expressions.references import Reference
from graphs.expressions.secret import Secret
from graphs.expressions.values import KIND_WORDS, kind_of


class Condition:
    """A condition that was read; made by `parse_condition`.

    Attributes:
        source: As it was written.
        expression: The expression in it.
        references: Every path it reads; offsets count in `source`.
        calls: The functions it calls.
    """

    __slots__ = ("_begin", "calls", "expression", "references", "source")

    def __init__(self, source: str, expression: Expression, begin: int) -> None:
        self.source: Final = source
        self.expression: Final = expression
        self.references: Final[tuple[Reference, ...]] = tuple(
            reference._replace(offset=begin + reference.offset) for reference in expression.references
        )
        self.calls: Final[frozenset[str]] = expression.calls
        self._begin: Final = begin

    def __repr__(self) -> str:
        return f"Condition({self.source!r})"

    def evaluate(self, scope: Mapping[str, Any], context: EvaluationContext | None = None) -> bool:
        """Whether it holds. There is no truthiness: the text "false" is an error, and so are 0, null and [].

        Raises:
            ExpressionError: `not_boolean`, `secret_in_condition`, or what evaluating raises. Offsets count in `source`.
        """
        try:
            value = self.expression.evaluate(scope, context)
            if value is True or value is False:
                return bool(value)
            raise _not_boolean(value)
        except ExpressionError as error:
            error.offset = self._begin + (error.offset or 0)
            error.details["expression"] = self.expression.source
            raise


def parse_condition(source: str | bool) -> Condition:
    """Reads a condition: `input.amount > 1000`, the same in `{{ }}`, or true or false.

    Raises:
        ExpressionError: It cannot be read. Offsets count in `source`.
    """
    if isinstance(source, bool):
        source = str(source).lower()
    if not isinstance(source, str) or not source.lstrip().startswith(OPENING):
        return Condition(source, parse_expression(source), 0)
    found = list(pieces(source.rstrip()))
    if isinstance(found[0], str) and found[0].isspace():
        del found[0]
    if len(found) != 1 or isinstance(found[0], str):
        raise fault(
            "text_around_condition",
            "a condition is one expression, and there is more than one '{{ }}' or text around it.",
            "Write the whole condition in one '{{ }}', or leave the braces out.",
        )
    expression, begin = found[0]
    return Condition(source, expression, begin)


def _not_boolean(value: Any) -> ExpressionError:
    if type(value) is Secret:
        # Conditions are logged in clear, with their outcome.
        return fault("secret_in_condition", "a condition cannot depend on a secret.", "Test something else.")
    return fault(
        "not_boolean",
        f"a condition must be true or false, and this is {KIND_WORDS[kind_of(value)]}.",
        "Compare it with something, as in x == 'yes' or x > 0.",
    )
