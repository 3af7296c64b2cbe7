"""`baton retry`: go on in the same execution from a step."""

from collections.abc import Sequence

from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import carry, kept, stored, tell_side_effects
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.values import read_mapping


async def retry(
    shared: Shared,
    *,
    id: str,  # noqa: A002 - as on the command line
    from_step: str | None,
    again: bool,
    newest: bool,
    edit: Sequence[str] | None,
    edit_step: Sequence[str] | None,
    model: str | None,
    watch: bool | None,
    until_rest: bool | None,
    detach: bool,
) -> int:
    """See `orchestrator.cli.declared.running`.

    Stored without the lock: an engine that opened the database would take a waiting execution up at once, and what is
    at work cannot be taken back.
    """
    setting = Setting(shared)
    changes = read_mapping(edit or (), "--edit")
    of_step = read_mapping(edit_step or (), "--edit-step")
    async with looking(setting, modules=True) as baton:
        before = await find_execution(baton, setting, id)
        acted = await baton.side_effects_again(before.id, from_step, newest=newest)
        cleaned_up = await baton.cleaned_up(before.id, from_step, newest=newest)
        execution = await baton.retry(
            before.id,
            from_step=from_step,
            again=again,
            newest=newest,
            edit=changes,
            step_input=of_step,
            model=model,
        )
        found = await kept(setting, baton, execution)
    tell_side_effects(acted, cleaned_up, new_keys=execution.generation != before.generation)
    if detach:
        return stored(found, as_json=shared.as_json)
    return await carry(setting, found, watch=watch, until_rest=until_rest)
