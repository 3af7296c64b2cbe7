"""`baton compare`: two executions side by side."""

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.comparison import print_comparison
from orchestrator.cli.support.documents import compared_document
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import print_json


async def compare(shared: Shared, *, left: str, right: str) -> int:
    """See `orchestrator.cli.declared.replaying`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        one, other = [await find_execution(baton, setting, each) for each in (left, right)]
        compared = await baton.compare(one.id, other.id)
    if shared.as_json:
        print_json(compared_document(compared))
    else:
        print_comparison(compared)
    return Exit.COMPLETED
