"""How the errors of this package are made: one list of codes, and the words that all sentences share."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Literal

from graphs.errors import ExpressionError

Code = Literal[
    # While reading an expression, a condition or a template
    "not_an_expression",
    "empty_expression",
    "expression_too_long",
    "expression_too_deep",
    "expression_too_big",
    "syntax_error",
    "unsupported_syntax",
    "unknown_filter",
    "unknown_function",
    "unknown_test",
    "wrong_arguments",
    "unclosed_template",
    "text_around_condition",
    "template_in_key",
    # While evaluating
    "missing_value",
    "unknown_name",
    "wrong_kind",
    "bad_value",
    "not_json",
    "division_by_zero",
    "number_too_large",
    "text_too_long",
    "list_too_long",
    "data_too_deep",
    "too_many_steps",
    "not_boolean",
    "secret_in_condition",
    "secret_refused",
    "no_context",
    # Only from `check`
    "unknown_field",
    "unknown_guarded_field",
]
"""Stable words for machines. Sentences may get better; these stay."""

_LISTED = 12
_CANDIDATES = 200
_NAME_LENGTH = 60


def fault(code: Code, message: str, hint: str | None = None, offset: int | None = None) -> ExpressionError:
    """An error to raise; the closed type of `code` keeps the list above complete."""
    return ExpressionError(message, code=code, hint=hint, offset=offset)


def quoted(name: str) -> str:
    """A name from data as it may stand in a message: one line, never longer than a few words."""
    return repr(name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…")


def listing(names: Iterable[str]) -> str:
    """`total, currency`, with an end to it however many there are."""
    # One more than is shown tells whether there are more; a lazy mapping may hold thousands.
    shown = list(islice(names, _LISTED + 1))
    plain = [name if name.isidentifier() and len(name) <= _NAME_LENGTH else quoted(name) for name in shown[:_LISTED]]
    return ", ".join(plain) + (", …" if len(shown) > _LISTED else "")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """`Did you mean 'total'?`, or None when nothing is near."""
    # difflib is slow: neither a huge object nor a huge key may turn an error message into a hang.
    candidates = [known[:_NAME_LENGTH] for known in islice(names, _CANDIDATES) if known != name]
    same_but_case = [known for known in candidates if known.casefold() == name.casefold()]
    found = same_but_case or get_close_matches(name[:_NAME_LENGTH], candidates, n=1, cutoff=0.6)
    return f"Did you mean {found[0]!r}?" if found else None
