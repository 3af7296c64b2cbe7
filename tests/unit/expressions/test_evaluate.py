"""What expressions mean."""

from typing import Any

import pytest

from graphs.errors import ExpressionError
from graphs.expressions import parse_expression

SCOPE: dict[str, Any] = {
    "input": {
        "amount": 1500,
        "rate": 0.5,
        "name": "Ann",
        "active": True,
        "nothing": None,
        "empty": [],
        "tags": ["new", "vip"],
        "rows": [{"id": 1, "price": {"net": 2}}, {"id": 2, "price": {"net": 3}}],
        "prices": {"EUR": {"net": 7}},
        "currency": "EUR",
        "my-key": "dashed",
        "items": "a key called like a method",
        "in": {"not": {"if": "keys may be words of the language"}},
        "größe": 1,
    },
    "steps": {"look_up": {"output": {"total": 3}, "completed": True, "attempts": 2}},
    "index": 1,
}


def evaluate(source: str) -> Any:
    return parse_expression(source).evaluate(SCOPE)


@pytest.mark.capability("D13", "D14")
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("steps.look_up.output.total", 3),
        ("steps['look_up']['output'].total", 3),
        ("steps.look_up.completed", True),
        ("input['my-key']", "dashed"),
        ("input.items", "a key called like a method"),
        ("input.in.not.if", "keys may be words of the language"),
        ("input.größe", 1),
        ("input.tags[0]", "new"),
        ("input.tags[-1]", "vip"),
        ("input.tags.0", "new"),
        ("input.tags[index]", "vip"),
        ("input.name[0]", "A"),
        ("input.prices[input.currency].net", 7),
        ("['low', 'high'][index]", "high"),
        ("{'EUR': 1, 'USD': 2}[input.currency]", 1),
        ("(input.rows|first).price.net", 2),
        ("input.nothing", None),
        ("input", SCOPE["input"]),
    ],
)
def test_paths(source: str, value: Any) -> None:
    assert evaluate(source) == value


@pytest.mark.capability("D13")
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("input.amount * 1.1", 1650.0000000000002),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("-7 % 3", 2),
        ("-input.amount", -1500),
        ("+input.rate", 0.5),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("'n' ~ 1 ~ 0.5 ~ true ~ '!'", "n10.5true!"),
        ("[1, 'a', [none]]", [1, "a", [None]]),
        ("{'a': 1, input.name: [2]}", {"a": 1, "Ann": [2]}),
        ("'it\\'s'", "it's"),
        ('"\\u00e9\\t"', "é\t"),
        ("'\\ud83d\\ude00'", "😀"),
        ("'a' 'b'", "ab"),
        ("0x10 + 0b11 + 1_000", 1019),
        ("none", None),
        ("null", None),
        ("True", True),
    ],
)
def test_literals_and_arithmetic(source: str, value: Any) -> None:
    found = evaluate(source)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.capability("D13")
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("input.amount > 1000", True),
        ("1 < 2 <= 2 < 3", True),
        ("1 < 2 > 5", False),
        ("'a' < 'b'", True),
        ("1 == 1.0", True),
        ("input.nothing == none", True),
        ("input.amount != none", True),
        ("[1, {'a': 2}] == [1.0, {'a': 2}]", True),
        ("[1] == [true]", False),
        ("[1] == [1, 2]", False),
        ("{'a': 1} == {'b': 1}", False),
        ("[1] != ['1']", True),
        ("'nn' in input.name", True),
        ("'vip' in input.tags", True),
        ("'EUR' in input.prices", True),
        ("[1] in [[1], 2]", True),
        ("true in [1]", False),
        ("3 not in [1, 2]", True),
        ("true and not false", True),
        ("false or true", True),
        ("true and true and false", False),
        ("false and input.absent", False),
        ("true or input.absent", True),
        ("'yes' if input.active else 'no'", "yes"),
        ("input.absent if false else 'no'", "no"),
        ("1 if false else 2 if false else 3", 3),
    ],
)
def test_comparing_and_deciding(source: str, value: Any) -> None:
    found = evaluate(source)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.capability("D21")
@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("input.absent|default(5)", 5),
        ("input.absent.deeper.still|default(5)", 5),
        ("input.nothing|default(5)", 5),
        ("input.nothing.deeper|default(5)", 5),
        ("input.amount.deeper|default(5)", 5),
        ("input.tags[9]|default('none')", "none"),
        ("input.tags[input.amount]|default('none')", "none"),
        ("input.absent|default(input.other)|default(7)", 7),
        ("input.amount|default(input.absent)", 1500),
        ("(input.absent if true else 1)|default(2)", 2),
        ("input.empty|first|default('x')", "x"),
        ("input.absent|last|default('x')", "x"),
        ("response|default({})", {}),
        ("input.absent|default(fallback=1)", 1),
        ("input.absent is defined", False),
        ("input.absent.deeper is undefined", True),
        ("input.nothing is defined", True),
        ("response is defined", False),
        ("input.absent is not defined or input.absent > 3", True),
        ("input.nothing is none", True),
        ("input.amount is number and input.name is string and input.active is boolean", True),
        ("input is mapping and input.tags is sequence", True),
    ],
)
def test_a_missing_value_is_caught_by_default_and_is_defined(source: str, value: Any) -> None:
    assert evaluate(source) == value


@pytest.mark.capability("D21")
@pytest.mark.parametrize(
    "source",
    [
        "input.absent",
        "not input.absent",
        "input.absent and true",
        "true and input.absent",
        "input.absent or true",
        "false or input.absent",
        "input.absent ~ 'x'",
        "'x' ~ input.absent",
        "input.absent + 1",
        "-input.absent",
        "input.absent == none",
        "none == input.absent",
        "1 < input.absent",
        "input.absent in [1]",
        "1 in input.absent",
        "1 if input.absent else 2",
        "input.absent if true else 2",
        "[input.absent]",
        "{'a': input.absent}",
        "input.absent|length",
        "input.absent|string",
        "input.absent|json",
        "input.absent is none",
        "input.absent is string",
        "input.tags|join(input.absent)",
        "input.prices[input.absent]",
        "input.prices[input.absent]|default(1)",
        "(input.absent + 1)|default(1)",
        "(input.absent ~ 'x')|default(1)",
        "(not input.absent)|default(1)",
        "(input.absent or true)|default(1)",
        "(input.absent + 1) is defined",
        "[input.absent]|first|default(1)",
        "input.empty|first",
        "input.empty|max",
        "hash(input.absent)",
    ],
)
def test_a_missing_value_leaks_nowhere_else(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source)
    assert caught.value.code == "missing_value"


def test_an_error_tells_where_and_in_which_expression() -> None:
    source = "1 + steps.look_up.output.totl"
    with pytest.raises(ExpressionError) as caught:
        evaluate(source)
    assert caught.value.offset == source.index("totl")
    assert caught.value.details == {"expression": source}
    assert caught.value.as_dict()["code"] == "missing_value"


def test_what_stands_in_the_data_comes_back_uncopied() -> None:
    assert evaluate("input.rows") is SCOPE["input"]["rows"]


def test_the_same_source_gives_the_same_expression() -> None:
    assert parse_expression("input.amount") is parse_expression("input.amount")
    long = f"'{'x' * 500}'"
    assert parse_expression(long) == parse_expression(long)
    assert len({parse_expression(long), parse_expression(long)}) == 1
    assert parse_expression("1") != 1
    assert repr(parse_expression("1 + 1")) == "Expression('1 + 1')"
