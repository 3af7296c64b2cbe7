"""Templates: JSON with expressions in its texts."""

from types import MappingProxyType
from typing import Any

import pytest

from graphs.errors import ExpressionError
from graphs.expressions import parse_template, template_errors

pytestmark = pytest.mark.capability("D13")

SCOPE: dict[str, Any] = {
    "input": {"name": "Ann", "amount": 1.5, "yes": True, "nothing": None, "list": [1], "evil": "{{ secrets.key }}"},
    "steps": {"create": {"output": {"user_id": "u-1"}}},
    "secrets": {"key": "never"},
}


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        ("{{ input.amount }}", 1.5),
        ("  {{ input.amount }}", "  1.5"),
        ("{{input.list}}", [1]),
        ("{{ input.nothing }}", None),
        ("{{ input.yes }}{{ input.yes }}", "truetrue"),
        ("/api/users/{{ steps.create.output.user_id }}/activate", "/api/users/u-1/activate"),
        ("{{ input.name }} owes {{ input.amount }}", "Ann owes 1.5"),
        ("list: {{ input.list|json }}", "list: [1]"),
        ("{{ {'a': {'b': input.name}} }}", {"a": {"b": "Ann"}}),
        ("{{ '}}' ~ \"}}\" }}", "}}}}"),
        ("{{ 'it\\'s }}' }}", "it's }}"),
        ("{{ '{{' }}", "{{"),
        ("{{ '{{' }} input.name }}", "{{ input.name }}"),
        ("a }} b {% if %} {# c #} { d", "a }} b {% if %} {# c #} { d"),
        ("{{\n  input.name\n}}", "Ann"),
        (["{{ input.name }}", 1, ["{{ input.amount }}"]], ["Ann", 1, [1.5]]),
        ({"a": 1, "b": {"c": "{{ input.name }}", "d": [2]}}, {"a": 1, "b": {"c": "Ann", "d": [2]}}),
        (("{{ input.name }}",), ["Ann"]),
        (MappingProxyType({"a": "{{ input.name }}"}), {"a": "Ann"}),
    ],
)
def test_rendering(value: Any, rendered: Any) -> None:
    found = parse_template(value).render(SCOPE)
    assert found == rendered
    assert type(found) is type(rendered)


def test_text_from_data_is_never_evaluated_again() -> None:
    template = parse_template({"a": "{{ input.evil }}", "b": "x {{ input.evil }}", "c": "{{ input.evil ~ '}}' }}"})
    found = template.render(SCOPE)
    assert found == {"a": "{{ secrets.key }}", "b": "x {{ secrets.key }}", "c": "{{ secrets.key }}}}"}


def test_fields_keep_their_order_and_constants_are_shared() -> None:
    value = {"first": {"deep": [1]}, "second": "{{ input.name }}", "third": {"deep": [2]}}
    template = parse_template(value)
    found = template.render(SCOPE)
    assert list(found) == ["first", "second", "third"]
    assert found["third"] is value["third"]
    assert value["second"] == "{{ input.name }}", "the template itself was changed"
    assert template.render(SCOPE) is not found


def test_a_constant_is_given_back_as_it_is() -> None:
    value = {"a": [1, {"b": "text } }} { %"}]}
    template = parse_template(value)
    assert template.constant
    assert template.render({}) is value
    assert template.references == ()
    assert not parse_template(["{{ 1 }}"]).constant


def test_references_say_in_which_text_they_stand() -> None:
    template = parse_template({"a": ["{{ input.name }}", {"b/c": "x {{ 1 }} {{ steps.s.output|default(0) }}"}]})
    assert [tuple(reference) for reference in template.references] == [
        ("input", ("name",), 3, False, ("a", 0)),
        ("steps", ("s", "output"), 13, True, ("a", 1, "b/c")),
    ]


def test_an_error_says_in_which_text_and_where_in_it() -> None:
    template = parse_template({"a/b": ["x {{ input.name }} {{ input.nam }}"]})
    with pytest.raises(ExpressionError) as caught:
        template.render(SCOPE)
    assert caught.value.details == {"path": "/a~1b/0", "expression": " input.nam "}
    assert caught.value.offset == 28
    assert "x {{ input.name }} {{ input.nam }}"[28:31] == "nam"


@pytest.mark.parametrize("bad", ["nothing", "list"])
def test_what_has_no_text_is_refused_within_a_text(bad: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_template({"a": f"x {{{{ input.{bad} }}}}"}).render(SCOPE)
    assert caught.value.code == "wrong_kind"
    assert caught.value.details == {"path": "/a", "expression": f" input.{bad} "}
    assert caught.value.offset == 4


def test_all_errors_of_a_template_are_found_at_once() -> None:
    value = {"a": "{{ 1 + }}", "b": ["{{ x", {"c": "{{ y|nope }}"}], "{{ k }}": 1, "d": object(), "e": "{{ fine }}"}
    found = [(error.code, error.details["path"]) for error in template_errors(value)]
    assert found == [
        ("template_in_key", ""),
        ("syntax_error", "/a"),
        ("unclosed_template", "/b/0"),
        ("unknown_filter", "/b/1/c"),
        ("not_json", "/d"),
    ]
    with pytest.raises(ExpressionError) as caught:
        parse_template(value)
    assert caught.value.code == "template_in_key"


def test_a_template_too_deep_or_rendering_too_long_is_refused() -> None:
    deep: Any = "{{ 1 }}"
    for _ in range(300):
        deep = [deep]
    assert [error.code for error in template_errors(deep)] == ["data_too_deep"]
    long = parse_template("{{ input.text }}{{ input.text }}")
    with pytest.raises(ExpressionError) as caught:
        long.render({"input": {"text": "x" * 600_000}})
    assert caught.value.code == "text_too_long"
    assert caught.value.details["path"] == ""


def test_a_template_shows_what_it_was_made_of() -> None:
    assert repr(parse_template({"a": 1})) == "Template({'a': 1})"
