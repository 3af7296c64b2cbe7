"""What a failure asks for, by its category (E21): the one table. Definitions change it in their `responses`.

The requirement documents say for each category whether it is tried again, counts for circuit breakers, is undone, is
told to people. Two of their sentences need reading. "No compensation" for transient and dependency failures holds while
they are waited out: nothing is undone for them then. Once the attempts are used up the execution ends, and the
documents' own sagas undo what had been done whatever ended them (X04, E11): `done`. And where nothing had been done
(bad input, refused at the first step), nothing is to be undone, and what cleans up does not run either.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from graphs.errors import Category
from graphs.spec import AlertLevel, Config, Response, Undoing


class Asked(NamedTuple):
    """What a failure asks for.

    Attributes:
        retry: It is tried again, as long as a policy of retries has attempts left.
        breaker: It says that the other side is not well.
        compensate, alert, escalate, dead_letter: When the execution ends by it; as in `graphs.spec.Response`.
    """

    retry: bool
    breaker: bool
    compensate: Undoing
    alert: AlertLevel
    escalate: bool
    dead_letter: bool


# fmt: off
TABLE: Final[Mapping[Category, Asked]] = {
    #                   tried   counts for          what was done   people are  and have to    kept as a
    #                   again   the breaker         is undone       alerted     see to it      dead letter
    "transient":  Asked(True,   True,               "done",         "none",     False,         True),
    "validation": Asked(False,  False,              "done",         "none",     False,         True),
    "resource":   Asked(True,   False,              "done",         "warning",  False,         True),
    "dependency": Asked(True,   True,               "done",         "none",     False,         True),
    "logic":      Asked(False,  False,              "always",       "error",    True,          True),
    "timeout":    Asked(True,   True,               "always",       "none",     False,         True),
    "budget":     Asked(False,  False,              "done",         "warning",  False,         True),
    "cancelled":  Asked(False,  False,              "always",       "none",     False,         False),
}
# fmt: on

RETRIED: Final = frozenset(category for category, asked in TABLE.items() if asked.retry)
COUNTED: Final = frozenset(category for category, asked in TABLE.items() if asked.breaker)


def asked_by(error: Mapping[str, Any] | None, config: Config, *, timed_out: bool = False) -> Asked:
    """What the failure asks for by which an execution ends: as its step says, then its workflow, then the table.

    Args:
        error: As it is kept in a result; None where there is nothing but a time that is over.
        config: Of the workflow.
        timed_out: The execution, or the step, ran out of time.
    """
    said = error or {}
    category: Category = "timeout" if timed_out else said.get("category", "logic")
    asked = TABLE[category]
    for response in (config.responses.get(category), said.get("response")):
        if isinstance(response, Response):
            response = response.model_dump(exclude_none=True)
        asked = asked._replace(**(response or {}))
    return _flagged(asked, said)


def _flagged(asked: Asked, error: Mapping[str, Any]) -> Asked:
    """What an error handler said besides (M15): `escalate` puts it before people, `notify_team` tells them."""
    if error.get("escalate") is True:
        return asked._replace(escalate=True, alert="error")
    return asked._replace(alert="warning") if error.get("notify_team") is True and asked.alert == "none" else asked
