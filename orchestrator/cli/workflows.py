"""`baton workflows`: the catalogue."""

from datetime import UTC, datetime

from rich.text import Text

from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.documents import published_document
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.tables import print_table
from orchestrator.cli.support.terminal import one_line, output, print_json, time_text


async def workflows(shared: Shared) -> int:
    """See `orchestrator.cli.declared.looking`."""
    async with looking(Setting(shared)) as baton:
        listed = [published_document(one) for one in await baton.catalogue.list()]
    if shared.as_json:
        print_json({"workflows": listed})
        return Exit.COMPLETED
    if not listed:
        output().print("No workflow is published: baton publish FILE.")
        return Exit.COMPLETED
    now = datetime.now(UTC)
    rows = [
        (
            Text(one["name"], "bold"),
            one["version"],
            Text(one["status"], "dim" if one["status"] == "deprecated" else "green"),
            time_text(one["created_at"], now),
            one["created_by"] or "",
            one_line(one["description"], 60),
        )
        for one in listed
    ]
    print_table(("workflow", "version", "status", "published", "by", "description"), rows)
    return Exit.COMPLETED


async def deprecate(shared: Shared, *, name: str, version: str, undo: bool) -> int:
    """See `orchestrator.cli.declared.looking`."""
    async with looking(Setting(shared)) as baton:
        changed = await baton.catalogue.deprecate(name, version, deprecated=not undo)
    if shared.as_json:
        print_json({"workflow": published_document(changed)})
    else:
        output().print(f"{changed.name}@{changed.version} is {changed.status}.")
    return Exit.COMPLETED
