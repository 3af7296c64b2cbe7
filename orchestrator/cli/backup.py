"""`baton backup`: copy the database while it is in use."""

from pathlib import Path

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import output, print_json


async def backup(shared: Shared, *, target: Path) -> int:
    """See `orchestrator.cli.declared.keeping`."""
    async with looking(Setting(shared)) as baton:
        await baton.backup(target)
    size = _size(target)
    if shared.as_json:
        print_json({"backup": str(target), "bytes": size})
    else:
        output().print(f"{target}: {size / 1_000_000:.1f} MB, whole and safe on the disk.")
    return Exit.COMPLETED


def _size(path: Path) -> int:
    return path.stat().st_size
