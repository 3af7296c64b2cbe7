"""Writing an expression out: the fewest parentheses that keep its meaning."""

import pytest

from graphs.expressions import parse_expression, unparse


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("{ 'k' : 1,input.a:[1,2] }", "{'k': 1, input.a: [1, 2]}"),
        ("hash( 1,algorithm='sha512' )", "hash(1, algorithm='sha512')"),
        ("now( )", "now()"),
        ("a['b']['c d'][0][e].f", "a.b['c d'][0][e].f"),
        ("((1 if a else 2)) if b else (3 if c else 4)", "(1 if a else 2) if b else 3 if c else 4"),
        ("(a is none) if b else c", "(a is none) if b else c"),
        ("a if (b is none) else c", "a if b is none else c"),
        ("(a is none) == true", "(a is none) == true"),
        ("a is not defined", "not a is defined"),
        ("(a and b) or (c and (d or e))", "a and b or c and (d or e)"),
        ("not (a and b) and not (not c)", "not (a and b) and not not c"),
        ("(a < b) < c <= (d)", "(a < b) < c <= d"),
        ("a not in (b in c)", "a not in (b in c)"),
        ("a - (b - c) + (d * e)", "a - (b - c) + d * e"),
        ("(a / b) / (c / d)", "a / b / (c / d)"),
        ("(a ~ b) + (c ~ (d + e))", "a ~ b + c ~ (d + e)"),
        ("-(-5) - -a", "-(-5) - -a"),
        ("-(a|round)|string", "-(a|round)|string"),
        ("(-a)|round(digits=1)|string", "-a|round(digits=1)|string"),
        ("(a + b)|string", "(a + b)|string"),
        ("(a|first).b", "(a|first).b"),
        ("(a if b else c)['d']", "(a if b else c).d"),
        ("null == none", "none == none"),
        ("True and 0x10 > 1_0.50", "true and 16 > 10.5"),
        ("1e16", "1e+16"),
        (r'"it\'s" ~ "\"\\"', r"""'it\'s' ~ '"\\'"""),
        (r"'\x01\n\t\r\u200b\U000e0001é😀'", r"'\x01\n\t\r\u200b\U000e0001é😀'"),
    ],
)
def test_written_out(source: str, written: str) -> None:
    expression = parse_expression(source)
    assert unparse(expression) == written
    assert unparse(parse_expression(written)) == written
