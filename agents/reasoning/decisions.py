"""What people said of the calls that an agent wants to make. Pure."""

from collections.abc import Mapping
from typing import Any, Final, cast

from graphs.errors import StepError
from graphs.planner import Results

APPROVAL: Final = "~approval"
"""After a call's name: the step that asks a person about it."""

Decision = Mapping[str, Any]
"""`Approval`'s response."""


def decision_on(results: Results, name: str) -> Decision | None:
    """What was decided about the call of that name; None where nobody is asked, or has decided yet."""
    if (result := results.get(name + APPROVAL)) is None:
        return None
    if result["status"] == "completed":
        return cast(Decision, result["output"])
    # Nobody decided in time, or nobody can any more: what needs a person's consent does not happen without it.
    return {"decision": "rejected", "reason": result.get("error", {}).get("message", "nobody decided")}


def lets_happen(decision: Decision) -> bool:
    """Whether nobody has refused the call, or answered in the tool's place."""
    return decision["decision"] in ("approved", "edited")


def edited_to(decision: Decision | None) -> Mapping[str, Any] | None:
    """What a person had a call made with instead; None where it was made as the model asked, or not at all."""
    return decision["data"] if decision is not None and decision["decision"] == "edited" else None


def rejection(tool: str, decision: Decision) -> StepError:
    """What the model is told of a call that a person refused."""
    reason = decision.get("reason")
    return StepError(
        f"the call of '{tool}' was not approved" + (f": {reason.rstrip('.')}" if reason else "") + ".",
        category="validation",
        retryable=False,
        code="call_rejected",
        by=decision.get("by"),
    )
