"""References, shapes, and the check of one against the other."""

from typing import Any

import pytest

from graphs.expressions import (
    ANY,
    Finding,
    Reference,
    Shape,
    check,
    list_shape,
    object_shape,
    parse_condition,
    parse_expression,
    parse_template,
    shape_from_schema,
)

pytestmark = pytest.mark.capability("D14")


def references(source: str) -> list[tuple[Any, ...]]:
    return [(one.root, one.path, one.offset, one.guarded) for one in parse_expression(source).references]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 2", []),
        ("input", [("input", (), 0, False)]),
        ("steps.a['b-c'][0].d", [("steps", ("a", "b-c", 0, "d"), 0, False)]),
        ("steps.a[index].b", [("steps", ("a",), 0, False), ("index", (), 8, False)]),
        ("[item][0].x", [("item", (), 1, False)]),
        ("input.a|default(input.b)", [("input", ("a",), 0, True), ("input", ("b",), 16, False)]),
        ("input.a|default(input.b)|default(1)", [("input", ("a",), 0, True), ("input", ("b",), 16, True)]),
        ("input.a|first|default(1)", [("input", ("a",), 0, True)]),
        ("input.a|upper|default(1)", [("input", ("a",), 0, False)]),
        ("input.a is defined and input.a > 1", [("input", ("a",), 0, True), ("input", ("a",), 23, False)]),
        ("input.a is none", [("input", ("a",), 0, False)]),
        (
            "(vars.x if vars.y else vars.z)|default(1)",
            [("vars", ("x",), 1, True), ("vars", ("y",), 11, False), ("vars", ("z",), 23, True)],
        ),
        ("{'a': input.a, input.b: 1}", [("input", ("a",), 6, False), ("input", ("b",), 15, False)]),
        ("hash(input.a) ~ (input.b|join(input.c))", None),
        ("-input.a < +input.b <= input.c", None),
        ("not (input.a and input.b or input.c)", None),
    ],
)
def test_references(source: str, expected: list[tuple[Any, ...]] | None) -> None:
    found = references(source)
    if expected is None:
        assert {path for _, path, _, _ in found} >= {("a",), ("b",)}
    else:
        assert found == expected


def test_a_reference_is_a_plain_value() -> None:
    assert parse_expression("input.a").references == (Reference("input", ("a",), 0, False),)


SCHEMA = {
    "type": "object",
    "properties": {
        "username": {"type": "string"},
        "age": {"type": ["integer", "null"]},
        "profile": {"type": "object"},
        "address": {"$ref": "#/$defs/address"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}]},
        "either": {"anyOf": [{"$ref": "#/$defs/address"}, {"type": "null"}]},
        "mixed": {"oneOf": [{"type": "string"}, {"type": "number"}]},
        "all": {"allOf": [{"type": "string"}]},
        "tree": {"$ref": "#/$defs/tree"},
        "elsewhere": {"$ref": "https://example.com/schema.json"},
        "lost": {"$ref": "#/$defs/absent"},
        "open": {"properties": {"a": {}}, "additionalProperties": True},
        "numbered": {"properties": {"a": {}}, "patternProperties": {"^x": {}}},
        "anything": True,
    },
    "$defs": {
        "address": {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False},
        "tree": {"type": "object", "properties": {"child": {"$ref": "#/$defs/tree"}}},
    },
}
SCOPE = object_shape({"input": shape_from_schema(SCHEMA, closed=True), "steps": object_shape({"a": ANY})})


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("input.username", []),
        ("input.username[0]", []),
        ("input.usrname", ["unknown_field"]),
        ("input.usrname|default(1)", ["unknown_guarded_field"]),
        ("input.age.x", ["wrong_kind"]),
        ("input.profile.anything.at.all", []),
        ("input.address.city", []),
        ("input.address.town", ["unknown_field"]),
        ("input.tags[0]", []),
        ("input.tags[0].x", ["wrong_kind"]),
        ("input.tags.x", ["wrong_kind"]),
        ("input.pair[0].x", []),
        ("input.either.city", []),
        ("input.either.town", ["unknown_field"]),
        ("input.mixed.x", []),
        ("input.all.x", []),
        ("input.tree.child.child.child", []),
        ("input.tree.child.leaf", ["unknown_field"]),
        ("input.elsewhere.x + input.lost.y + input.anything.z", []),
        ("input.open.b + input.numbered.x1", []),
        ("input.open.a.b", []),
        ("steps.a.output.whatever", []),
        ("steps.b.output", ["unknown_field"]),
        ("inptu.username", ["unknown_name"]),
        ("inptu.username|default(1)", ["unknown_name"]),
        ("response is defined", []),
        ("response.id", ["unknown_name"]),
        ("input[steps.a].x", []),
        ("input.usrname ~ steps.b ~ nope", ["unknown_field", "unknown_field", "unknown_name"]),
    ],
)
def test_check(source: str, codes: list[str]) -> None:
    assert [finding.code for finding in check(parse_expression(source), SCOPE)] == codes
    assert [finding.code for finding in check(parse_condition(f"{{{{ {source} }}}}"), SCOPE)] == codes


def test_a_finding_in_a_template_says_in_which_text_it_stands() -> None:
    template = parse_template({"payload": {"lines": ["x {{ input.usrname }}", "{{ input.username }}"]}})
    (finding,) = check(template, SCOPE)
    assert isinstance(finding, Finding)
    assert finding.path == ("payload", "lines", 0)
    assert finding.offset == 5
    assert finding.hint == "Did you mean 'username'?"


def test_an_open_scope_knows_nothing_against_other_names() -> None:
    scope = object_shape({"input": object_shape({"a": ANY})}, open=True)
    assert check(parse_expression("whatever.x"), scope) == []


def test_objects_of_a_schema_are_open_unless_they_or_the_caller_say_otherwise() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert shape_from_schema(schema).open
    assert not shape_from_schema(schema, closed=True).open
    assert not shape_from_schema(schema | {"additionalProperties": False}).open
    assert shape_from_schema(schema | {"additionalProperties": {"type": "string"}}, closed=True).open
    assert shape_from_schema({"type": "object"}, closed=True) == Shape("object")
    assert shape_from_schema(True) == ANY
    assert shape_from_schema({"anyOf": "nonsense"}) == ANY
    assert shape_from_schema({"type": "array"}) == list_shape()
