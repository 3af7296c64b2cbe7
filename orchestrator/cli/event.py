"""`baton event`: publish an event."""

from collections.abc import Sequence

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json
from orchestrator.cli.support.values import read_values
from orchestrator.ids import shown_id
from orchestrator.tenancy import TenantView


async def event(
    shared: Shared,
    *,
    type: str,  # noqa: A002 - as on the command line
    data: Sequence[str] | None,
    key: str | None,
    id: str | None,  # noqa: A002
) -> int:
    """See `orchestrator.cli.declared.answering`."""
    value = read_values(data or (), "--data")
    setting = Setting(shared)
    async with looking(setting, make=True) as baton:
        # As one tenant's, or without one to everybody, as of one who sits at the file.
        publish = TenantView(baton, setting.only).publish_event if setting.only is not None else baton.publish_event
        published = await publish(type, {} if value is None else value, key=key, id=id)
    matched = [{"execution_id": shown_id(execution_id), "path": path} for execution_id, path in published.matched]
    if shared.as_json:
        print_json({"event": {"id": published.id, "type": type, "repeated": published.repeated, "matched": matched}})
        return Exit.COMPLETED
    if published.repeated:
        output().print(f"Known: an event {type} with this id was published before. It answered:")
    for one in matched:
        output().print(f"{'  ' if published.repeated else 'Answered '}{one['path']} of {one['execution_id']}")
    if not matched:
        kept = "Kept. Nobody waits for it now; a later wait may take it."
        output().print("  nothing" if published.repeated else kept)
    return Exit.COMPLETED
