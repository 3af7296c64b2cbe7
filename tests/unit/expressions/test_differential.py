"""Against Jinja2 itself: what both can say must mean the same, and where we differ it is on this list.

By design:
- a missing value, or a value of the wrong kind, is an error where Jinja2 goes on;
- `and`, `or`, `not` and `if` take booleans only and give booleans;
- `default` also stands in for null, and for a path that breaks off early;
- true and false are written `true` and `false` in a text, not `True` and `False`;
- a boolean is no number: `true == 1` is an error, `true in [1]` and `true is number` are false;
- text that is no number is an error for `int` and `float`, not 0;
- numbers out of bounds are errors.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jinja2 import StrictUndefined, TemplateError
from jinja2.nativetypes import NativeEnvironment
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from graphs.errors import ExpressionError
from graphs.expressions import parse_expression, parse_template
from tests.unit.expressions.strategies import SCOPE, loose, texts, typed

_JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_FAILED = object()

pytestmark = [
    pytest.mark.capability("D13"),
    # Python warns about some of what Jinja2 makes of a random expression.
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
]


def jinja(source: str) -> Any:
    """Jinja2's value, or _FAILED."""
    try:
        value = _JINJA.compile_expression(source, undefined_to_none=False)(**SCOPE)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, NameError):
        return _FAILED
    return _FAILED if isinstance(value, Undefined) else value


def ours(source: str) -> Any:
    """Our value, or our error."""
    try:
        return parse_expression(source).evaluate(SCOPE)
    except ExpressionError as error:
        return error


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same kind: Python thinks True equals 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(typed)
def test_well_formed_expressions_mean_the_same_as_in_jinja(source: str) -> None:
    mine, theirs = ours(source), jinja(source)
    if isinstance(mine, ExpressionError):
        assert mine.code in {"division_by_zero", "number_too_large", "expression_too_deep"}, source
        if mine.code == "division_by_zero":
            assert theirs is _FAILED
    else:
        assert same(mine, theirs), (source, mine, theirs)


_STRICTER = {"missing_value", "wrong_kind", "bad_value", "number_too_large"}


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(loose)
def test_any_expression_is_the_same_or_differs_by_design(source: str) -> None:
    mine, theirs = ours(source), jinja(source)
    if isinstance(mine, ExpressionError):
        assert theirs is _FAILED or mine.code in _STRICTER, (source, mine, theirs)
    elif theirs is _FAILED:
        # Only what looks at a whole path at once may give a value where Jinja2 gives none.
        assert "default" in source or "defined" in source, (source, mine)
    else:
        assert same(_words(mine), _words(theirs)) or _differs_by_design(source, mine), (source, mine, theirs)


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("True", "true").replace("False", "false")
    if isinstance(value, list):
        return [_words(item) for item in value]
    if isinstance(value, dict):
        return {key: _words(item) for key, item in value.items()}
    return value


def _differs_by_design(source: str, mine: Any) -> bool:
    stands_in_for_null = "default" in source
    within = " in " in source or (("==" in source or "!=" in source) and ("[" in source or "{" in source))
    boolean_is_no_number = isinstance(mine, bool) and within
    compares_written_booleans = isinstance(mine, bool) and ("~" in source or "string" in source)
    return stands_in_for_null or boolean_is_no_number or compares_written_booleans


@settings(max_examples=150, deadline=None)
@given(texts(), texts())
def test_texts_with_expressions_in_them_render_as_in_jinja(first: str, second: str) -> None:
    text = f"a {{{{ {first} }}}}-{{{{ {second} }}}} }}"
    assert parse_template(text).render(SCOPE) == _JINJA.from_string(text).render(**SCOPE)


@pytest.mark.parametrize(
    ("source", "mine", "theirs"),
    [
        ("input.nothing|default('x')", "x", None),
        ("input.absent.deeper|default('x')", "x", _FAILED),
        ("input.absent.deeper is defined", False, _FAILED),
        ("input.name or 'x'", "wrong_kind", "Ann"),
        ("input.three and input.yes", "wrong_kind", True),
        ("not input.empty", "wrong_kind", True),
        ("'a' if input.three else 'b'", "wrong_kind", "a"),
        ("true ~ ''", "true", "True"),
        ("none ~ ''", "wrong_kind", "None"),
        ("true == 1", "wrong_kind", True),
        ("true in [1]", False, True),
        ("true + 1", "wrong_kind", 2),
        ("'3' == 3", "wrong_kind", False),
        ("'ab' * 2", "wrong_kind", "abab"),
        ("'%5d' % 3", "wrong_kind", "    3"),
        ("2 ** 3", "unsupported_syntax", 8),
        ("(1, 2)", "unsupported_syntax", (1, 2)),
        ("'x'|int", "bad_value", 0),
        ("2.5|round", 2, 2.0),
        ("['b', 'A']|sort|first", "A", "A"),
        ("['b', 'C']|sort|first", "C", "b"),
        ("null", None, _FAILED),
        ("'a/b'|urlencode", "a%2Fb", "a/b"),
        ("input.half * 1e308 * 10", "number_too_large", float("inf")),
        ("true is number", False, True),
    ],
)
def test_the_differences_by_design(source: str, mine: Any, theirs: Any) -> None:
    found = ours(source)
    assert (found.code if isinstance(found, ExpressionError) else found) == mine
    assert jinja(source) == theirs


@pytest.mark.parametrize("text", ["123", "[1,2]", "True", "None", "1e5", "{'a': 1}"])
def test_text_from_data_stays_text_where_native_jinja_guesses_a_kind(text: str) -> None:
    scope = {"input": {"text": text}}
    assert parse_template("{{ input.text }}").render(scope) == text
    assert parse_template("{{ input.text }}{{ '' }}").render(scope) == text
    assert NativeEnvironment().from_string("{{ input.text }}{{ '' }}").render(**scope) != text


def test_a_key_called_like_a_method_is_a_key_where_jinja_gives_the_method() -> None:
    scope = {"input": {"items": [1], "keys": 2, "get": 3, "copy": 4, "values": 5}}
    for name, value in scope["input"].items():
        assert parse_expression(f"input.{name}").evaluate(scope) == value
        assert callable(_JINJA.compile_expression(f"input.{name}")(**scope))
