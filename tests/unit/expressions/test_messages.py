"""Every sentence an author may read, word for word, with its code and where it points.

A sentence that changes changes here; the codes never do.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from graphs.errors import ExpressionError
from graphs.expressions import (
    EvaluationContext,
    Secret,
    check,
    list_shape,
    object_shape,
    parse_condition,
    parse_expression,
    parse_template,
    reveal,
)
from graphs.expressions.faults import Code
from graphs.expressions.shape import ANY, Shape
from tests.unit.expressions.message_scope import SCOPE

pytestmark = pytest.mark.capability("D13")


def pinned_expressions() -> list[tuple[str, str, int, str]]:
    """The table in messages.txt: an expression on a line, its error on the next."""
    lines = Path(__file__).with_name("messages.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    found = []
    for source, pinned in zip(lines[::2], lines[1::2], strict=True):
        place, sentence = pinned.strip().split(": ", 1)
        code, offset = place.split(" @")
        found.append((source, code, int(offset), sentence))
    return found


EXPRESSIONS = pinned_expressions()


@pytest.mark.parametrize(("source", "code", "offset", "sentence"), EXPRESSIONS)
def test_sentences_of_expressions(source: str, code: str, offset: int, sentence: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(source).evaluate(SCOPE)
    assert (caught.value.code, str(caught.value)) == (code, sentence)
    assert caught.value.offset == offset


def template(value: Any) -> Callable[[], Any]:
    return lambda: parse_template(value).render(SCOPE)


def condition(source: Any) -> Callable[[], Any]:
    return lambda: parse_condition(source).evaluate(SCOPE)


def expression(source: Any, **scope: Any) -> Callable[[], Any]:
    return lambda: parse_expression(source).evaluate(scope or SCOPE)


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def context() -> Callable[[], Any]:
    return lambda: EvaluationContext(datetime(2026, 5, 1), "seed")


def revealed() -> Callable[[], Any]:
    return lambda: reveal([Secret(1), deep(300)])


NOT_CLOSED = (
    "the '{{' at character 1 is not closed. Write '}}' after the expression; for the two characters "
    "themselves write {{ '{{' }}."
)
NOT_JSON = (
    "a Python object stands here, and templates hold only JSON values. Hand it over as text, a number, "
    "true or false, null, a list or an object."
)
ONE_CONDITION = (
    "a condition is one expression, and there is more than one '{{ }}' or text around it. Write the "
    "whole condition in one '{{ }}', or leave the braces out."
)
IN_KEY = (
    "the name of a field is not a template: '{{ input.name }}'. Give the fields fixed names, or make the "
    "whole object with one expression."
)
STRANGER = " Text stands in quotes; a key with a '-' in brackets, as in steps['look-up']."
COMPARE = " Compare it with something, as in x == 'yes' or x > 0."

OTHERS: list[tuple[Callable[[], Any], Code, str]] = [
    (expression(5), "not_an_expression", "an expression is text, and this is not. Put it in quotes."),
    (
        expression("x" * 2_001),
        "expression_too_long",
        "the expression has 2,001 characters. The most is 2,000; do part of the work in a step of its own.",
    ),
    (
        expression("[" * 41),
        "expression_too_deep",
        "the expression is nested more than 40 deep. Do part of the work in a step of its own.",
    ),
    (
        expression("1" + "+1" * 501),
        "expression_too_big",
        "the expression has more than 500 parts. Do part of the work in a step of its own.",
    ),
    (
        expression("a.b"),
        "unknown_name",
        "no name 'a' here. Names here: input, secrets, steps." + STRANGER,
    ),
    (
        expression("input.absent", input={"a b": 1, "x" * 99: 2}),
        "missing_value",
        f"no field 'absent'. Fields here: 'a b', '{'x' * 59}…'. Add |default(…) if it may be missing.",
    ),
    (
        expression("input.Total", input={"total": 1}),
        "missing_value",
        "no field 'Total'. Fields here: total. Did you mean 'total'?",
    ),
    (
        expression("input.text ~ input.text", input={"text": "x" * 600_000}),
        "text_too_long",
        "the text would have 1,200,000 characters. The most is 1,048,576.",
    ),
    (
        expression("input.list + input.list", input={"list": [0] * 6_000}),
        "list_too_long",
        "the list would have 12,000 items. The most is 10,000.",
    ),
    (
        expression("input.list|sum", input={"list": [0] * 30_000}),
        "too_many_steps",
        "the expression needs more than 20,000 steps. Work on less data, or do it in a step of its own.",
    ),
    (
        expression("input|json", input=deep(300)),
        "data_too_deep",
        "the value is nested more than 100 deep. Read a part of it.",
    ),
    (
        expression("input.x", input={"x": (deep(300),)}),
        "data_too_deep",
        "the value is nested more than 100 deep. Read a part of it.",
    ),
    (
        expression("input == input", input=deep(3_000)),
        "data_too_deep",
        "the data is nested too deep to be looked at. Make it flatter.",
    ),
    (
        expression("now()"),
        "no_context",
        "now() needs the time of the step, and none was given. Pass an EvaluationContext.",
    ),
    (
        expression("uuid('x')"),
        "no_context",
        "uuid() needs the seed of the step, and none was given. Pass an EvaluationContext.",
    ),
    (
        expression("password_hash('x')"),
        "no_context",
        "password_hash() needs the seed of the step, and none was given. Pass an EvaluationContext.",
    ),
    (
        expression("'2026-05-01'|date('" + "x" * 201 + "')"),
        "bad_value",
        "argument 'format' of filter 'date' has more than 200 characters. Shorten it.",
    ),
    (
        template("{{ input.name"),
        "unclosed_template",
        NOT_CLOSED,
    ),
    (
        template("{{- input.name }}"),
        "unsupported_syntax",
        "'{{-' and '-}}' are not part of the language. Put spaces inside the braces.",
    ),
    (template("{{ }}"), "empty_expression", "there is no expression here. Write a name such as input.email."),
    (
        template({"{{ input.name }}": 1}),
        "template_in_key",
        IN_KEY,
    ),
    (template({1: 2}), "not_json", "the name of a field is not text. Put it in quotes."),
    (
        template({"a": object()}),
        "not_json",
        NOT_JSON,
    ),
    (template(deep(300)), "data_too_deep", "a template is nested at most 100 deep. Flatten it."),
    (
        template("x {{ input.nothing }}"),
        "wrong_kind",
        "null cannot be part of a text. Add |default('…') for what to write instead.",
    ),
    (
        condition("input.name"),
        "not_boolean",
        "a condition must be true or false, and this is text." + COMPARE,
    ),
    (
        condition("{{ input.amount }}"),
        "not_boolean",
        "a condition must be true or false, and this is a number." + COMPARE,
    ),
    (
        condition("input.nothing"),
        "not_boolean",
        "a condition must be true or false, and this is null." + COMPARE,
    ),
    (
        condition("{{ input.yes }} and {{ input.yes }}"),
        "text_around_condition",
        ONE_CONDITION,
    ),
    (
        condition("secrets.key == 'x'"),
        "secret_in_condition",
        "a condition cannot depend on a secret. Test something else.",
    ),
    (condition(5), "not_an_expression", "an expression is text, and this is not. Put it in quotes."),
    (condition(""), "empty_expression", "there is no expression here. Write a name such as input.email."),
    (context(), "bad_value", "the time given to an evaluation has no time zone. Use datetime.now(UTC)."),
    (revealed(), "data_too_deep", "the value is nested more than 100 deep. Make it flatter."),
]


@pytest.mark.parametrize(("act", "code", "sentence"), OTHERS)
def test_other_sentences(act: Callable[[], Any], code: str, sentence: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        act()
    assert (caught.value.code, str(caught.value)) == (code, sentence)


SHAPE = object_shape(
    {
        "input": object_shape({"total": Shape("number"), "name": Shape("text"), "tags": list_shape(Shape("text"))}),
        "vars": object_shape({}),
        "anything": ANY,
    }
)
FINDINGS: list[tuple[str, Code, str]] = [
    ("inptu.x", "unknown_name", "no name 'inptu' here. Names here: anything, input, vars. Did you mean 'input'?"),
    (
        "foo",
        "unknown_name",
        "no name 'foo' here. Names here: anything, input, vars." + STRANGER,
    ),
    (
        "response.id",
        "unknown_name",
        "no name 'response' here. Names here: anything, input, vars. It exists only in other places of a workflow.",
    ),
    (
        "input.totl",
        "unknown_field",
        "no field 'totl' in 'input'. Fields there: total, name, tags. Did you mean 'total'?",
    ),
    (
        "input.far_away|default(1)",
        "unknown_guarded_field",
        "no field 'far_away' in 'input'. Fields there: total, name, tags. Declare it where it is made.",
    ),
    ("vars.x", "unknown_field", "no field 'x' in 'vars'. It has no fields. Declare it where it is made."),
    ("input.total.x", "wrong_kind", "no field 'x' in 'input.total', which is a number. Look at its schema."),
    ("input[0]", "wrong_kind", "no item 0 in 'input', which is an object. Look at its schema."),
    (
        "input.tags.x",
        "wrong_kind",
        "no field 'x' in 'input.tags', which is a list. Write [0] for one item, |map('x') for this field of each.",
    ),
    ("input.tags[0].x", "wrong_kind", "no field 'x' in 'input.tags[0]', which is text. Look at its schema."),
]


@pytest.mark.parametrize(("source", "code", "sentence"), FINDINGS)
def test_sentences_of_findings(source: str, code: str, sentence: str) -> None:
    (finding,) = check(parse_expression(source), SHAPE)
    assert (finding.code, f"{finding.message} {finding.hint}") == (code, sentence)


def test_every_code_has_its_sentence_here() -> None:
    pinned = (
        {code for _, code, _, _ in EXPRESSIONS} | {code for _, code, _ in OTHERS} | {code for _, code, _ in FINDINGS}
    )
    assert pinned == set(get_args(Code))
