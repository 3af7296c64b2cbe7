"""Template: a JSON value with expressions in its texts.

`{{ expr }}` alone in a text keeps the kind of its value; with text around it, it becomes part of that text. Text
that comes from data is never looked at for expressions. Names of fields are not templates. For the characters `{{`
themselves write `{{ '{{' }}`; `}}`, `{%` and `{#` mean nothing and stay as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from graphs.errors import ExpressionError
from graphs.expressions.braces import OPENING, pieces
from graphs.expressions.expression import Expression
from graphs.expressions.faults import fault, quoted
from graphs.expressions.frame import EvaluationContext, Frame
from graphs.expressions.lift import run_at
from graphs.expressions.limits import MAX_DATA_DEPTH
from graphs.expressions.references import Reference
from graphs.expressions.secret import Secret, reveal
from graphs.expressions.values import SCALARS, joined, text_of

_Scope: TypeAlias = Mapping[str, Any]
_Fill: TypeAlias = Callable[[_Scope, EvaluationContext | None], Any]
_At: TypeAlias = tuple[str | int, ...]


class Template:
    """A template that was read; made by `parse_template`. Immutable.

    Attributes:
        value: As it was given.
        references: Every path it reads; `at` says in which text of the value, and offsets count in that text.
        calls: The functions it calls; see `Expression.calls`.
        constant: It has no expressions, and `render` gives back the value itself.
    """

    __slots__ = ("_fill", "calls", "constant", "references", "value")

    def __init__(self, value: Any, fill: _Fill | None, found: "_Found") -> None:
        self.value: Final = value
        self.references: Final[tuple[Reference, ...]] = tuple(found.references)
        self.calls: Final[frozenset[str]] = frozenset(found.calls)
        self.constant: Final[bool] = fill is None
        self._fill: Final = fill

    def __repr__(self) -> str:
        return f"Template({self.value!r})"

    def render(self, scope: _Scope, context: EvaluationContext | None = None) -> Any:
        """The value with its expressions filled in: JSON, with a `Secret` wherever one took part.

        What holds no expression is shared with the template and with other renderings: do not change it.

        Args:
            scope: As for `Expression.evaluate`.
            context: As for `Expression.evaluate`.

        Raises:
            ExpressionError: With the JSON pointer of the text in `details["path"]`, and the offset in that text.
        """
        return self.value if self._fill is None else self._fill(scope, context)


def parse_template(value: Any) -> Template:
    """Reads a JSON value with expressions in its texts.

    Raises:
        ExpressionError: The first text that cannot be read. `template_errors` finds all of them.
    """
    found = _Found()
    fill = _read(value, (), found)
    if found.errors:
        raise found.errors[0]
    return Template(value, fill, found)


def template_errors(value: Any) -> list[ExpressionError]:
    """Everything that keeps a value from being a template, each with `details["path"]`; empty when it is one."""
    found = _Found()
    _read(value, (), found)
    return found.errors


class _Found:
    """What reading a template comes across."""

    def __init__(self) -> None:
        self.references: list[Reference] = []
        self.calls: set[str] = set()
        self.errors: list[ExpressionError] = []

    def add(self, expression: Expression, begin: int, at: _At) -> None:
        self.calls |= expression.calls
        for reference in expression.references:
            self.references.append(reference._replace(offset=begin + reference.offset, at=at))

    def refuse(self, error: ExpressionError, at: _At) -> None:
        error.details["path"] = _pointer(at)
        self.errors.append(error)


def _read(value: Any, at: _At, found: _Found) -> _Fill | None:
    """What fills a value in, or None when nothing in it is to be filled in."""
    if isinstance(value, str):
        return _read_text(value, at, found) if OPENING in value else None
    if type(value) in SCALARS or type(value) is Secret:
        return None
    if len(at) > MAX_DATA_DEPTH:
        found.refuse(fault("data_too_deep", f"a template is nested at most {MAX_DATA_DEPTH} deep.", "Flatten it."), at)
        return None
    if isinstance(value, list | tuple):
        return _rebuild(value, [(index, _read(item, (*at, index), found)) for index, item in enumerate(value)])
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or OPENING in key:
                found.refuse(_bad_key(key), at)
        return _rebuild(value, [(key, _read(item, (*at, key), found)) for key, item in value.items()])
    error = fault(
        "not_json",
        f"a Python {type(value).__name__} stands here, and templates hold only JSON values.",
        "Hand it over as text, a number, true or false, null, a list or an object.",
    )
    found.refuse(error, at)
    return None


def _bad_key(key: Any) -> ExpressionError:
    if isinstance(key, str):
        hint = "Give the fields fixed names, or make the whole object with one expression."
        return fault("template_in_key", f"the name of a field is not a template: {quoted(key)}.", hint)
    return fault("not_json", "the name of a field is not text.", "Put it in quotes.")


def _rebuild(value: Any, parts: list[tuple[Any, _Fill | None]]) -> _Fill | None:
    """Copies the constant part in one go and replaces only what changes, in place, so that the order stays."""
    changing = [(key, fill) for key, fill in parts if fill is not None]
    if not changing:
        return None
    copy: Callable[[Any], Any] = dict if isinstance(value, Mapping) else list

    def run(scope: _Scope, context: EvaluationContext | None) -> Any:
        filled = copy(value)
        for key, fill in changing:
            filled[key] = fill(scope, context)
        return filled

    return run


def _read_text(text: str, at: _At, found: _Found) -> _Fill | None:
    try:
        parts = list(pieces(text))
    except ExpressionError as error:
        found.refuse(error, at)
        return None
    for part in parts:
        if not isinstance(part, str):
            found.add(*part, at)
    pointer = _pointer(at)
    if len(parts) == 1 and not isinstance(parts[0], str):
        return _value(*parts[0], pointer)
    return _text([part if isinstance(part, str) else _part(*part, pointer) for part in parts], pointer)


def _value(expression: Expression, begin: int, pointer: str) -> _Fill:
    """One expression, with a budget of its own; its errors say where in the template it stands."""
    place = f"{pointer}:{begin}"

    def run(scope: _Scope, context: EvaluationContext | None) -> Any:
        try:
            return expression.evaluate_in(Frame(scope, context, place))
        except ExpressionError as error:
            error.details["path"] = pointer
            error.offset = begin + (error.offset or 0)
            raise

    return run


def _part(expression: Expression, begin: int, pointer: str) -> _Fill:
    """The same as text, or as a secret text."""
    value = _value(expression, begin, pointer)

    def run(scope: _Scope, context: EvaluationContext | None) -> Any:
        found = value(scope, context)
        if type(found) is str:
            return found
        try:
            return run_at(begin, text_of, found)
        except ExpressionError as error:
            error.details |= {"path": pointer, "expression": expression.source}
            raise

    return run


def _text(parts: list[str | _Fill], pointer: str) -> _Fill:
    def run(scope: _Scope, context: EvaluationContext | None) -> Any:
        found = [part if isinstance(part, str) else part(scope, context) for part in parts]
        tainted = Secret in map(type, found)
        texts = [reveal(text) for text in found] if tainted else found
        try:
            text = joined(texts)
        except ExpressionError as error:
            error.details["path"] = pointer
            raise
        return Secret(text) if tainted else text

    return run


def _pointer(at: _At) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in at)
