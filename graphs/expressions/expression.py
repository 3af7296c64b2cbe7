"""Expression: one expression, read once and evaluated many times."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from graphs.errors import ExpressionError
from graphs.expressions.evaluate import build
from graphs.expressions.faults import fault
from graphs.expressions.frame import EvaluationContext, Frame
from graphs.expressions.lift import locate
from graphs.expressions.references import Reference, calls, references
from graphs.expressions.syntax import parse_source, too_deep
from graphs.expressions.translate import translate
from graphs.expressions.tree import Node
from graphs.expressions.values import PLAIN, plain

_CACHED: Final = 2_048
_LONGEST_CACHED: Final = 300
"""The longest expression may take 300 kB once read; a cache full of those would be an attack on our memory."""


class Expression:
    """An expression that was read; made by `parse_expression`. Immutable, and shared by all who wrote the same.

    Attributes:
        source: As it was written.
        tree: What it is made of.
        references: Every path it reads, for checks before it runs.
        calls: The functions it calls. `now`, `uuid` and `password_hash` need an `EvaluationContext`; one
            `password_hash` takes about a quarter of a second of a processor, so evaluate such an expression in a
            thread (the hash itself lets other threads run).
    """

    __slots__ = ("_run", "calls", "references", "source", "tree")

    def __init__(self, source: str, node: Node) -> None:
        self.source: Final = source
        self.tree: Final = node
        self.references: Final[tuple[Reference, ...]] = tuple(references(node))
        self.calls: Final[frozenset[str]] = frozenset(calls(node))
        self._run: Final = build(node)

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return self.source == other.source if isinstance(other, Expression) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.source)

    def evaluate(self, scope: Mapping[str, Any], context: EvaluationContext | None = None) -> Any:
        """The value, as JSON or as a `Secret`.

        Lists and objects that stand in the scope as they are come back as they are, not copied: do not change them.

        Args:
            scope: What each root stands for: JSON values, secrets, or mappings that find their items when asked.
                A lazy mapping may hold further ones; a plain dict or list may not.
            context: What `now()`, `uuid(key)` and `password_hash(x)` depend on.

        Raises:
            ExpressionError: With the offset, and the expression in `details["expression"]`.
        """
        return self.evaluate_in(Frame(scope, context))

    def evaluate_in(self, frame: Frame) -> Any:
        """The value in a frame that is already made; for templates."""
        try:
            value = self._run(frame)
            return value if type(value) in PLAIN else plain(value)
        except ExpressionError as error:
            error.details.setdefault("expression", self.source)
            locate(error, self.tree.offset)
            raise
        except RecursionError:
            deep = fault("data_too_deep", "the data is nested too deep to be looked at.", "Make it flatter.")
        deep.offset = self.tree.offset
        deep.details["expression"] = self.source
        raise deep


def parse_expression(source: str) -> Expression:
    """Reads an expression: `input.amount > 1000`, without `{{ }}`. The same source gives the same Expression.

    Raises:
        ExpressionError: It is not an expression of the language, or past a limit; with the offset where that shows.
    """
    if not isinstance(source, str):
        raise fault("not_an_expression", "an expression is text, and this is not.", "Put it in quotes.")
    return _cached(source) if len(source) <= _LONGEST_CACHED else _parse(source)


def _parse(source: str) -> Expression:
    try:
        return Expression(source, translate(parse_source(source)))
    except ExpressionError as error:
        error.details.setdefault("expression", source[:_LONGEST_CACHED])
        raise
    except RecursionError:
        # The limits keep far from this: it needs a caller that is itself near the end of the stack.
        raise too_deep() from None


_cached = lru_cache(maxsize=_CACHED)(_parse)
