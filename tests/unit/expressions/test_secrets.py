"""Secrets taint what they touch, and show themselves nowhere."""

import copy
import json
import pickle
import traceback
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from graphs.errors import ExpressionError
from graphs.expressions import (
    EvaluationContext,
    Secret,
    contains_secret,
    mask,
    parse_condition,
    parse_expression,
    parse_template,
    reveal,
)

pytestmark = pytest.mark.capability("X12")

PLAIN = "s3ntinel-Value"
SCOPE: dict[str, Any] = {
    "secrets": {"key": Secret(PLAIN), "number": Secret(42), "flag": Secret(True), "list": Secret([3, 1, 2])}
    | {"object": Secret({"user": "root", "pass": PLAIN}), "empty": Secret([]), "json": Secret('{"a": "b"}')}
    | {"nothing": Secret(None)},
    "input": {"name": "Ann", "tags": ["a", Secret(PLAIN)], "password": Secret(PLAIN)},
}
CONTEXT = EvaluationContext(datetime(2026, 5, 1, tzinfo=UTC), "seed")


def evaluate(source: str) -> Any:
    return parse_expression(source).evaluate(SCOPE, CONTEXT)


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("secrets.key", PLAIN),
        ("secrets.key + '!'", PLAIN + "!"),
        ("'!' + secrets.key", "!" + PLAIN),
        ("'a' ~ secrets.key ~ 1", f"a{PLAIN}1"),
        ("secrets.number * 2 - 1", 83),
        ("-secrets.number", -42),
        ("secrets.number > 41", True),
        ("1 < secrets.number < 40", False),
        ("secrets.key == 's3ntinel-Value'", True),
        ("'s3nti' in secrets.key", True),
        ("secrets.key in ['a']", False),
        ("secrets.key in []", False),
        ("'b' in input.tags", False),
        ("not secrets.flag", False),
        ("secrets.flag and true", True),
        ("secrets.flag or false", True),
        ("secrets.key|upper", PLAIN.upper()),
        ("secrets.key|slice(0, 3)", "s3n"),
        ("secrets.key|b64encode", "czNudGluZWwtVmFsdWU="),
        ("secrets.key|urlencode", PLAIN),
        ("secrets.key|length", len(PLAIN)),
        ("secrets.key|split('-')", ["s3ntinel", "Value"]),
        ("secrets.key|json", f'"{PLAIN}"'),
        ("secrets.key|string|lower|trim", PLAIN.lower()),
        ("secrets.key[0]", "s"),
        ("secrets.key is none", False),
        ("secrets.list|sort|first", 1),
        ("secrets.list[1]", 1),
        ("secrets.object.user", "root"),
        ("secrets.object['user'] ~ ':'", "root:"),
        ("secrets.object|keys", ["user", "pass"]),
        ("(secrets.json|from_json).a", "b"),
        ("['a'][secrets.number]|default('x')", "x"),
        ("secrets.object.absent.deeper|default('x')", "x"),
        ("secrets.object.absent|default(input.name)", "Ann"),
        ("secrets.object.absent|default(secrets.object.other)|default(secrets.number)", 42),
        ("secrets.empty|first|default(1)", 1),
        ("secrets.absent|first|default(secrets.empty|last)|default(2)", 2),
        ("secrets.nothing|default('x')", "x"),
        ("['a', secrets.key]|join('-')", f"a-{PLAIN}"),
        ("input.tags|join", "a" + PLAIN),
        ("input.tags|json", f'["a","{PLAIN}"]'),
        ("input.tags|unique|last", PLAIN),
        ("['s3ntinel-Value']|select(none, '==', secrets.key)", [PLAIN]),
        ("'x'|replace('x', secrets.key)", PLAIN),
        ("input.tags == ['a', 'b']", False),
        ("uuid(secrets.key)|length", 36),
    ],
)
def test_what_a_secret_took_part_in_is_a_secret(source: str, plain: Any) -> None:
    found = evaluate(source)
    assert type(found) is Secret
    assert reveal(found) == plain


@pytest.mark.parametrize(
    ("source", "masked"),
    [
        ("[secrets.key, 1]", ["***", 1]),
        ("{'a': {'b': secrets.key}, 'c': 1}", {"a": {"b": "***"}, "c": 1}),
        ("input.tags", ["a", "***"]),
        ("input.tags|slice(0, 2)", ["a", "***"]),
        ("input.tags + ['c']", ["a", "***", "c"]),
        ("{'a': secrets.key}|values", ["***"]),
        ("[{'a': secrets.key}]|map('a')", ["***"]),
        ("input|keys", ["name", "tags", "password"]),
        ("input.tags|length", 2),
        ("input.tags|first", "a"),
        ("input.absent|default(secrets.key)", "***"),
        ("secrets.key|default('x')", "***"),
        ("secrets.key if true else 1", "***"),
        ("secrets.key is defined", True),
        ("secrets.absent is defined", False),
        ("secrets.key|mask", "***"),
        ("'a' in input.tags", True),
        ("false and secrets.flag", False),
        ("true or secrets.flag", True),
        ("secrets.flag and false", False),
    ],
)
def test_structures_keep_their_secrets_apart(source: str, masked: Any) -> None:
    assert mask(evaluate(source)) == masked


