"""What each filter does; what it refuses is in test_messages."""

from typing import Any

import pytest

from graphs.expressions import parse_expression
from graphs.expressions.filters import FILTERS

pytestmark = pytest.mark.capability("D13", "D15")

ROWS = [
    {"id": 2, "name": "b", "on": True, "at": {"city": "X"}},
    {"id": 1, "name": "a", "on": False, "at": {"city": "Y"}},
    {"id": 3, "name": "b", "on": True, "at": {"city": "X"}, "note": None},
]
SCOPE = {"input": {"rows": ROWS, "o": {"b": 1, "a": [2]}, "numbers": [3, 1, 2]}}

CASES = [
    ("input.o.c|default('x')", "x"),
    ("'Straße'|upper", "STRASSE"),
    ("'ABC'|lower", "abc"),
    ("' a b\\n'|trim", "a b"),
    ("'a.b.c'|replace('.', '')", "abc"),
    ("'a,b,,c'|split(',')", ["a", "b", "", "c"]),
    ("' a  b '|split", ["a", "b"]),
    ("['a', 1, 2.5, true]|join('-')", "a-1-2.5-true"),
    ("[]|join", ""),
    ("5|string", "5"),
    ("1e16|string", "1e+16"),
    ("'abc'|length", 3),
    ("input.rows|length", 3),
    ("input.o|length", 2),
    ("input.numbers|first", 3),
    ("'abc'|last", "c"),
    ("input.numbers|slice(1)", [1, 2]),
    ("input.numbers|slice(0, 2)", [3, 1]),
    ("input.numbers|slice(-2)", [1, 2]),
    ("'abcdef'|slice(1, 3)", "bc"),
    ("input.numbers|sort", [1, 2, 3]),
    ("input.numbers|sort(true)", [3, 2, 1]),
    ("['b', 'B', 'a']|sort", ["B", "a", "b"]),
    ("input.rows|sort(attribute='id')|map('id')", [1, 2, 3]),
    ("input.rows|sort(reverse=true, attribute='at.city')|map('id')", [1, 2, 3]),
    ("[1, 1.0, '1', true, [1], [1], {'a': 1, 'b': 2}, {'b': 2, 'a': 1}]|unique|length", 5),
    ("input.rows|unique(attribute='name')|map('id')", [2, 1]),
    ("input.numbers|sum", 6),
    ("[]|sum", 0),
    ("input.rows|sum('id')", 6),
    ("input.numbers|min", 1),
    ("['b', 'a']|max", "b"),
    ("(input.rows|min(attribute='id')).name", "a"),
    ("(input.rows|max(attribute='id')).id", 3),
    ("input.rows|map('at.city')", ["X", "Y", "X"]),
    ("input.rows|map(attribute='name')", ["b", "a", "b"]),
    ("input.rows|map('note', default='-')", ["-", "-", "-"]),
    ("[[1, 2], [3]]|map(0)", [1, 3]),
    ("[[1, 2], [3]]|map('0')", [1, 3]),
    ("input.rows|select('on')|map('id')", [2, 3]),
    ("input.rows|reject('on')|map('id')", [1]),
    ("input.rows|select('id', '>=', 2)|map('id')", [2, 3]),
    ("input.rows|select('name', 'eq', 'b')|length", 2),
    ("input.rows|reject('name', 'in', ['b'])|map('id')", [1]),
    ("input.rows|select('note', 'defined')|map('id')", [3]),
    ("input.numbers|select(none, '>', 1)", [3, 2]),
    ("[true, false]|select", [True]),
    ("2.567|round(1)", 2.6),
    ("2.5|round", 2),
    ("1234|round(-2)", 1200),
    ("'42'|int", 42),
    ("' -7 '|int", -7),
    ("3.9|int", 3),
    ("-3.9|int", -3),
    ("'1.5e3'|float", 1500.0),
    ("2|float", 2.0),
    ("input.o|keys", ["b", "a"]),
    ("input.o|values", [1, [2]]),
    ("input.o|json", '{"b":1,"a":[2]}'),
    ("[1, 'é', none, true]|json", '[1,"é",null,true]'),
    ("[1]|json(indent=2)", "[\n  1\n]"),
    ("170141183460469231731687303715884105727|json", "170141183460469231731687303715884105727"),
    ("'{\"a\": [1, 2.5, null]}'|from_json", {"a": [1, 2.5, None]}),
    ("('{\"a\": [7]}'|from_json).a[0]", 7),
    ("'2026-05-01T09:30:00+02:00'|date", "2026-05-01T07:30:00Z"),
    ("'2026-05-01'|date('%d.%m.%Y %H:%M:%S')", "01.05.2026 00:00:00"),
    ("'2026-05-01T15:04:05.000123'|date('%a %A %b %B %j %I %p %f %s %Z %z %%')", None),
    ("0|date", "1970-01-01T00:00:00Z"),
    ("'2026-02-27T12:00:00Z'|date(add='48h')", "2026-03-01T12:00:00Z"),
    ("'2026-03-01'|date('%Y-%m-%d', add='-1d')", "2026-02-28"),
    ("'2026-03-01'|date(add=90)", "2026-03-01T00:01:30Z"),
    ("'1h30m'|duration", 5400),
    ("'500ms'|duration", 0.5),
    ("'1.5h'|duration", 5400),
    ("'2w1d'|duration", 1296000),
    ("90|duration", 90),
    ("'Grüße'|b64encode", "R3LDvMOfZQ=="),
    ("'a/b c&é'|urlencode", "a%2Fb%20c%26%C3%A9"),
    ("{'a': 1, 'b c': 'x&y'}|urlencode", "a=1&b%20c=x%26y"),
    ("7|urlencode", "7"),
    ("'abc'|hash", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("('abc'|hash('sha512'))|slice(0, 8)", "ddaf35a1"),
    ("({'b': 1, 'a': 2}|hash) == ({'a': 2, 'b': 1}|hash)", True),
    ("'4111111111111111'|mask(4)", "***1111"),
    ("'short'|mask(4)", "***"),
    ("'anything'|mask", "***"),
    ("{'a': 1}|mask", "***"),
]


@pytest.mark.parametrize(("source", "value"), CASES)
def test_filters(source: str, value: Any) -> None:
    if value is None:
        value = "Fri Friday May May 121 03 PM 000123 1777647845 UTC +0000 %"
    found = parse_expression(source).evaluate(SCOPE)
    assert found == value
    assert type(found) is type(value)


def test_every_filter_is_shown_here() -> None:
    shown = " ".join(source for source, _ in CASES)
    assert [name for name in FILTERS if f"|{name}" not in shown] == []


def test_the_list_of_filters_is_fixed() -> None:
    assert sorted(FILTERS) == [
        "b64encode",
        "date",
        "default",
        "duration",
        "first",
        "float",
        "from_json",
        "hash",
        "int",
        "join",
        "json",
        "keys",
        "last",
        "length",
        "lower",
        "map",
        "mask",
        "max",
        "min",
        "reject",
        "replace",
        "round",
        "select",
        "slice",
        "sort",
        "split",
        "string",
        "sum",
        "trim",
        "unique",
        "upper",
        "urlencode",
        "values",
    ]


def test_filters_do_not_change_what_they_are_given() -> None:
    before = repr(SCOPE)
    for source, _ in CASES:
        parse_expression(source).evaluate(SCOPE)
    assert repr(SCOPE) == before
