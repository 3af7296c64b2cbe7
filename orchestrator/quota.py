"""How much of a tenant's may be waiting or at work at once, so that none fills the place that is everybody's."""

from typing import Final

from graphs.errors import BatonError

_AGAIN: Final = 5.0
"""Seconds after which it may be worth while to ask again."""


class TooManyRunsError(BatonError):
    """A tenant has as much waiting and at work as it may; `retry_after` says when to ask again."""

    code = "too_many_runs"


def too_many_runs(tenant: str, most: int, what: str) -> TooManyRunsError:
    """The error for one more than a tenant may have."""
    return TooManyRunsError(
        f"Tenant '{tenant}' has {most} {what} waiting or at work, which is as many as it may.",
        hint="Wait until some have ended, or raise BATON_MAX_TENANT_RUNS.",
        retry_after=_AGAIN,
    )
