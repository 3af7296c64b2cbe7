"""`baton advise`: what the past of a workflow says could be better about it."""

from rich.text import Text

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.naming import read_name
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json


async def advise(shared: Shared, *, name: str, version: str | None) -> int:
    """See `orchestrator.cli.declared.looking`."""
    name, version = read_name(name, version)
    setting = Setting(shared)
    async with looking(setting) as baton:
        found = await baton.advice(name, version=version, tenant=setting.tenant)
    if shared.as_json:
        print_json({"advice": [one.as_dict() for one in found]})
        return Exit.COMPLETED
    for one in found:
        output().print(Text.assemble((one.step, "bold"), f"  {one.why}"))
        output().print(Text.assemble("  ", (one.change, "cyan")))
    if not found:
        output().print(f"Nothing to advise about '{name}' so far.")
    return Exit.COMPLETED