def test_a_text_with_a_secret_in_it_is_a_secret_and_its_neighbours_are_not() -> None:
    template = parse_template(
        {
            "auth": "Bearer {{ secrets.key }} for {{ input.name }}",
            "user": "{{ input.name }}",
            "alone": "{{ secrets.key }}",
        }
    )
    found = template.render(SCOPE)
    assert mask(found) == {"auth": "***", "user": "Ann", "alone": "***"}
    assert reveal(found) == {"auth": f"Bearer {PLAIN} for Ann", "user": "Ann", "alone": PLAIN}


@pytest.mark.parametrize(
    "source",
    ["secrets.flag", "secrets.key == 'x'", "not secrets.flag", "'x' in input.tags", "secrets.number > 1 and true"],
)
def test_a_condition_on_a_secret_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(source).evaluate(SCOPE)
    assert caught.value.code == "secret_in_condition"
    assert str(caught.value) == "a condition cannot depend on a secret. Test something else."


@pytest.mark.parametrize(
    "source",
    ["secrets.key[20] is defined", "secrets.object.absent is undefined", "(secrets.empty|first) is defined"],
)
def test_what_a_secret_holds_cannot_be_asked_for(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(source).evaluate(SCOPE)
    assert str(caught.value) == "what a secret holds cannot be asked for. Use |default(…) instead."


def test_a_secret_does_not_decide_which_parts_are_looked_at() -> None:
    for source in ("secrets.flag and input.absent", "secrets.flag or input.absent"):
        with pytest.raises(ExpressionError) as caught:
            evaluate(source)
        assert caught.value.code == "missing_value"


@pytest.mark.parametrize(
    "source",
    [
        "secrets.key|int",
        "secrets.key|float",
        "secrets.key|date",
        "secrets.key|date(secrets.key)",
        "secrets.key|duration",
        "secrets.key|from_json",
        "secrets.key.absent",
        "secrets.object.absent",
        "secrets.object|default(1) ~ 'x'",
        "secrets.key + 1",
        "-secrets.key",
        "not secrets.key",
        "secrets.key and true",
        "secrets.key * secrets.number",
        "secrets.empty|first",
        "secrets.list|slice(secrets.key)",
        "input.tags|sum",
        "input.tags|map('x')",
        "[1]|select(none, secrets.key, 1)",
        "'a'|hash(secrets.key)",
        "{secrets.key: 1}",
        "1 if secrets.key else 2",
        "hash(secrets.key)",
        "secrets.key|mask(2)",
        "password_hash(secrets.number)",
    ],
)
def test_no_error_tells_anything_of_a_secret(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(source)
    error = caught.value
    told = "".join(traceback.format_exception(error)) + repr(error.as_dict()) + repr(error.__context__)
    for part in (PLAIN, "s3nt", "root", "'user'", "Fields here: user"):
        assert part not in told.replace(source, "")
    assert error.offset is not None


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(PLAIN)
    told = f"{secret} {secret!r} {[secret]} { ({'a': secret}) } {secret!s}"
    assert PLAIN not in told
    assert str(secret) == repr(secret) == "***"
    assert secret == secret
    assert secret != Secret(PLAIN)
    assert secret != PLAIN
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        iter(secret)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        orjson.dumps({"a": secret})


def test_a_secret_cannot_be_pickled_and_copies_are_itself() -> None:
    secret = Secret(PLAIN)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="a secret cannot be serialised"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError, match="a secret cannot be serialised"):
        secret.__getstate__()
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_reveal_goes_all_the_way_and_mask_never_fails() -> None:
    assert reveal(Secret(Secret([Secret(1)]))) == [1]
    assert reveal((Secret(1), 2)) == [1, 2]
    deep: Any = Secret(PLAIN)
    for _ in range(300):
        deep = [deep]
    assert contains_secret(deep)
    assert PLAIN not in repr(mask(deep))
    with pytest.raises(ExpressionError) as caught:
        reveal(deep)
    assert str(caught.value) == "the value is nested more than 100 deep. Make it flatter."


def test_a_secret_written_into_a_template_stays_one() -> None:
    template = parse_template({"token": Secret(PLAIN), "name": "{{ input.name }}"})
    assert PLAIN not in repr(template)
    assert mask(template.render(SCOPE)) == {"token": "***", "name": "Ann"}
