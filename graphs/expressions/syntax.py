"""Source text to Jinja2's parse tree. Only Jinja2's lexer and expression parser are used, nothing that runs.

Jinja2 counts lines; an editor wants columns. So the lexer's tokens are given their character offset in place of
the line number, and every node and every error that the parser makes carries it.
"""

import re
from collections.abc import Iterator
from functools import cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TOKEN_EOF, Token, TokenStream
from jinja2.parser import Parser

from graphs.errors import ExpressionError
from graphs.expressions.faults import fault
from graphs.expressions.limits import INTEGER_BOUND, MAX_DEPTH, MAX_NODES, MAX_SOURCE

_Raw = tuple[int, str, str]

_SHOWN = 20
_VALUES = frozenset({"name", "string", "integer", "float"})
_KEYWORDS = frozenset({"and", "or", "not", "if", "else", "in", "is"})
_PREFIXES = frozenset({"not", "-", "+"})
# Python warns about escapes it does not know and keeps the backslash; a language should decide. These are JSON's
# and Python's common ones.
_ESCAPE = re.compile(
    r"""\\(?: [\\'"abfnrtv] | x[\da-fA-F]{2} | u[\da-fA-F]{4} | U00(?:0[\da-fA-F]|10)[\da-fA-F]{4} | (?P<bad>.) )""",
    re.DOTALL | re.VERBOSE | re.ASCII,
)
_WORD = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\w+|[=!<>]=|\*\*|//|.", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")

_HINTS = {
    "=": "To compare, write '=='.",
    "&": "Write 'and'.",
    "|": "A filter's name comes after '|'; for 'or' write the word.",
    "!": "Write 'not', or '!=' to compare.",
    "?": "Write 'a if condition else b'.",
    "{": "Inside an expression there are no further '{{ }}'.",
    "}": "Inside an expression there are no further '{{ }}'.",
    "'": "The text that begins here is not closed.",
    '"': "The text that begins here is not closed.",
    "%": "There are no statements, only expressions.",
    "$": "Names have no '$' before them.",
}


@cache
def _environment() -> Environment:
    # Made at first use: building the lexer's tables takes a few milliseconds that an import should not cost.
    return Environment(autoescape=False)


def parse_source(source: str) -> nodes.Expr:
    """The parse tree of one expression; `lineno` of every node is a character offset.

    Raises:
        ExpressionError: It is empty, past a limit, or not an expression.
    """
    _check_length(source)
    raw = _scan(source)
    _check_size(raw)
    try:
        return _parse(source, raw)
    except TemplateSyntaxError as error:
        raise _unexpected(source, error.lineno) from None


def _check_length(source: str) -> None:
    if len(source) > MAX_SOURCE:
        raise fault(
            "expression_too_long",
            f"the expression has {len(source):,} characters.",
            f"The most is {MAX_SOURCE:,}; do part of the work in a step of its own.",
        )
    if not source or source.isspace():
        raise fault("empty_expression", "there is no expression here.", "Write a name such as input.email.", 0)
    if source.lstrip().startswith("{{"):
        raise fault(
            "syntax_error", "an expression has no '{{ }}' around it here.", "Leave the braces out.", source.index("{")
        )


def _scan(source: str) -> list[_Raw]:
    # Jinja2 turns every kind of line end into one character and drops the last, which would shift the offsets. So it
    # sees a text of the same length; the tokens themselves are cut from the source.
    even = source.replace("\r\n", " \n").replace("\r", "\n").rstrip("\n")
    found: list[_Raw] = []
    offset = 0
    try:
        for _, kind, text in _environment().lexer.tokeniter(even, None, state="variable"):
            if kind == "variable_end":
                raise _unexpected(source, offset)
            found.append((offset, kind, source[offset : offset + len(text)]))
            offset += len(text)
    except TemplateSyntaxError:
        raise _unexpected(source, offset) from None
    return found


def _check_size(raw: list[_Raw]) -> None:
    """Bounds what the recursive parser is let loose on, from the tokens alone."""
    values = brackets = prefixes = 0
    for offset, kind, text in raw:
        if kind in _VALUES and text not in _KEYWORDS:
            values += 1
        if kind != "whitespace":
            prefixes = prefixes + 1 if text in _PREFIXES else 0
        if kind == "operator":
            brackets += (text in "([{") - (text in ")]}")
        if brackets > MAX_DEPTH or prefixes > MAX_DEPTH:
            raise too_deep(offset)
    if values > MAX_NODES:
        raise too_big()


def _parse(source: str, raw: list[_Raw]) -> nodes.Expr:
    parser = Parser(_environment(), "", state="variable")
    parser.stream = TokenStream(_tokens(source, raw), None, None)
    tree = parser.parse_expression()
    if parser.stream.current.type is not TOKEN_EOF:
        raise _unexpected(source, parser.stream.current.lineno)
    return tree


def _tokens(source: str, raw: list[_Raw]) -> Iterator[Token]:
    for offset, kind, text in raw:
        if kind == "string":
            _check_escapes(text, offset)
    for token in _environment().lexer.wrap(iter(raw)):
        if token.type == "string":
            yield Token(token.lineno, token.type, _whole_text(token.value, token.lineno))
        else:
            _check_number(token)
            yield token
    yield Token(len(source), TOKEN_EOF, "")


def _check_escapes(text: str, offset: int) -> None:
    for escape in _ESCAPE.finditer(text):
        if escape["bad"] is not None:
            raise fault(
                "syntax_error",
                f"'{escape[0]}' in a text is no escape, at character {offset + escape.start() + 1}.",
                "Write the backslash twice.",
                offset + escape.start(),
            )


def _whole_text(text: str, offset: int) -> str:
    """Joins escaped surrogate pairs, as in JSON, and refuses halves: no JSON and no database can carry them."""
    if not _SURROGATE.search(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise fault(
            "syntax_error",
            f"the text at character {offset + 1} holds half a character (a lone surrogate).",
            "Write the whole character.",
            offset,
        ) from None


def _check_number(token: Token) -> None:
    value: object = token.value
    too_large = (token.type == "integer" and isinstance(value, int) and value >= INTEGER_BOUND) or (
        token.type == "float" and value == float("inf")
    )
    if too_large:
        raise fault(
            "number_too_large",
            f"the number at character {token.lineno + 1} is too large.",
            "Integers have up to 128 bits.",
            token.lineno,
        )


def _unexpected(source: str, offset: int) -> ExpressionError:
    rest = source[offset:].lstrip()
    if not rest:
        end = source.rstrip()
        return fault(
            "syntax_error",
            f"the expression ends too early, after {end[-_SHOWN:]!r}.",
            "Write the rest, or close what is open.",
            len(end),
        )
    offset = len(source) - len(rest)
    word = _WORD.match(rest)
    shown = word[0][:_SHOWN] if word else rest[0]
    hint = _HINTS.get(shown, "Look at what stands before it.")
    return fault("syntax_error", f"unexpected {shown!r} at character {offset + 1}.", hint, offset)


def too_deep(offset: int | None = None) -> ExpressionError:
    """The error for what is past `MAX_DEPTH`."""
    return fault(
        "expression_too_deep",
        f"the expression is nested more than {MAX_DEPTH} deep.",
        "Do part of the work in a step of its own.",
        offset,
    )


def too_big() -> ExpressionError:
    """The error for what is past `MAX_NODES`."""
    return fault(
        "expression_too_big",
        f"the expression has more than {MAX_NODES} parts.",
        "Do part of the work in a step of its own.",
    )
