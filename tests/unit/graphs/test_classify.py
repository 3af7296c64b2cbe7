"""What kind of failure an error is: one classifier for everything a step's code raises."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, get_args

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.services.services import Services
from graphs.errors import Category, ConflictError, NotFoundError, StepError
from graphs.policies import Classifier, as_step_error, classified, error_value, kept_error
from graphs.policies.classify import verdict
from tests.support.engine.steps import Act

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class _RefusedError(ConnectionError):
    pass


class _OwnType(Act):
    """A step type that knows what its own code raises."""

    def classify(self, error: Exception) -> StepError | None:
        return StepError("known here", category="budget") if isinstance(error, KeyError) else None


def _answered(status: int, **headers: str) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://x")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(status, headers=headers))


@pytest.mark.capability("E21", "E03", "E20")
@pytest.mark.parametrize(
    ("error", "category"),
    [
        (_RefusedError("gone"), "transient"),
        (TimeoutError(), "timeout"),
        (MemoryError(), "resource"),
        (ConflictError("taken"), "validation"),
        (ZeroDivisionError("oh"), "logic"),
        (httpx.ConnectError("no route"), "dependency"),
        (httpx.ReadTimeout("slow"), "transient"),
        (_answered(404), "validation"),
        (_answered(429), "transient"),
        (_answered(503), "dependency"),
        (_answered(401), "logic"),
    ],
)
def test_what_is_generally_known(error: Exception, category: str) -> None:
    """Python's own exceptions, those of clients, and answers that carry a status."""
    assert as_step_error(error).category == category


@pytest.mark.capability("E21")
def test_who_knows_more_is_asked_first() -> None:
    """The error itself, the step type, the application, then what is generally known."""
    application = {Classifier: Classifier({LookupError: "resource", OSError: lambda _: StepError("disk", code="disk")})}
    own = StepError("own", category="transient")
    assert classified(own, _OwnType(), application, NOW) is own
    assert classified(KeyError("k"), _OwnType(), application, NOW).category == "budget"
    assert classified(KeyError("k"), Act(), application, NOW).category == "resource", "the nearest base class counts"
    assert classified(ConnectionError(), Act(), application, NOW).code == "disk"
    assert classified(KeyError("k"), Act(), {}, NOW).category == "logic"
    assert classified(NotFoundError("none"), _OwnType(), application, NOW).category == "validation"


def test_an_answer_that_asks_for_patience_is_heard_whoever_sent_the_request() -> None:
    """In seconds or as a time."""
    assert classified(_answered(503, **{"retry-after": "7"}), Act(), {}, NOW).retry_after == 7
    assert (
        classified(_answered(503, **{"retry-after-ms": "1500", "retry-after": "2"}), Act(), {}, NOW).retry_after == 1.5
    )
    later = format_datetime(datetime(2026, 1, 1, 0, 1, tzinfo=UTC), usegmt=True)
    assert classified(_answered(503, **{"retry-after": later}), Act(), {}, NOW).retry_after == 60


@pytest.mark.capability("E21", "X13")
def test_a_service_says_what_its_own_statuses_mean() -> None:
    """`failures` in its configuration; anything else is as usual."""
    service = Services.from_mapping({"a": {"base_url": "http://x", "failures": {"409": "transient"}}}).get("a")
    assert verdict(409, service.failures) == "transient"
    assert (verdict(409), verdict(404, service.failures)) == ("validation", "validation")


@given(st.integers(100, 599))
def test_every_status_has_a_category(status: int) -> None:
    """Only what may go better is tried again: never what the client did wrong."""
    category = verdict(status)
    assert category in get_args(Category)
    if 400 <= status < 500 and status not in (402, 408, 423, 425, 429):
        assert category in ("validation", "logic")


_JSON = st.none() | st.booleans() | st.integers() | st.text()


@given(
    st.text(),
    st.sampled_from(get_args(Category)),
    st.none() | st.text(min_size=1),
    st.dictionaries(st.sampled_from(["status", "service", "limit"]), _JSON),
    st.integers(1, 9),
)
def test_a_kept_failure_is_the_same_when_it_is_read_back(
    message: str, category: Any, hint: str | None, details: dict[str, Any], attempt: int
) -> None:
    """Another process must come to the same result."""
    value = error_value(StepError(message, category=category, hint=hint, code="c", **details), attempt=attempt)
    assert error_value(kept_error(value), attempt=attempt) == value
