"""`baton workflows`: the catalogue."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from graphs.errors import StoreError
from graphs.loader import dump_yaml
from graphs.spec import Workflow
from orchestrator.catalogue import has_callables
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.documents import published_document
from orchestrator.cli.support.naming import only_version, read_name, said_instead
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.tables import print_facts, print_table
from orchestrator.cli.support.terminal import note, one_line, output, print_json, time_text
from orchestrator.store.port import PublishedWorkflow


async def workflows(shared: Shared) -> int:
    """See `orchestrator.cli.declared.looking`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        listed = await baton.catalogue.list(tenant=setting.tenant)
    if shared.as_json:
        print_json({"workflows": [published_document(one) for one in listed]})
        return Exit.COMPLETED
    if not listed:
        output().print("No workflow is published: baton publish FILE.")
        return Exit.COMPLETED
    now = datetime.now(UTC)
    rows = [
        (
            Text(one.name, "bold"),
            one.version,
            _status(one),
            time_text(one.created_at, now),
            one.created_by or "",
            one_line(published_document(one)["description"], 60),
        )
        for one in listed
    ]
    print_table(("workflow", "version", "status", "published", "by", "description"), rows)
    return Exit.COMPLETED


async def show(shared: Shared, *, name: str, version: str | None, source: bool) -> int:
    """See `orchestrator.cli.declared.looking`."""
    name, version = read_name(name, version)
    setting = Setting(shared)
    async with looking(setting) as baton:
        versions = await baton.catalogue.list(name, tenant=setting.tenant)
        shown = await baton.catalogue.published(name, version, tenant=setting.tenant)
    if shared.as_json:
        others = [published_document(one) for one in versions]
        print_json(
            {"workflow": published_document(shown), "versions": others, "definition": shown.document}
            | ({"source": _source(shown)} if not has_callables(shown.document) else {})
        )
    elif source:
        output().print(_source(shown), end="")
    else:
        _print_one(shown, versions)
    return Exit.COMPLETED


def _source(shown: PublishedWorkflow) -> str:
    """The definition as YAML; what holds Python callables has none.

    Raises:
        DefinitionError: it holds some.
    """
    if has_callables(shown.document):
        raise StoreError(
            f"{shown.name}@{shown.version} holds Python callables, which YAML cannot say.",
            hint="Its module is its source.",
            code="not_yaml",
        )
    return dump_yaml(Workflow.model_validate(shown.document))


def _print_one(shown: PublishedWorkflow, versions: Sequence[PublishedWorkflow]) -> None:
    now = datetime.now(UTC)
    document = published_document(shown)
    output().print(Text.assemble((f"{shown.name}@{shown.version}", "bold"), "  ", _status(shown)))
    print_facts(
        [
            ("about", one_line(document["description"], 1000)),
            ("tags", ", ".join(document["tags"])),
            ("digest", shown.digest),
        ]
    )
    output().print()
    rows = [(one.version, _status(one), time_text(one.created_at, now), one.created_by or "") for one in versions]
    print_table(("version", "status", "published", "by"), rows)
    output().print()
    if has_callables(shown.document):
        output().print(Text("It was written in Python, and its module is its source.", "dim"))
    else:
        output().print(_source(shown), end="")


def _status(one: PublishedWorkflow) -> Text:
    return Text(one.status, "dim" if one.status == "deprecated" else "green")


async def deprecate(shared: Shared, *, name: str, version: str | None, undo: bool) -> int:
    """See `orchestrator.cli.declared.looking`."""
    name, version = read_name(name, version)
    setting = Setting(shared)
    async with looking(setting) as baton:
        if version is None:
            version = await only_version(baton, name, setting.tenant, deprecated=undo)
        changed = await baton.catalogue.deprecate(name, version, deprecated=not undo, tenant=setting.tenant)
        offered = await baton.catalogue.offered(name, tenant=setting.tenant)
    if shared.as_json:
        instead = published_document(offered) if offered is not None else None
        print_json({"workflow": published_document(changed), "offered": instead})
        return Exit.COMPLETED
    output().print(f"{changed.name}@{changed.version} is {changed.status}.")
    if not undo:
        note(said_instead(offered))
    return Exit.COMPLETED
