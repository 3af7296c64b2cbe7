"""`baton fork`: a new execution with an older one's results up to a step."""

from collections.abc import Sequence

from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import carry, kept, stored, tell_side_effects
from orchestrator.cli.support.finding import find_execution, own_id
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.values import read_mapping


async def fork(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    at: str,
    new_id: str | None,
    edit: Sequence[str] | None,
    edit_step: Sequence[str] | None,
    model: str | None,
    newest: bool,
    watch: bool | None,
    until_rest: bool | None,
    detach: bool,
) -> int:
    """See `orchestrator.cli.declared.running`."""
    setting = Setting(shared)
    changes = read_mapping(edit or (), "--edit")
    of_step = read_mapping(edit_step or (), "--edit-step")
    async with looking(setting, modules=True) as baton:
        source = await find_execution(baton, setting, id)
        acted = await baton.side_effects_again(source.id, at, newest=newest)
        cleaned_up = await baton.cleaned_up(source.id, at, newest=newest)
        execution = await baton.fork(
            source.id,
            at,
            edit=changes,
            step_input=of_step,
            model=model,
            newest=newest,
            new_id=own_id(baton, source.tenant, new_id),
        )
        found = await kept(setting, baton, execution)
    tell_side_effects(acted, cleaned_up, new_keys=True)
    if detach:
        return stored(found, as_json=shared.as_json)
    return await carry(setting, found, watch=watch, until_rest=until_rest)
