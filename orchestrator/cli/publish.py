"""`baton publish`: add definitions to the catalogue."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from graphs.errors import InputError
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.definitions import Definitions, mars
from orchestrator.cli.support.documents import published_document
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.terminal import note, output, print_json
from orchestrator.store.port import DEFAULT_TENANT


async def publish(shared: Shared, *, files: Sequence[Path], by: str | None, strict: bool) -> int:
    """See `orchestrator.cli.declared.defining`. Nothing is published when one of the files cannot be used."""
    setting = Setting(shared)
    definitions = Definitions(setting, beside=files)
    loaded = [definitions.load(file) for file in files]
    if warned := [problem for one in loaded for problem in one.warnings if mars(problem, strict)]:
        raise InputError(
            f"Nothing is published: {len(warned)} {'warning' if len(warned) == 1 else 'warnings'}.",
            hint="Mend what they say, or leave --strict out.",
            code="warnings_refused",
        )
    workflows = [one.workflow for one in loaded]
    async with looking(setting, make=True) as baton:
        begun = baton.clock.now()
        published = [
            await baton.catalogue.publish(workflow, by=by or user(), tenant=setting.tenant) for workflow in workflows
        ]
    if shared.as_json:
        told = [published_document(one) | {"unchanged": one.created_at < begun} for one in published]
        print_json({"workflows": told})
        return Exit.COMPLETED
    for one, workflow in zip(published, workflows, strict=True):
        how = "unchanged" if one.created_at < begun else "published"
        whose = f" for tenant {one.tenant}" if one.tenant != DEFAULT_TENANT else ""
        about = f"  {how} {one.digest[:12]}{f' by {one.created_by}' if one.created_by else ''}{whose}"
        output().print(Text.assemble((f"{one.name}@{one.version}", "bold"), (about, "dim")))
        for missing in definitions.unchecked(workflow):
            note(str(missing))
    return Exit.COMPLETED
