"""`baton inbox`: everything that is waited for."""

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.finding import short_id
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.questions import Questions, as_document
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json


async def inbox(shared: Shared) -> int:
    """See `orchestrator.cli.declared.looking`. Oldest first: who waits longest stands on top."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        waits = await baton.waits()
        executions = {wait.execution_id: await baton.get(wait.execution_id) for wait in waits}
        questions = Questions(setting, {each: await short_id(baton, each) for each in executions})
    if shared.as_json:
        documents = [
            as_document(wait, questions) | {"workflow": executions[wait.execution_id].workflow} for wait in waits
        ]
        print_json({"waits": documents})
        return Exit.COMPLETED
    if not waits:
        output().print("Nothing is waited for.")
    for wait in waits:
        execution = executions[wait.execution_id]
        about = f"{execution.workflow}@{execution.version}  {execution.id}"
        first, *rest = questions.lines(wait)
        output().print(first.append(f"  {about}", "dim"))
        for line in rest:
            output().print(line)
    return Exit.COMPLETED
