"""The attack table of the reference, and what we thought of besides. Each is refused by name, in this very process."""

import inspect
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from graphs.errors import ExpressionError
from graphs.expressions import check, object_shape, parse_condition, parse_expression, parse_template
from graphs.expressions.limits import MAX_ITEMS, MAX_TEXT
from tests.support.measuring import processor_time

pytestmark = pytest.mark.capability("D13")

MEGABYTE = 2**20
SCOPE: dict[str, Any] = {
    "input": {
        "text": "x" * MAX_TEXT,
        "commas": "," * 50_000,
        "rows": [{"id": index, "on": True} for index in range(MAX_ITEMS)],
        "many": list(range(30_000)),
        "name": "Ann",
        "huge": 10**4_000,
    },
    "steps": {},
}


def refused(source: str) -> str:
    """The code it is refused with, and proof that refusing took neither time nor memory."""
    tracemalloc.start()
    try:
        with processor_time() as spent:
            with pytest.raises(ExpressionError) as caught:
                parse_expression(source).evaluate(SCOPE)
            assert spent() < 1
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    finally:
        tracemalloc.stop()
    return caught.value.code


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("''.__class__.__mro__", "wrong_kind"),
        ("[].__class__.__base__.__subclasses__()", "unsupported_syntax"),
        ("().__class__", "unsupported_syntax"),
        ("{}.__class__", "missing_value"),
        ("input.__class__", "missing_value"),
        ("input.name.__class__.__mro__[1]", "wrong_kind"),
        ("input['__class__']['__mro__']", "missing_value"),
        ("input.name['format']", "wrong_kind"),
        ("'{0.__class__}'.format(1)", "unsupported_syntax"),
        ("'%s' % input", "wrong_kind"),
        ("hash.__globals__", "unsupported_syntax"),
        ("now.__globals__['os']", "unsupported_syntax"),
        ("hash.__globals__.os.system('id')", "unsupported_syntax"),
        ("lipsum", "unknown_name"),
        ("lipsum.__globals__", "unknown_name"),
        ("cycler.__init__.__globals__.os", "unknown_name"),
        ("self", "unknown_name"),
        ("config", "unknown_name"),
        ("range(1000000000)", "unknown_function"),
        ("open('/etc/passwd')", "unknown_function"),
        ("__import__('os')", "unknown_function"),
        ("eval('1')", "unknown_function"),
        ("env.HOME", "unknown_name"),
        ("input|attr('__class__')", "unknown_filter"),
        ("input|map('__class__')", "wrong_kind"),
        ("[input]|map('__class__')", "missing_value"),
        ("input.rows|map('__class__.__mro__')", "missing_value"),
        ("input|xmlattr", "unknown_filter"),
        ("input.rows|groupby('id')", "unknown_filter"),
        ("input.rows.append(1)", "unsupported_syntax"),
        ("input.update({'a': 1})", "unsupported_syntax"),
        ("input.rows|map('id', default=1, x=2)", "wrong_arguments"),
        ("input.rows|sort(*input)", "unsupported_syntax"),
        ("input.rows|sort(**input)", "unsupported_syntax"),
    ],
)
def test_nothing_of_python_can_be_reached(source: str, code: str) -> None:
    assert refused(source) == code


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("'a' * 1000000000", "wrong_kind"),
        ("9 ** 9 ** 9", "unsupported_syntax"),
        ("'%999999999d' % 1", "wrong_kind"),
        ("0|date('%999999999Y')", "bad_value"),
        ("1" + "+1" * 20_000, "expression_too_long"),
        ("1" + "+1" * 600, "expression_too_big"),
        ("(" * 41 + "1" + ")" * 41, "expression_too_deep"),
        ("(" * 999 + "1" + ")" * 999, "expression_too_deep"),
        ("[" * 1_999, "expression_too_deep"),
        ("not " * 499 + "true", "expression_too_deep"),
        ("-" * 1_998 + "1", "expression_too_deep"),
        ("1" + " if true else 1" * 130, "expression_too_deep"),
        ("'a'" + "|trim" * 300, "expression_too_deep"),
        ("input" + ".a" * 900, "expression_too_big"),
        ("[" + "1," * 900 + "]", "expression_too_big"),
        ("-a+" * 400 + "a", "expression_too_big"),
        ("9" * 1_900, "number_too_large"),
        ("input.huge + 1", "number_too_large"),
        ("input.huge / 3", "number_too_large"),
        ("input.huge * 1.5", "number_too_large"),
        ("input.huge ~ ''", "number_too_large"),
        ("input.huge|json", "number_too_large"),
        ("input.huge|float", "number_too_large"),
        (" * ".join(["99999999999999999999"] * 7), "number_too_large"),
        ("input.text ~ input.text", "text_too_long"),
        ("input.text + 'x'", "text_too_long"),
        ("input.text|replace('x', 'xxxxxxxxxx')", "text_too_long"),
        ("'aaaaaaaaaa'" + "|replace('a', 'aaaaaaaaaa')" * 9, "text_too_long"),
        ("[input.text, input.text]|join", "text_too_long"),
        ("[input.text, input.text]|json", "text_too_long"),
        ("input.text|b64encode", "text_too_long"),
        ("input.rows|map('id')|join(input.text)", "text_too_long"),
        ("input.commas|split(',')", "list_too_long"),
        ("(input.commas|replace(',', ' x'))|split", "list_too_long"),
        ("input.rows + input.rows", "list_too_long"),
        ("input.many|sort", "too_many_steps"),
        ("input.many|slice(0)", "list_too_long"),
        ("input.many|sum", "too_many_steps"),
        ("input.many|json", "too_many_steps"),
        ("-1 in input.many", "too_many_steps"),
        ("input.many == input.many", "too_many_steps"),
        ("input.rows" + "|map('id')|sort" * 3, "too_many_steps"),
        ("(input.rows in [input.rows, input.rows]) and input.rows == input.rows", "too_many_steps"),
        ("input.text" + "|upper|lower" * 12, "too_many_steps"),
        ("[" + ", ".join(["input.text|upper"] * 40) + "]", "too_many_steps"),
        ("('[' ~ input.commas ~ ']')|from_json", "too_many_steps"),
        ("input.text|from_json", "bad_value"),
        ("'" + "9" * 1_900 + "'|from_json", "number_too_large"),
        ("'1e999'|from_json", "number_too_large"),
        ("[" + ", ".join(["password_hash('x')"] * 9) + "]", "no_context"),
    ],
)
def test_nothing_can_take_the_time_or_the_memory(source: str, code: str) -> None:
    assert refused(source) == code


