"""`baton inbox`: everything that is waited for."""

from collections.abc import Sequence

from rich.text import Text

from orchestrator.approvals.values import GROUP, Approval
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.finding import short_id
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.questions import Questions, as_document
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json
from orchestrator.store.port import DEFAULT_TENANT, InboxFilter

_ALL = 1_000_000


async def inbox(
    shared: Shared, *, for_: Sequence[str] | None, group: Sequence[str] | None, workflow: str | None
) -> int:
    """See `orchestrator.cli.declared.looking`. Oldest first: who waits longest stands on top."""
    setting = Setting(shared)
    people = [*(for_ or ()), *(f"{GROUP}{one}" for one in group or ())]
    async with looking(setting) as baton:
        found = await baton.inbox.list(InboxFilter(tenant=setting.only, workflow=workflow, limit=_ALL), people)
        asked = {(one.wait.execution_id, one.wait.path): one for one in found.approvals}
        waits = await baton.waits()
        if people or workflow:
            waits = [wait for wait in waits if (wait.execution_id, wait.path) in asked]
        executions = {wait.execution_id: await baton.get(wait.execution_id) for wait in waits}
        waits = [wait for wait in waits if setting.only in (None, executions[wait.execution_id].tenant)]
        short = {each: await short_id(baton, each) for each in executions}
        questions = Questions(setting, short, {each: one.tenant for each, one in executions.items()})
    if shared.as_json:
        documents = [
            as_document(wait, questions)
            | {"workflow": executions[wait.execution_id].workflow}
            | ({"desk": one.desk.as_document()} if (one := asked.get((wait.execution_id, wait.path))) else {})
            for wait in waits
        ]
        print_json({"waits": documents})
        return Exit.COMPLETED
    if not waits:
        output().print("Nothing is waited for.")
    for wait in waits:
        execution = executions[wait.execution_id]
        whose = f"  {execution.tenant}" if execution.tenant != DEFAULT_TENANT else ""
        about = f"{execution.workflow}@{execution.version}  {execution.id}{whose}"
        first, *rest = questions.lines(wait)
        output().print(first.append(f"  {about}", "dim"))
        for line in [*rest, *_so_far(asked.get((wait.execution_id, wait.path)))]:
            output().print(line)
    return Exit.COMPLETED


def _so_far(approval: Approval | None) -> list[Text]:
    """What people have done about an approval."""
    if approval is None:
        return []
    facts = [f"claimed by {approval.desk.claimed_by}"] if approval.desk.claimed_by else []
    if approval.quorum > 1:
        voters = ", ".join(vote.by for vote in approval.desk.votes)
        facts.append(f"{len(approval.desk.votes)} of {approval.quorum} approved" + (f": {voters}" if voters else ""))
    if approval.desk.assignees is not None:
        facts.append(f"handed on to {', '.join(approval.desk.assignees)}")
    return [Text(f"  {fact}", "dim") for fact in facts]
