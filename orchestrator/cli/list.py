"""`baton list`: executions, newest first."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.text import Text

from graphs.state import ExecutionStatus
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.documents import execution_document
from orchestrator.cli.support.finding import find_execution, short_id, shortened
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.questions import Questions, no_engine
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.story import origin, status_left
from orchestrator.cli.support.tables import print_table
from orchestrator.cli.support.terminal import (
    one_line,
    output,
    print_json,
    seconds_between,
    seconds_text,
    status_text,
    time_text,
)
from orchestrator.cli.support.values import read_since
from orchestrator.ids import shown_id
from orchestrator.store.port import DEFAULT_TENANT, Execution, ExecutionFilter


async def list_executions(
    shared: Shared,
    *,
    status: Sequence[ExecutionStatus] | None,
    workflow: str | None,
    since: str | None,
    limit: int,
    before: str | None,
) -> int:
    """See `orchestrator.cli.declared.looking`."""
    begun = read_since(since, "--since") if since else None
    setting = Setting(shared)
    async with looking(setting) as baton:
        last = (await find_execution(baton, setting, before)).id if before else None
        which = ExecutionFilter(
            tenant=setting.only, status=status or (), workflow=workflow, since=begun, limit=limit, before=last
        )
        found = await baton.list(which)
        undriven = await baton.undriven(found)
        ids = {each: await short_id(baton, each) for each in undriven}
    if shared.as_json:
        print_json({"executions": [execution_document(one, undriven.get(one.id)) for one in found]})
    elif not found:
        output().print("No executions.")
    else:
        _print(found, undriven, Questions(setting, ids, {one.id: one.tenant for one in found}))
        if len(found) == limit:
            output().print(Text(f"The next page: --before {shown_id(found[-1].id)}", "dim"))
    return Exit.COMPLETED


def _print(found: Sequence[Execution], undriven: Mapping[str, datetime], questions: Questions) -> None:
    now = datetime.now(UTC)
    ids = [shortened(execution.id) for execution in found]
    short = output().is_terminal and len(set(ids)) == len(ids)  # a pipe gets them whole
    several = any(execution.tenant != DEFAULT_TENANT for execution in found)
    rows: list[tuple[Text | str, ...]] = [
        (
            Text(shortened(execution.id) if short else shown_id(execution.id), "bold"),
            *([execution.tenant] if several else []),
            f"{execution.workflow}@{execution.version}",
            status_text(status_left(execution.status) if execution.id in undriven else execution.status),
            time_text(execution.created_at, now),
            _took(execution, undriven.get(execution.id, now)),
            seconds_text(execution.active_seconds) if execution.active_seconds else "",
            _about(execution, undriven, questions),
        )
        for execution in found
    ]
    print_table(("id", *(["tenant"] if several else []), "workflow", "status", "begun", "took", "at work", ""), rows)


def _took(execution: Execution, now: datetime) -> str:
    begun = execution.started_at or execution.created_at
    return seconds_text(seconds_between(begun, execution.ended_at or now))


def _about(execution: Execution, undriven: Mapping[str, datetime], questions: Questions) -> Text:
    if execution.id in undriven:
        return Text(no_engine(undriven[execution.id], questions, execution.id), "yellow")
    if execution.error:
        return Text(one_line(str(execution.error.get("message", "")), 80), "red")
    if execution.parent is None:
        return Text("")
    return Text(f"{origin(execution)} {shown_id(execution.parent)} at {execution.forked_at}", "dim")
