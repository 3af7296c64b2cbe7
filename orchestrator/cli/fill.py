"""`baton fill`: make a workflow of a template."""

from collections.abc import Sequence
from pathlib import Path

from graphs.errors import DefinitionError
from graphs.loader import dump_yaml
from graphs.templates import load_template
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.definitions import Definitions, read_text
from orchestrator.cli.support.documents import published_document
from orchestrator.cli.support.errors import print_problems
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.terminal import output, print_json
from orchestrator.cli.support.values import read_mapping


async def fill(shared: Shared, *, file: Path, given: Sequence[str] | None, publish: bool, by: str | None) -> int:
    """See `orchestrator.cli.declared.defining`."""
    setting = Setting(shared)
    template = load_template(read_text(file), file=str(file))
    report = Definitions(setting).fill(template, read_mapping(given or (), "--param"))
    if report.workflow is None:
        raise DefinitionError(report.errors)
    print_problems(report.warnings)
    workflow, text = report.workflow, dump_yaml(report.workflow)
    if not publish:
        if shared.as_json:
            made = {"name": workflow.name, "version": workflow.version, "digest": workflow.digest}
            print_json({"workflow": made, "definition": text})
        else:
            output().print(text, end="")
        return Exit.COMPLETED
    async with looking(setting, make=True) as baton:
        published = await baton.catalogue.publish(workflow, by=by or user(), tenant=setting.tenant)
    if shared.as_json:
        print_json({"workflow": published_document(published), "definition": text})
    else:
        output().print(f"{published.name}@{published.version} is {published.status}.")
    return Exit.COMPLETED
