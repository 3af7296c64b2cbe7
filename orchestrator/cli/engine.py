"""`baton engine`: drive the database until Ctrl-C."""

from orchestrator.cli.options import Shared
from orchestrator.cli.support.company import drive_until_interrupted
from orchestrator.cli.support.setting import Setting


async def engine(shared: Shared) -> int:
    """See `orchestrator.cli.declared.running`."""
    return await drive_until_interrupted(Setting(shared, serves=True))
