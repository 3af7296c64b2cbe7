"""The course's policies, which are dicts: read with care, as a misspelt key would be a policy that is not there."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphs.building.options import made
from graphs.errors import DefinitionError, Problem
from graphs.loading.names import suggestion
from graphs.spec import RetryPolicy

_NAMES = {
    "max_attempts": "max_attempts",
    "max_retries": "max_retries",
    "backoff": "backoff",
    "backoff_strategy": "backoff",
    "initial_delay": "initial_delay",
    "max_delay": "max_delay",
    "multiplier": "multiplier",
    "backoff_multiplier": "multiplier",
    "jitter": "jitter",
    "retry_on": "retry_on",
    "give_up_on": "give_up_on",
}
GOES_ON, THRESHOLD = "continue_on_failure", "parallel_failure_threshold"
_KNOWN = (*_NAMES, GOES_ON, THRESHOLD)


class Retry(NamedTuple):
    """What a `retry_policy` says.

    Attributes:
        policy: How often and how long apart; None where it says nothing of that.
        goes_on: A failure does not stop the others (P11).
        threshold: Of a parallel step: the least rate of successes (X14).
    """

    policy: RetryPolicy | None
    goes_on: bool = False
    threshold: float | None = None


def retry_of(given: Mapping[str, Any], where: str) -> Retry:
    """Read one.

    Raises:
        DefinitionError: a key is not known, or a value cannot be.
    """
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in _KNOWN:
            raise problem("unknown_key", f"{where}, retry_policy: there is no key '{key}'.", _hint(key))
        if key in _NAMES:
            if _NAMES[key] in values:
                raise problem("said_twice", f"{where}, retry_policy: '{key}' is said in two ways.", "Keep one.")
            values[_NAMES[key]] = value
    if "max_retries" in values:
        if "max_attempts" in values:
            raise problem(
                "retries_and_attempts",
                f"{where}, retry_policy: 'max_retries' and 'max_attempts' are both given.",
                "Keep one: attempts count the first try too, so max_attempts is max_retries + 1.",
            )
        values["max_attempts"] = values.pop("max_retries") + 1
    policy = made(RetryPolicy, f"{where}, retry_policy", values) if values else None
    return Retry(policy, bool(given.get(GOES_ON, False)), given.get(THRESHOLD))


def _hint(key: str) -> str:
    return suggestion(key, list(_KNOWN), "Keys here")


def problem(code: str, message: str, hint: str | None = None) -> DefinitionError:
    """One thing that is wrong."""
    return DefinitionError([Problem(code, message, hint)])
