"""`baton approve`, `baton reject`, `baton respond`: answer what a step asks."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from graphs.errors import InputError, NotFoundError
from orchestrator.approvals.values import Decision
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import go_on_by_hand, questions_for
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.terminal import note, output, print_json
from orchestrator.cli.support.values import read_values, told_of_text
from orchestrator.engine import Orchestrator
from orchestrator.ids import shown_id
from orchestrator.store.port import Execution, OpenWait


async def approve(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    step: str | None,
    edit: Sequence[str] | None,
    by: str | None,
    reason: str | None,
) -> int:
    """See `orchestrator.cli.declared.answering`."""
    change = read_values(edit, "--edit") if edit else None
    whole = edit is not None and any(part.startswith("@") for part in edit)
    with told_of_text(edit):
        return await _decide(shared, id, step, "edit" if edit else "approve", by, reason, change, merge=not whole)


async def reject(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    step: str | None,
    by: str | None,
    reason: str | None,
) -> int:
    """See `orchestrator.cli.declared.answering`."""
    return await _decide(shared, id, step, "reject", by, reason)


async def respond(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    step: str | None,
    data: Sequence[str] | None,
    text: str | None,
    by: str | None,
    reason: str | None,
) -> int:
    """See `orchestrator.cli.declared.answering`."""
    if (text is None) == (not data):
        raise InputError("A response has either --data or --text.", hint="Write --text WORDS, or --data name=value.")
    value = text if text is not None else read_values(data or (), "--data")
    with told_of_text(data):
        return await _decide(shared, id, step, "respond", by, reason, value)


async def _decide(
    shared: Shared,
    execution_id: str,
    step: str | None,
    decision: Decision,
    by: str | None,
    reason: str | None,
    value: Any = None,
    *,
    merge: bool = False,
) -> int:
    setting = Setting(shared)
    async with looking(setting) as baton:
        execution = await find_execution(baton, setting, execution_id)
        path = step or await _only_question(baton, execution)
        if merge and decision == "edit":
            value = await _edited(baton, execution, path, value)
        decided = await baton.decide(execution.id, path, decision, by=by or user(), reason=reason, data=value)
        questions, driven = await questions_for(setting, baton, execution), baton.store.driven()
    if shared.as_json:
        print_json({"decision": _document(decided)})
        return Exit.COMPLETED
    answer = decided.answer
    who = f" by {answer.by}" if answer is not None and answer.by else ""
    what = answer.outcome if answer is not None else decision
    output().print(Text.assemble((path, "bold"), f" of {execution.workflow} {execution.id}: {what}{who}."))
    note("The running engine goes on at once." if driven else go_on_by_hand(questions, execution.id))
    return Exit.COMPLETED


async def _only_question(baton: Orchestrator, execution: Execution) -> str:
    """The step that is meant when none is named.

    Raises:
        NotFoundError: nothing is asked.
        InputError: more than one thing is.
    """
    asked = [wait.path for wait in await baton.waits(execution.id) if wait.wait.kind == "approval"]
    if not asked:
        raise NotFoundError(
            f"Execution '{execution.id}' ({execution.status}) asks nothing now.",
            hint=f"See what it does: baton show {execution.id}.",
            code="nothing_asked",
        )
    if len(asked) > 1:
        raise InputError(
            f"Execution '{execution.id}' asks {len(asked)} questions.",
            hint=f"Name the step: {', '.join(asked)}.",
            code="step_ambiguous",
        )
    return asked[0]


async def _edited(baton: Orchestrator, execution: Execution, path: str, change: Any) -> Any:
    """The payload with the named fields changed; whatever else is given replaces it."""
    wait = next((wait for wait in await baton.waits(execution.id) if wait.path == path), None)
    payload = wait.wait.question.get("payload") if wait is not None else None
    both = isinstance(payload, Mapping) and isinstance(change, Mapping)
    return {**payload, **change} if both and isinstance(payload, Mapping) else change


def _document(decided: OpenWait) -> dict[str, Any]:
    answer = decided.answer
    return {
        "execution_id": shown_id(decided.execution_id),
        "path": decided.path,
        "outcome": answer.outcome if answer else None,
        "by": answer.by if answer else None,
        "reason": answer.reason if answer else None,
        "data": answer.data if answer else None,
        "at": answer.at if answer else None,
    }