def test_refusing_a_huge_source_costs_nothing() -> None:
    bomb = "1" + "+1" * 20_000
    with processor_time() as spent:
        for read in (parse_expression, parse_condition, lambda text: parse_template(f"{{{{ {text} }}}}")):
            with pytest.raises(ExpressionError):
                read(bomb)
        # Measured at 0.1 ms; a busy machine gets a hundred times that.
        assert spent() < 1


def deep(levels: int, leaf: Any, wrap: Callable[[Any], Any]) -> Any:
    value = leaf
    for _ in range(levels):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda value: [value], lambda value: {"a": value}])
@pytest.mark.parametrize(
    "source", ["input == other", "input|json", "[input]|unique", "input in [other]", "input|hash", "[input] != [other]"]
)
def test_data_nested_without_end_is_an_error_and_no_crash(source: str, wrap: Callable[[Any], Any]) -> None:
    scope = {"input": deep(5_000, 1, wrap), "other": deep(5_000, 1, wrap)}
    with pytest.raises(ExpressionError) as caught:
        parse_expression(source).evaluate(scope)
    assert caught.value.code == "data_too_deep"


def test_a_caller_near_the_end_of_the_stack_gets_an_error_and_no_crash() -> None:
    def dive(levels: int) -> str | None:
        if levels:
            return dive(levels - 1)
        try:
            parse_expression("(" * 30 + "'a caller near the end of the stack'" + ")" * 30)
        except ExpressionError as error:
            return error.code
        return None

    assert dive(sys.getrecursionlimit() - len(inspect.stack()) - 100) == "expression_too_deep"


def test_json_text_nested_without_end_is_an_error_and_no_crash() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("input|from_json").evaluate({"input": "[" * 15_000})
    assert caught.value.code == "bad_value"


def test_text_from_users_is_data_wherever_it_goes() -> None:
    evil = "{{ secrets.api_key }}"
    scope = {"input": {"name": evil}, "secrets": {"api_key": "never"}}
    value = {"a": "{{ input.name }}", "b": "{{ input.name ~ '!' }}", "c": "Hi {{ input.name }}{{ input.name|upper }}"}
    once = parse_template(value).render(scope)
    assert once == {"a": evil, "b": evil + "!", "c": f"Hi {evil}{evil.upper()}"}


@pytest.mark.parametrize("source", ["''.__class__.__mro__", "hash.__globals__", "input|attr('y')", "lipsum"])
def test_attacks_are_refused_when_the_workflow_is_published(source: str) -> None:
    template = {"a": f"{{{{ {source} }}}}"}
    try:
        findings = check(parse_template(template), object_shape({"input": object_shape({})}))
    except ExpressionError as error:
        assert error.offset is not None
        assert error.details["path"] == "/a"
    else:
        assert [finding.code for finding in findings] == ["unknown_name"]
