"""`baton resume`: go on with what was left."""

from graphs.errors import InputError
from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import carry, kept, stored
from orchestrator.cli.support.company import go_on_with_all
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting


async def resume(
    shared: Shared,
    *,
    id: str | None,  # noqa: A002 - as on the command line
    watch: bool | None,
    until_rest: bool | None,
    detach: bool,
) -> int:
    """See `orchestrator.cli.declared.running`."""
    setting = Setting(shared)
    if id is None and detach:
        raise InputError("--detach goes with an execution's id.", hint="To go on with all of them here: baton resume.")
    if id is None:
        return await go_on_with_all(setting, watch=watch, until_rest=until_rest)
    async with looking(setting) as baton:
        execution = await find_execution(baton, setting, id)
        found = await kept(setting, baton, execution)
        await baton.resume(execution.id)  # refuses one that has ended; whoever drives the file hears it
    if detach:
        return stored(found, as_json=shared.as_json)
    return await carry(setting, found, watch=watch, until_rest=until_rest)
