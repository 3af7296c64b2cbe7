"""What the end of an execution leaves behind for people: dead letters and an alert. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from graphs.policies import Asked
from graphs.spec import AlertLevel, Step, Workflow
from graphs.state import FINALLY, ExecutionStatus, Result
from graphs.undo import COMPENSATION
from orchestrator.store.port import DeadLetter, Execution, LetterKind, Record

ALERT: Final = "alert.raised"
_LAST_PLANS: Mapping[str, Literal["compensation", "finally"]] = {COMPENSATION: "compensation", FINALLY: "finally"}


def letter(
    execution: Execution,
    kind: LetterKind,
    path: str,
    error: Mapping[str, Any],
    now: datetime,
    *,
    escalated: bool = False,
    **about: Any,
) -> DeadLetter:
    """A dead letter about an execution."""
    return DeadLetter(
        execution_id=execution.id,
        path=path,
        kind=kind,
        workflow=f"{execution.workflow}@{execution.version}",
        tenant=execution.tenant,
        error=error,
        about={key: value for key, value in about.items() if value},
        escalated=escalated,
        created_at=now,
    )


def left_undone(execution: Execution, extras: Mapping[str, Result], now: datetime) -> Iterator[DeadLetter]:
    """What was not undone, and what failed of that which runs in any case."""
    for plan, kind in _LAST_PLANS.items():
        result = extras.get(plan)
        unfinished = result.get("unfinished", {}) if result is not None else {}
        for name, facts in unfinished.items():
            about = {key: value for key, value in facts.items() if key != "error"}
            error = facts["error"] if "wanted" not in about else _with_a_way_out(facts["error"], about)
            yield letter(execution, kind, f"{plan}.{name}", error, now, escalated=True, **about)


def _with_a_way_out(error: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """Why a call was not undone of which too little is known, and what people can do about it."""
    call, (gave, edit) = about["undoes"], _GAVE[about["wanted"]]
    why = f"{str(error.get('message', '')).rstrip('.')}. It undoes '{call}'"
    how = f"say {gave} (baton dead-letters edit NUMBER {edit}) and redrive"
    if about.get("outcome") == "unknown":
        key = about["idempotency_key"]
        why = f"{why}, which was cut off: what that did is not known; its key is '{key}'"
        how = f"Look for the key '{key}' where it was sent. If it acted, {how}; if it did not, discard"
    else:
        how = how[0].upper() + how[1:]
    return {**error, "message": f"{why}.", "hint": " ".join(filter(None, (error.get("hint"), f"{how}.")))}


_GAVE: Mapping[str, tuple[str, str]] = {
    "output": ("what it gave", "--edit output:=JSON"),
    "arguments": ("what it is undone with", "--edit ARGUMENT=VALUE"),
}


def gone_on_from(execution: Execution, results: Mapping[str, Result], now: datetime) -> Iterator[DeadLetter]:
    """Failures that the execution went on from, and that are to be kept nevertheless."""
    for path, result in results.items():
        error = result.get("error") or {}
        response = error.get("response") or {}
        if result.get("continued") and response.get("dead_letter"):
            yield letter(
                execution,
                "failure",
                path,
                error,
                now,
                escalated=response.get("escalate", False),
                paths=[path],
                attempts=result.get("attempts"),
            )


def keeps_failures(workflow: Workflow) -> bool:
    """Whether steps of a workflow are gone on from that are to be kept as dead letters."""
    return any(map(_keeps, workflow.steps))


def _keeps(step: Step) -> bool:
    response = step.on_failure.response
    if step.on_failure.action == "continue" and response is not None and response.dead_letter:
        return True
    return any(_keeps(inner) for _, steps in step.containers() for inner in steps)


def alert(
    execution: Execution,
    level: AlertLevel,
    status: ExecutionStatus,
    error: Mapping[str, Any] | None,
    now: datetime,
    *,
    escalated: bool,
) -> Record:
    """The record that people are told of."""
    about = error or {}
    told = {key: about[key] for key in ("message", "code", "category", "step") if about.get(key) is not None}
    data = {
        "level": level,
        "escalated": escalated,
        "status": status.value,
        "workflow": f"{execution.workflow}@{execution.version}",
        "tenant": execution.tenant,
        **told,
    }
    return Record(execution.id, ALERT, now, about.get("step"), execution.generation, data)


def ground_undone(heir: Execution, by: str, paths: Sequence[str], now: datetime) -> Record:
    """The record that people are told of when an execution goes by what another has undone."""
    said = f"execution '{by}' has undone what this one goes by: {', '.join(paths)}."
    error = {"code": "inheritance_undone", "message": said, "step": paths[0]}
    return alert(heir, "warning", heir.status, error, now, escalated=False)


def alert_level(asked: Asked | None, letters: list[DeadLetter]) -> AlertLevel:
    """How loudly it is told; what was not undone always is, whatever the failure asked for."""
    if any(one.kind == "compensation" for one in letters):
        return "error"
    level = asked.alert if asked is not None else "none"
    return "warning" if level == "none" and any(one.kind == "finally" for one in letters) else level
