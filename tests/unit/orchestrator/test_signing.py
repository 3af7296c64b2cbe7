"""Standard Webhooks: our signatures are those of the specification, and nothing else is taken (A13)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.errors import InputError
from orchestrator.webhooks.signing import (
    Secret,
    SignatureError,
    headers_for,
    key_of,
    new_secret,
    signature,
    verified,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b'{"test": 2432232314}'


def test_the_example_of_the_specification() -> None:
    signed = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def code_of(known: list[Secret], headers: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    with pytest.raises(SignatureError) as caught:
        verified(known, headers, body, now).id
    return caught.value.code


def test_a_message_that_was_signed_a_moment_ago_is_taken() -> None:
    headers = headers_for([SECRET], "msg_1", NOW, BODY)
    assert verified([Secret(SECRET)], headers, BODY, NOW + timedelta(minutes=4)).id == "msg_1"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_message_without_its_signature_is_refused(missing: str) -> None:
    headers = headers_for([SECRET], "msg_1", NOW, BODY)
    del headers[missing]
    assert code_of([Secret(SECRET)], headers) == "signature_missing"


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365])
def test_a_message_of_another_time_is_refused(minutes: int) -> None:
    headers = headers_for([SECRET], "msg_1", NOW - timedelta(minutes=minutes), BODY)
    assert code_of([Secret(SECRET)], headers) == "signature_too_old"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v2," + "A" * 44},
        {"webhook-signature": "\udcff"},
    ],
)
def test_a_message_that_was_changed_is_refused(change: dict[str, str]) -> None:
    headers = headers_for([SECRET], "msg_1", NOW, BODY) | change
    try:
        assert code_of([Secret(SECRET)], headers) == "signature_wrong"
    except UnicodeEncodeError:
        pytest.fail("a header that no encoding can hold must be refused, not break")


def test_a_changed_body_and_another_secret_are_refused() -> None:
    headers = headers_for([SECRET], "msg_1", NOW, BODY)
    assert code_of([Secret(SECRET)], headers, BODY + b" ") == "signature_wrong"
    assert code_of([Secret(new_secret())], headers) == "signature_wrong"
    assert code_of([], headers) == "signature_wrong"


def test_an_old_secret_counts_until_its_time_is_over() -> None:
    known = [Secret(new_secret()), Secret(SECRET, until=NOW + timedelta(hours=1))]
    headers = headers_for([SECRET], "msg_1", NOW, BODY)
    assert verified(known, headers, BODY, NOW).id == "msg_1"
    later = NOW + timedelta(hours=1)
    assert code_of(known, headers_for([SECRET], "msg_1", later, BODY), now=later) == "signature_wrong"


def test_one_of_several_signatures_is_enough() -> None:
    headers = headers_for([new_secret(), SECRET], "msg_1", NOW, BODY)
    assert verified([Secret(SECRET)], headers, BODY, NOW).id == "msg_1"


@pytest.mark.parametrize("wrong", ["", "whsec_", "whsec_AAAA", "whsec_!!!!", "é"])
def test_what_is_no_secret_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="A webhook's secret is 'whsec_' and at least 16 bytes as base64"):
        key_of(wrong)


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text(max_size=40), max_size=3
    ),
    st.binary(max_size=50),
)
def test_made_up_headers_are_refused_whatever_they_hold(headers: Any, body: bytes) -> None:
    with pytest.raises(SignatureError):
        verified([Secret(SECRET)], headers, body, NOW).id
