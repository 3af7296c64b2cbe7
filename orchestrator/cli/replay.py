"""`baton replay`: an execution again from a step, with side effects served from its record."""

from collections.abc import Sequence

from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import carry, document_of, kept, stored
from orchestrator.cli.support.comparison import print_comparison
from orchestrator.cli.support.documents import compared_document
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.following import Left
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json


async def replay(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    from_step: str,
    model: str | None,
    agent: str | None,
    instructions: str | None,
    perform: Sequence[str] | None,
    watch: bool | None,
    until_rest: bool | None,
    detach: bool,
) -> int:
    """See `orchestrator.cli.declared.replaying`."""
    setting = Setting(shared)
    async with looking(setting, modules=True) as baton:
        source = await find_execution(baton, setting, id)
        execution = await baton.replay(
            source.id, from_step, model=model, agent=agent, instructions=instructions, perform=perform or ()
        )
        found = await kept(setting, baton, execution)
    if detach:
        return stored(found, as_json=shared.as_json)
    left: list[Left] = []
    instead = left.append if shared.as_json and not watch else None
    code = await carry(setting, found, watch=watch, until_rest=until_rest, instead=instead)
    async with looking(setting) as baton:
        compared = await baton.compare(source.id, execution.id)
    if left:
        print_json({**document_of(left[0], found.questions), "compared": compared_document(compared)})
    elif not shared.as_json:
        output().print()
        print_comparison(compared)
    return code
