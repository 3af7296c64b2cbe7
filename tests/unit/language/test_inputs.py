"""What goes in and out is checked by schema: all at once, in words, and without a secret in them."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from graphs.errors import DefinitionError, InputError
from graphs.expressions import Secret
from graphs.inputs import check_input, check_output, schema_faults, secret_paths
from graphs.inputs.formats import WORDS, has_format
from graphs.inputs.secrets import covers
from graphs.inputs.validators import compiled

REGISTRATION = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "minLength": 3, "maxLength": 50},
        "email": {"type": "string", "format": "email"},
        "password": {"type": "string", "minLength": 8, "format": "password"},
        "profile_data": {"type": "object"},
        "newsletter": {"type": "boolean", "default": False},
    },
    "required": ["username", "email", "password"],
}


def said(schema: Any, value: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_input(schema, value)
    assert caught.value.code == "input_invalid"
    return [f"{one['where']} {one['message']}" for one in caught.value.details["violations"]]


@pytest.mark.capability("D10", "E26")
def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        check_input(REGISTRATION, {"username": "jo", "email": "x", "profile_data": []})
    assert str(caught.value) == (
        "input.email: 'x' is not an e-mail address; input.password is missing; "
        "input.profile_data: a list is not an object; input.username: has 2 characters and needs at least 3."
    )


@pytest.mark.capability("D10")
def test_defaults_are_filled_in_and_nothing_is_changed() -> None:
    schema = {
        "properties": {
            "n": {"default": 3},
            "deep": {"properties": {"list": {"type": "array", "items": {"$ref": "#/$defs/item"}}}},
            "made": {"default": {}, "properties": {"inner": {"default": 1}}},
        },
        "allOf": [{"properties": {"also": {"default": "x"}}}],
        "$defs": {"item": {"properties": {"q": {"default": 1}}}},
    }
    value = {"deep": {"list": [{}, {"q": 2}, 5]}}
    checked = check_input(schema, value)
    assert checked == {
        "n": 3,
        "deep": {"list": [{"q": 1}, {"q": 2}, 5]},
        "made": {"inner": 1},
        "also": "x",
    }
    assert value == {"deep": {"list": [{}, {"q": 2}, 5]}}
    assert check_input(schema, checked) is checked


def test_without_a_schema_everything_is_taken() -> None:
    value = {"a": object()}
    assert check_input(None, value) is value


@pytest.mark.capability("D11")
def test_output_is_called_output() -> None:
    with pytest.raises(InputError) as caught:
        check_output({"required": ["id"], "properties": {"at": {"format": "date-time"}}}, {"at": "today"})
    assert str(caught.value) == (
        "output.at: 'today' is not a date and time such as 2026-01-31T12:00:00Z; output.id is missing."
    )
    assert caught.value.code == "output_invalid"


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        ({"type": "string"}, 5, "input 5 is not text"),
        ({"type": ["integer", "null"]}, 1.5, "input 1.5 is not a whole number or null"),
        ({"type": "boolean"}, "true", "input 'true' is not true or false"),
        ({"type": "number"}, True, "input true is not a number"),
        ({"type": "array"}, {}, "input a mapping is not a list"),
        ({"enum": ["gold", "silver"]}, "gol", "input 'gol' is none of 'gold', 'silver'; did you mean 'gold'?"),
        ({"const": 3}, 4, "input 4 is none of 3"),
        ({"minimum": 3}, 2, "input 2 is less than 3"),
        ({"maximum": 3}, 4, "input 4 is more than 3"),
        ({"exclusiveMinimum": 3}, 3, "input 3 is not more than 3"),
        ({"exclusiveMaximum": 3}, 3, "input 3 is not less than 3"),
        ({"multipleOf": 2}, 3, "input 3 is not a multiple of 2"),
        ({"minLength": 1}, "", "input has 0 characters and needs at least 1"),
        ({"maxLength": 1}, "ab", "input has 2 characters and may have at most 1"),
        ({"pattern": "^a+$"}, "b", "input 'b' does not match '^a+$'"),
        ({"minItems": 2}, [1], "input has 1 item and needs at least 2"),
        ({"maxItems": 0}, [1], "input has 1 item and may have at most 0"),
        ({"uniqueItems": True}, [1, 1.0], "input has the same item more than once"),
        ({"contains": {"type": "string"}}, [1], "input has no item of the kind it needs"),
        ({"minProperties": 1}, {}, "input has 0 fields and needs at least 1"),
        ({"maxProperties": 0}, {"a": 1}, "input has 1 field and may have at most 0"),
        ({"not": {"type": "string"}}, "a", "input 'a' is what it must not be"),
        ({"anyOf": [{"type": "string"}, {"minimum": 5}]}, 3,
         "input 3 is less than 5, and fits none of the other forms it may have"),
        ({"anyOf": [{"properties": {"a": {"type": "string"}}}, {"type": "array"}]}, {"a": 1},
         "input a mapping fits none of the 2 forms it may have"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, 3,
         "input 3 fits more than one of the forms it may have"),
        ({"items": {"properties": {"a b": {"type": "string"}}}}, [{"a b": 1}], "input[0].a b 1 is not text"),
        ({"properties": {"email": {}}, "additionalProperties": False}, {"emial": 1},
         "input.emial is not known here; did you mean 'email'?"),
        ({"patternProperties": {"^x_": {"type": "string"}}, "additionalProperties": False}, {"x_a": 1, "y": 2},
         "input.x_a 1 is not text"),
        ({"dependentRequired": {"card": ["name"]}}, {"card": 1}, "input.name is missing"),
        ({"propertyNames": {"maxLength": 2}}, {"abc": 1}, "input has 3 characters and may have at most 2"),
        ({"properties": {"a": False}}, {"a": 1}, "input.a 1 is not allowed"),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, "input.b is missing"),
    ],
)  # fmt: skip
def test_in_plain_words(schema: Any, value: Any, words: str) -> None:
    assert said(schema, value)[0] == words


@pytest.mark.parametrize("name", sorted(WORDS))
@pytest.mark.capability("Y05", "Y14")
def test_formats(name: str) -> None:
    right = {
        "email": ["a@b.co", "first.last+tag@sub.example.com"],
        "date-time": ["2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123456+02:00"],
        "date": ["2026-02-28"],
        "time": ["12:00:00Z", "23:59:59.5-01:00"],
        "duration": ["PT30M", "P1DT2H", "P2W", "P1Y2M3DT4H5M6.5S"],
        "uri": ["https://example.com/a?b#c", "urn:isbn:0451450523"],
        "uri-reference": ["/a/b", "../x", ""],
        "uuid": ["123e4567-e89b-12d3-a456-426614174000"],
        "hostname": ["example.com", "a-b.c"],
        "ipv4": ["127.0.0.1"],
        "ipv6": ["::1", "2001:db8::1"],
        "regex": ["^a+$"],
        "json-pointer": ["", "/a~1b/0"],
    }[name]
    wrong = {
        "email": ["x", "a@b", "a b@c.de", "@b.co", "a@b.co\n", "a@-b.co", 'a"@b.co'],
        "date-time": ["2026-01-31", "2026-13-01T00:00:00Z", "2026-01-31T12:00:00", "today", "2026-01-31T12:00:00Z\n"],
        "date": ["2026-02-30", "26-1-1", "2026-02-28T00:00:00Z"],
        "time": ["12:00", "25:00:00Z"],
        "duration": ["30m", "P", "PT", "P1H"],
        "uri": ["/a/b", "http://a b", "http://[::1"],
        "uri-reference": ["a b"],
        "uuid": ["123e4567e89b12d3a456426614174000"],
        "hostname": ["-a.com", "a" * 64, "a b", "a_b.com"],
        "ipv4": ["256.0.0.1", "1.2.3"],
        "ipv6": ["1.2.3.4", "fe80::1%eth0"],
        "regex": ["(", "(?=a)"],
        "json-pointer": ["a", "/~2"],
    }[name]
    assert [text for text in right if not has_format(name, text)] == []
    assert [text for text in wrong if has_format(name, text)] == []
    assert check_input({"format": name}, 5) == 5, "a format says nothing about what is no text"


SENTINEL = "s3cr3t-sentinel"


@pytest.mark.capability("X12", "D10")
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"minLength": 50},
        {"maxLength": 3},
        {"enum": ["a", "s3cr3t-sentinal"]},
        {"const": "x"},
        {"pattern": "^x$"},
        {"format": "email"},
        {"not": {}},
        {"anyOf": [{"type": "integer"}, {"minLength": 50}]},
        {"oneOf": [{"type": "string"}, {"minLength": 1}]},
    ],
)
def test_a_secret_is_never_part_of_a_message(schema: dict[str, Any]) -> None:
    for mark in ({"x-secret": True}, {"writeOnly": True}, {"format": "password"}):
        whole = {"properties": {"pin": {**schema, **mark}}}
        if "format" in schema and "format" in mark:
            continue
        words = said(whole, {"pin": SENTINEL})
        assert SENTINEL not in str(words)
        assert str(len(SENTINEL)) not in str(words)


@pytest.mark.capability("X12")
def test_secrets_are_looked_into_and_stay() -> None:
    schema = {"properties": {"pin": {"type": "string", "minLength": 3}}}
    value = {"pin": Secret("1234")}
    assert check_input(schema, value) == value
    assert check_input(schema, value)["pin"] is value["pin"]
    words = said(schema, {"pin": Secret("ab")})
    assert words == ["input.pin the value is too short; the limit is 3"]
    assert said({"properties": {"pin": {"type": "integer"}}}, {"pin": Secret(SENTINEL)}) == [
        "input.pin the value is not a whole number"
    ]


@pytest.mark.capability("X12")
@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        (None, ()),
        (REGISTRATION, (("password",),)),
        ({"format": "password"}, ((),)),
        ({"properties": {"cards": {"items": {"properties": {"number": {"x-secret": True}}}}}},
         (("cards", "*", "number"),)),
        ({"properties": {"a": {"$ref": "#/$defs/s"}}, "$defs": {"s": {"writeOnly": True}}}, (("a",),)),
        ({"allOf": [{"properties": {"a": {"x-secret": True}}}], "then": {"properties": {"b": {"x-secret": True}}}},
         (("a",), ("b",))),
        ({"additionalProperties": {"x-secret": True}}, (("*",),)),
        ({"properties": {"a": {"x-secret": False}, "b": {"type": "string"}}}, ()),
        # A tree of nodes with secrets has no end: what lies deeper counts as secret altogether.
        ({"properties": {"next": {"$ref": "#"}, "pin": {"x-secret": True}}},
         (("next", "next"), ("next", "pin"), ("pin",))),
    ],
)  # fmt: skip
def test_where_secrets_are(schema: Any, paths: Any) -> None:
    assert secret_paths(schema) == paths


def test_what_a_secret_path_covers() -> None:
    paths = (("cards", "*", "number"), ("pin",))
    assert covers(paths, ["cards", 3, "number"]) and covers(paths, ["pin", "x"])
    assert not covers(paths, ["cards"]) and not covers(paths, ["cards", 3, "name"])


@pytest.mark.capability("D10")
def test_compiled_schemas_are_kept_by_what_they_say() -> None:
    assert compiled({"type": "string", "minLength": 1}) is compiled({"minLength": 1, "type": "string"})


def doubling(depth: int) -> dict[str, Any]:
    """A few lines that stand for 2 ** depth schemas."""
    definitions: dict[str, Any] = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(depth)}
    return {"$ref": "#/$defs/d0", "$defs": definitions | {f"d{depth}": {"type": "string"}}}


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("schema", "value", "error"),
    [
        ({"$ref": "#"}, 3, DefinitionError),
        (doubling(40), 3, DefinitionError),
        ({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}, nested(100), InputError),
        ({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}, "required": ["b"]}, nested(60), InputError),
        ({"pattern": "^(a+)+$"}, "a" * 5_000 + "!", InputError),
        ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 5_000 + "!": 1}, InputError),
        ({"uniqueItems": True}, [{"a": n} for n in range(20_000)] + [{"a": 0}], InputError),
        ({}, nested(5_000), InputError),
    ],
    ids=["itself", "doubling", "defaults", "references", "pattern", "patternProperties", "unique", "deep"],
)
def test_hostile_schemas_and_values_take_bounded_time(schema: Any, value: Any, error: type[Exception]) -> None:
    began = time.process_time()
    with pytest.raises(error):
        check_input(schema, value)
    assert time.process_time() - began < 10


def test_no_reference_leaves_the_schema() -> None:
    with pytest.raises(DefinitionError, match="leads out of the schema"):
        check_input({"$ref": "http://127.0.0.1:9/schema"}, 1)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["", "a", "ab", "abc"])
    | st.floats(0, 3, width=16),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"]),
            "enum": st.lists(JSON, min_size=1, max_size=3),
            "minimum": st.integers(-3, 3),
            "maxLength": st.integers(0, 3),
            "pattern": st.sampled_from(["^a", "b$", "a|b"]),
            "uniqueItems": st.booleans(),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b"]), inner, max_size=1),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
        },
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(schema=SCHEMAS, value=JSON)
def test_our_keywords_judge_as_the_package_does(schema: dict[str, Any], value: Any) -> None:
    assert schema_faults(schema) == []
    fits = Draft202012Validator(schema).is_valid(value)
    try:
        check_input(schema, value)
    except InputError as error:
        assert not fits
        assert error.details["violations"]
    else:
        assert fits


@pytest.mark.parametrize("word", ["type", "required", "dependentRequired"])
def test_a_long_list_of_names_that_holds_something_else_is_told_at_once(word: str) -> None:
    """Not after minutes, in which each item would be compared with each."""
    names = [*range(100_000), "x"]
    [fault] = schema_faults({"properties": {"a": {word: {"b": names} if word == "dependentRequired" else names}}})
    assert (fault.code, fault.path[:3]) == ("schema_invalid", ("properties", "a", word))
    assert fault.message == f"'{word}' is a list of names"
