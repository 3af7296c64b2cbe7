"""`baton prune`: delete executions that ended a while ago."""

from collections.abc import Sequence

from graphs.errors import InputError
from graphs.state import ExecutionStatus
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json
from orchestrator.cli.support.values import read_ago


async def prune(shared: Shared, *, older_than: str, keep: Sequence[ExecutionStatus] | None, dry_run: bool) -> int:
    """See `orchestrator.cli.declared.keeping`."""
    age = read_ago(older_than, "--older-than")
    setting = Setting(shared)
    if setting.only is not None:  # whoever names a tenant must not lose the others' work
        raise InputError(
            "Executions are deleted of all tenants at once.",
            hint="Leave --tenant and BATON_TENANT out.",
            code="tenant_out_of_place",
        )
    async with looking(setting) as baton:
        count = await baton.prune(age, keep=keep or (), dry_run=dry_run)
    if shared.as_json:
        print_json({"executions": count, "deleted": not dry_run})
    else:
        what = "execution" if count == 1 else "executions"
        output().print(f"{count} {what} {'would be deleted' if dry_run else 'deleted'}.")
    return Exit.COMPLETED
