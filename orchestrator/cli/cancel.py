"""`baton cancel`: ask an execution to end."""

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import questions_for
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.terminal import note, output, print_json


async def cancel(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    reason: str | None,
    by: str | None,
) -> int:
    """See `orchestrator.cli.declared.answering`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        found = await find_execution(baton, id)
        execution = await baton.cancel(found.id, by=by or user(), reason=reason)
        questions = await questions_for(setting, baton, execution)
    if shared.as_json:
        print_json({"execution": execution})
        return Exit.COMPLETED
    output().print(f"Execution {execution.id} is asked to end.")
    note(f"A running engine ends it at once; without one: {questions.command('resume', questions.id(execution.id))}")
    return Exit.COMPLETED
