"""What holds for every expression, every text and every value."""

from typing import Any

import pytest
from hypothesis import given, reject, settings

from graphs.errors import ExpressionError
from graphs.expressions import (
    Expression,
    Secret,
    contains_secret,
    mask,
    parse_condition,
    parse_expression,
    parse_template,
    reveal,
    template_errors,
    unparse,
)
from tests.unit.expressions.strategies import SCOPE, either, garbage, json_values, loose

pytestmark = pytest.mark.capability("D13")


def outcome(source: str) -> Any:
    try:
        return repr(parse_expression(source).evaluate(SCOPE))
    except ExpressionError as error:
        return error.code


def parsed(source: str) -> Expression:
    try:
        return parse_expression(source)
    except ExpressionError:
        reject()  # `'a'.k`, refused already when it is read.


@settings(max_examples=400, deadline=None)
@given(either)
def test_an_expression_written_out_reads_back_as_the_same(source: str) -> None:
    expression = parsed(source)
    written = unparse(expression)
    assert unparse(parse_expression(written)) == written
    assert outcome(written) == outcome(source)
    names = [(reference.root, reference.path, reference.guarded) for reference in expression.references]
    again = parse_expression(written).references
    assert names == [(reference.root, reference.path, reference.guarded) for reference in again]


@settings(max_examples=300, deadline=None)
@given(loose)
def test_the_same_expression_over_the_same_data_gives_the_same(source: str) -> None:
    before = repr(SCOPE)
    assert outcome(source) == outcome(source)
    assert repr(SCOPE) == before, "the data was changed"


@settings(max_examples=500, deadline=None)
@given(garbage)
def test_garbage_raises_nothing_but_expression_errors(text: str) -> None:
    for attempt in (
        lambda: parse_expression(text).evaluate(SCOPE),
        lambda: parse_condition(text).evaluate(SCOPE),
        lambda: parse_template(text).render(SCOPE),
        lambda: parse_template(f"{{{{ {text} }}}}").render(SCOPE),
    ):
        try:
            attempt()
        except ExpressionError as error:
            assert error.code != "expression_error", "an error without a code of its own"
            assert str(error).endswith((".", "?")), error


@settings(max_examples=300, deadline=None)
@given(garbage)
def test_the_offset_of_an_error_lies_within_the_text(text: str) -> None:
    try:
        parse_expression(text)
    except ExpressionError as error:
        assert error.offset is None or 0 <= error.offset <= len(text)


@settings(max_examples=300, deadline=None)
@given(either)
def test_references_point_at_the_names_they_speak_of(source: str) -> None:
    for reference in parsed(source).references:
        assert source.startswith(reference.root, reference.offset)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_a_value_without_braces_is_a_constant_template(value: Any) -> None:
    if "{{" in repr(value):
        return
    template = parse_template(value)
    assert template.constant
    assert template.render({}) is value
    assert template_errors(value) == []


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_one_expression_alone_keeps_the_value_it_reads(value: Any) -> None:
    assert parse_template("{{ input.value }}").render({"input": {"value": value}}) is value
    assert parse_expression("input.value|json|from_json").evaluate({"input": {"value": value}}) == value


@settings(max_examples=200, deadline=None)
@given(json_values, json_values)
def test_secrets_are_found_masked_and_revealed_wherever_they_stand(outer: Any, hidden: Any) -> None:
    value = {"plain": outer, "list": [outer, Secret(hidden)]}
    assert contains_secret(value)
    assert reveal(value) == {"plain": outer, "list": [outer, hidden]}
    assert mask(value) == {"plain": outer, "list": [outer, "***"]}
    assert not contains_secret(outer)
    assert reveal(outer) is outer
    assert mask(outer) is outer
