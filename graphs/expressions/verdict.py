"""What a condition comes to whatever it reads: some are always true, and some never."""

from graphs.errors import ExpressionError
from graphs.expressions import tree
from graphs.expressions.condition import Condition
from graphs.expressions.evaluate import build
from graphs.expressions.frame import Frame
from graphs.expressions.references import calls, references


def verdict(condition: Condition) -> bool | None:
    """Whether it holds, where that is the same for all data; None where it depends, or cannot be said.

    `input.paid and false` never holds: where `input.paid` cannot be read, evaluating it is an error.
    """
    return _verdict(condition.expression.tree)


def _verdict(node: tree.Node) -> bool | None:
    match node:
        case tree.Logic(word=word, parts=parts):
            found = [_verdict(part) for part in parts]
            decisive = word == "or"
            if decisive in found:
                return decisive
            return None if None in found else not decisive
        case tree.Not(operand=operand):
            inner = _verdict(operand)
            return None if inner is None else not inner
        case tree.Choose(test=test, then=then, otherwise=otherwise):
            chosen = _verdict(test)
            ways = (
                {_verdict(then), _verdict(otherwise)} if chosen is None else {_verdict(then if chosen else otherwise)}
            )
            return ways.pop() if len(ways) == 1 else None
        case _:
            return _constant(node)


def _constant(node: tree.Node) -> bool | None:
    # Functions may give something else each time (`now`), and what they depend on is not known here.
    if any(references(node)) or any(calls(node)):
        return None
    try:
        value = build(node)(Frame({}, None))
    except ExpressionError:
        return None
    return value if isinstance(value, bool) else None
