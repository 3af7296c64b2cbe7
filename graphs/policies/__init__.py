"""Policies decide, they never act. Pure: errors, numbers and a clock's time go in, a decision comes out.

classify    what kind of failure an error is, in one place (E21)
responses   what a failure asks for, by its kind: the one table
retry       whether a failed attempt is followed by another, and when
timing      how long an attempt, and a step with all its attempts, may take
breaker     who is left alone for a while, and who may look whether that was long enough
limits      who may act when not everybody can; `named` has those that settings speak of
"""

from graphs.policies.classify import Classifier, as_step_error, classified, error_value, kept_error, unheard
from graphs.policies.responses import TABLE, Asked, asked_by
from graphs.policies.retry import ONCE, Again, GiveUp, after_failure, backoff, retry_policy, says_retries
from graphs.policies.timing import attempt_timeout, out_of_time

__all__ = [
    "ONCE",
    "TABLE",
    "Again",
    "Asked",
    "Classifier",
    "GiveUp",
    "after_failure",
    "as_step_error",
    "asked_by",
    "attempt_timeout",
    "backoff",
    "classified",
    "error_value",
    "kept_error",
    "out_of_time",
    "retry_policy",
    "says_retries",
    "unheard",
]
