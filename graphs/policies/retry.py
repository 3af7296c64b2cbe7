"""Whether a failed attempt is followed by another, and when."""

import random
from dataclasses import dataclass

from graphs.errors import Category, StepError
from graphs.policies.classify import MAX_RETRY_AFTER
from graphs.policies.responses import RETRIED
from graphs.spec import Config, RetryPolicy, Step

ONCE = RetryPolicy(max_attempts=1)


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after so many seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The failure is final; `why` completes the sentence "attempt 3 of 3: …"."""

    why: str


def retry_policy(step: Step, config: Config) -> RetryPolicy:
    """The policy a step is tried by: its own, what its `on_failure` or `config` says, the workflow's, or once (X03)."""
    base = step.retry or config.retry_policy or ONCE
    if step.retry is not None:
        return base
    attempts = step.on_failure.max_attempts or _config_attempts(step)
    if attempts is None and step.on_failure.action == "retry" and config.retry_policy is None:
        attempts = RetryPolicy().max_attempts
    return base if attempts is None else base.model_copy(update={"max_attempts": attempts})


def says_retries(step: Step) -> bool:
    """Whether a step says itself how often it is tried, and does not leave that to its workflow."""
    asked = step.on_failure.action == "retry" or step.on_failure.max_attempts is not None
    return step.retry is not None or asked or _config_attempts(step) is not None


def _config_attempts(step: Step) -> int | None:
    attempts = step.config.get("max_attempts")
    return attempts if isinstance(attempts, int) and not isinstance(attempts, bool) and attempts > 0 else None


def after_failure(policy: RetryPolicy, attempt: int, error: StepError, chance: random.Random) -> Again | GiveUp:
    """What a failed attempt leads to.

    Args:
        policy: How the step is tried.
        attempt: The number of the attempt that failed, from 1.
        error: Why; its category decides, unless it says itself whether it may be retried.
        chance: Where jitter comes from.
    """
    if attempt >= policy.max_attempts:
        return GiveUp("no attempts are left")
    if error.retryable is False:
        return GiveUp("it cannot be retried")
    if error.retryable is None and not is_retried(policy, error.category):
        return GiveUp(f"{error.category} failures are not retried")
    # Whoever comes back sooner than a server asked for is sent away again: the policy's own cap is not for that.
    return Again(max(backoff(policy, attempt, chance), min(error.retry_after or 0.0, MAX_RETRY_AFTER)))


def is_retried(policy: RetryPolicy, category: Category) -> bool:
    """Whether a policy tries failures of a category again."""
    wanted = RETRIED if policy.retry_on is None else policy.retry_on
    return category in wanted and category not in policy.give_up_on


def backoff(policy: RetryPolicy, attempt: int, chance: random.Random) -> float:
    """Seconds between attempt number `attempt` and the next: spread by the jitter, never more than the cap (X22)."""
    match policy.backoff:
        case "fixed":
            delay = policy.initial_delay
        case "linear":
            delay = policy.initial_delay * attempt
        case "exponential":
            # The exponent is bounded because a float overflows long before a person would wait that long.
            delay = policy.initial_delay * policy.multiplier ** min(attempt - 1, 64)
    delay = min(delay, policy.max_delay)
    if not policy.jitter:
        return delay
    # Spread below the cap, and not cut off at it: there, many would begin at the same instant again.
    least, most = delay * (1 - policy.jitter), min(delay * (1 + policy.jitter), policy.max_delay)
    return least + (most - least) * chance.random()
