"""What a body may be: each refusal with its reason, and whatever passes means one thing only."""

import json
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import status_of
from api.security.bodies import BodyError, check_json, is_json

REFUSED = {
    "json_invalid": [b"{", b"{'a': 1}", b"[1,]", b"nul", b"1 2", b"[01]", b'"\x01"', b"\xef\xbb\xbf{}"],
    "body_not_utf8": [b'"\xff"', b'{"a": "\xc3"}', b'"\xed\xa0\x80"'],
    "json_duplicate_key": [b'{"a": 1, "a": 2}', b'[{"x": {"b": 1, "\\u0062": 2}}]'],
    "json_not_finite": [b"NaN", b"[Infinity]", b'{"a": -Infinity}'],
    "json_number_too_large": [b"18446744073709551616", b"-9223372036854775809", b"1e999", b"[-1e400]", b"9" * 5000],
    "json_too_deep": [b"[" * 101 + b"]" * 101, b'{"a":' * 101 + b"1" + b"}" * 101, b"[" * 100_000 + b"]" * 100_000],
    "json_nul": [b'"a\\u0000"', b'{"\\u0000": 1}', b'[["\\u0000"]]'],
    "json_lone_surrogate": [b'"\\ud800"', b'{"a": "\\udfff\\ud800"}', b'{"\\uD83D": 1}'],
    "json_too_large": [b"[" + b"1," * 1_000_001 + b"1]"],
}


@pytest.mark.parametrize(
    ("code", "body"),
    [(code, body) for code, bodies in REFUSED.items() for body in bodies],
    ids=lambda value: str(value)[:30],
)
def test_a_body_that_says_nothing_certain_is_refused_with_a_reason(code: str, body: bytes) -> None:
    with pytest.raises(BodyError) as caught:
        check_json(body, 100)
    assert caught.value.code == code
    assert status_of(caught.value) == 400
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'"\\ud83d\\ude00"',
        b'"\\\\u0000"',
        b"[" * 100 + b"]" * 100,
        b"18446744073709551615",
        b"-9223372036854775808",
        b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}',
        '"ünïcödé 😀"'.encode(),
        b"1e300",
    ],
)
def test_an_ordinary_body_is_taken(body: bytes) -> None:
    check_json(body, 100)


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=10)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_any_json_library_writes_is_taken(value: Any) -> None:
    check_json(json.dumps(value).encode(), 100)
    check_json(json.dumps(value, ensure_ascii=False).encode(), 100)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_what_is_taken_can_be_kept_and_read_back(body: bytes) -> None:
    try:
        check_json(body, 100)
    except BodyError:
        return
    value = json.loads(body)
    assert orjson.loads(orjson.dumps(value)) == value  # neither library sees anything else in it


def test_a_reason_can_be_printed_whatever_it_quotes() -> None:
    with pytest.raises(BodyError) as caught:
        check_json(b'{"\\ud800": 1, "\\ud800": 2}', 100)
    str(caught.value).encode(sys.getdefaultencoding())


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
)
def test_kinds_that_are_read_as_json(kind: str) -> None:
    assert is_json(kind)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/yaml", "application/jsonx", "text/json+x"])
def test_kinds_that_are_not(kind: str) -> None:
    assert not is_json(kind)
