"""now, uuid, hash and password_hash: the same again in a replay."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from graphs.errors import ExpressionError
from graphs.expressions import EvaluationContext, Secret, parse_expression, parse_template, reveal
from graphs.expressions.functions import FUNCTIONS

pytestmark = pytest.mark.capability("D15")

NOW = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
CONTEXT = EvaluationContext(NOW, "execution:pay:1")


def evaluate(source: str, context: EvaluationContext | None = CONTEXT) -> object:
    return parse_expression(source).evaluate({"input": {"password": "correct horse"}}, context)


def test_the_list_of_functions_is_fixed() -> None:
    assert sorted(FUNCTIONS) == ["hash", "now", "password_hash", "uuid"]


def test_now_is_the_time_of_the_step() -> None:
    assert evaluate("now()") == "2026-05-01T09:30:00Z"
    assert evaluate("now()|date('%Y')") == "2026"
    elsewhere = EvaluationContext(NOW.astimezone(timezone(timedelta(hours=2))), "s")
    assert evaluate("now()", elsewhere) == "2026-05-01T09:30:00Z"


def test_uuid_depends_on_the_step_and_the_key_alone() -> None:
    found = evaluate("uuid('invoice')")
    assert str(UUID(str(found))) == found
    assert UUID(str(found)).version == 5
    assert evaluate("uuid('invoice')") == found
    assert evaluate("uuid('receipt')") != found
    assert evaluate("uuid('invoice')", EvaluationContext(NOW + timedelta(days=1), "execution:pay:1")) == found
    assert evaluate("uuid('invoice')", EvaluationContext(NOW, "execution:pay:2")) != found
    assert evaluate("uuid('bc')", EvaluationContext(NOW, "a")) != evaluate("uuid('c')", EvaluationContext(NOW, "ab"))


def test_hash_is_sha256_of_the_text_or_of_the_canonical_json() -> None:
    assert evaluate("hash(input.password)") == hashlib.sha256(b"correct horse").hexdigest()
    assert evaluate("hash({'b': 1, 'a': 'é'})") == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()
    assert evaluate("hash('a', 'sha384')") == hashlib.sha384(b"a").hexdigest()


@pytest.mark.capability("X12")
def test_password_hash_is_scrypt_in_the_modular_crypt_format() -> None:
    found = str(evaluate("password_hash(input.password)"))
    _, name, settings, salt, key = found.split("$")
    assert (name, settings) == ("scrypt", "ln=14,r=8,p=5")
    made = hashlib.scrypt(b"correct horse", salt=_decoded(salt), n=2**14, r=8, p=5, maxmem=2**26, dklen=32)
    assert made == _decoded(key)
    assert len(_decoded(salt)) == 16


@pytest.mark.capability("X12")
def test_the_salt_is_the_same_in_a_replay_and_different_everywhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    salts: list[bytes] = []

    def cheap(_password: bytes, *, salt: bytes, **_: int) -> bytes:
        salts.append(salt)
        return b"key"

    monkeypatch.setattr(hashlib, "scrypt", cheap)  # Only the salts matter here.
    template = parse_template(
        {
            "a": "{{ password_hash(input.p) }}",
            "b": "{{ password_hash(input.p) }}",
            "c": "{{ password_hash(input.p) }}{{ password_hash(input.p) }}",
            "d": "{{ [password_hash(input.p), password_hash(input.p)] }}",
        }
    )
    scope = {"input": {"p": "secret"}}
    template.render(scope, CONTEXT)
    assert len(set(salts)) == len(salts) == 6
    first, salts[:] = list(salts), []
    template.render(scope, EvaluationContext(NOW + timedelta(hours=1), CONTEXT.seed))
    assert salts == first
    salts.clear()
    template.render(scope, EvaluationContext(NOW, "another execution:pay:1"))
    assert not set(salts) & set(first)


@pytest.mark.capability("X12")
def test_a_secret_password_gives_a_secret_hash_and_is_refused_by_the_fast_one() -> None:
    scope = {"input": {"password": Secret("correct horse")}}
    found = parse_expression("password_hash(input.password)").evaluate(scope, CONTEXT)
    assert type(found) is Secret
    assert reveal(found) == evaluate("password_hash(input.password)")
    for source in (
        "hash(input.password)",
        "input.password|hash",
        "hash(input)",
        "hash(input.password ~ 'salt')",
        "hash([input.password])",
        "hash(input.password|upper, 'sha512')",
    ):
        with pytest.raises(ExpressionError) as caught:
            parse_expression(source).evaluate(scope, CONTEXT)
        assert caught.value.code == "secret_refused"
        assert "password_hash(x)" in str(caught.value)


def test_what_is_called_is_known_before_it_runs() -> None:
    assert parse_expression("now() ~ uuid(hash('x'))").calls == {"now", "uuid", "hash"}
    assert parse_template({"a": ["{{ password_hash(input.p) }}"], "b": "{{ input.p }}"}).calls == {"password_hash"}
    assert parse_expression("input.now").calls == frozenset()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
