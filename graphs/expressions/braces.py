"""Finding `{{ }}` in a text."""

import re
from collections.abc import Iterator
from typing import Final

from graphs.errors import ExpressionError
from graphs.expressions.expression import Expression, parse_expression
from graphs.expressions.faults import fault

OPENING: Final = "{{"

# What matters between the braces: a text may hold braces, and so may an object in an object.
_MARK: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[{}'"]""", re.DOTALL)


def pieces(text: str) -> Iterator[str | tuple[Expression, int]]:
    """The text cut into what stands as it is and the expressions in it, each with the offset it begins at.

    Raises:
        ExpressionError: A `{{` is not closed, or an expression in it cannot be read. Offsets count in the text.
    """
    done = 0
    while (opening := text.find(OPENING, done)) >= 0:
        if opening > done:
            yield text[done:opening]
        begin = opening + len(OPENING)
        end = _closing(text, begin)
        yield _expression(text, begin, end), begin
        done = end + len(OPENING)
    if done < len(text):
        yield text[done:]


def _closing(text: str, begin: int) -> int:
    depth = 0
    for mark in _MARK.finditer(text, begin):
        if mark[0] == "{":
            depth += 1
        elif mark[0] == "}" and depth:
            depth -= 1
        elif mark[0] == "}" and text.startswith("}}", mark.start()):
            return mark.start()
        elif mark[0] == "}":
            break
    raise fault(
        "unclosed_template",
        f"the '{{{{' at character {begin - 1} is not closed.",
        "Write '}}' after the expression; for the two characters themselves write {{ '{{' }}.",
        begin - len(OPENING),
    )


def _expression(text: str, begin: int, end: int) -> Expression:
    source = text[begin:end]
    if source[:1] in ("-", "+") or source[-1:] in ("-", "+"):
        # Jinja2 cuts white space with these. Silently reading them as signs would turn an amount into its negative.
        raise fault(
            "unsupported_syntax",
            "'{{-' and '-}}' are not part of the language.",
            "Put spaces inside the braces.",
            begin,
        )
    try:
        return parse_expression(source)
    except ExpressionError as error:
        error.offset = begin + (error.offset or 0)
        raise
