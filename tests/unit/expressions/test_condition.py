"""Conditions: true or false, and nothing that merely looks like it."""

from typing import Any

import pytest

from graphs.errors import ExpressionError
from graphs.expressions import parse_condition

SCOPE: dict[str, Any] = {
    "input": {"amount": 1500, "vip": True, "text": "false", "nothing": None},
    "steps": {"create_user_profile": {"completed": True}},
}


@pytest.mark.capability("D13", "D14", "D21")
@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("input.amount > 1000", True),
        ("{{ input.amount > 1000 }}", True),
        (" {{ input.amount < 1000 }}\n", False),
        ("{{steps.create_user_profile.completed}}", True),
        ("input.vip and not input.amount == 3", True),
        ("input.absent|default(false)", False),
        ("'{{' in input.text", False),
        ("{{ {'a': {'b': true}}.a.b }}", True),
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
    ],
)
def test_conditions(source: str | bool, holds: bool) -> None:
    assert parse_condition(source).evaluate(SCOPE) is holds


@pytest.mark.capability("D13")
@pytest.mark.parametrize("source", ["input.text", "'false'", "0", "1", "input.nothing", "[]", "{}", "''", "input"])
def test_there_is_no_truthiness(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(source).evaluate(SCOPE)
    assert caught.value.code == "not_boolean"


@pytest.mark.parametrize("source", ["  {{ input.totl }}", "input.totl", "{{ 1 }} {{ 2 }}", "x {{ 1 }}", "{{ 1 +"])
def test_offsets_count_in_the_condition_as_written(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(source).evaluate(SCOPE)
    if "totl" in source:
        assert caught.value.offset == source.index("totl")
        assert parse_condition(source).references[0].offset == source.index("input")


def test_a_condition_shows_what_it_is_made_of() -> None:
    condition = parse_condition("{{ now() > input.text }}")
    assert condition.source == "{{ now() > input.text }}"
    assert condition.expression.source == " now() > input.text "
    assert condition.calls == {"now"}
    assert repr(condition) == "Condition('{{ now() > input.text }}')"
    assert repr(parse_condition(True)) == "Condition('true')"
