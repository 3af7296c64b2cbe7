"""`baton run`: start a workflow and carry it out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from graphs.errors import InputError
from graphs.spec import Workflow
from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import carry, kept, stored
from orchestrator.cli.support.definitions import Definitions, is_file
from orchestrator.cli.support.finding import own_id
from orchestrator.cli.support.naming import note_deprecated, read_name
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import note
from orchestrator.cli.support.values import TEXT, has_plain_pairs, read_mapping, read_values
from orchestrator.starting import Start, check_start
from orchestrator.store.locking import is_locked


async def run(
    shared: Shared,
    *,
    target: str,
    given: Sequence[str] | None,
    version: str | None,
    id: str | None,  # noqa: A002 - as on the command line
    key: str | None,
    metadata: Sequence[str] | None,
    watch: bool | None,
    until_rest: bool | None,
    detach: bool,
) -> int:
    """See `orchestrator.cli.declared.running`.

    The start is stored first, without the lock: whoever drives the database then carries it out, if only this process.
    """
    setting = Setting(shared)
    value = read_values(given or (), "--input")
    about = read_mapping(metadata or (), "--metadata")
    # Another engine, which may know other things, carries it out when it drives, or will.
    definitions = Definitions(setting, here=not detach and not is_locked(setting.settings.database))
    workflow, begun = _workflow(definitions, target, version), datetime.now(UTC)
    try:
        if not setting.settings.database.exists():  # what cannot be begun must not leave an empty one
            there = definitions.find(*read_name(workflow, version)) if isinstance(workflow, str) else workflow
            check_start(there, value, Start(execution_id=id, idempotency_key=key, metadata=about))
        async with looking(setting, make=True, modules=True) as baton:
            if isinstance(workflow, str):
                workflow = await baton.catalogue.definition_of(*read_name(workflow, version), setting.tenant)
                await note_deprecated(baton, workflow.name, workflow.version, setting.tenant)
                definitions.check_links(workflow)
            execution = await baton.start(
                workflow,
                value,
                execution_id=own_id(baton, setting.tenant, id),
                idempotency_key=key,
                metadata=about,
                tenant=setting.tenant,
            )
            found = await kept(setting, baton, execution)
    except InputError as error:
        raise _with_advice(error, given or ()) from None
    if execution.created_at < begun:
        note(f"The key '{key}' is known: this is the execution that was begun with it.")
    if detach:
        return stored(found, as_json=shared.as_json)
    return await carry(setting, found, watch=watch, until_rest=until_rest)


def _workflow(definitions: Definitions, target: str, version: str | None) -> Workflow | str:
    if not is_file(target):
        return target
    path = Path(target)
    if path.suffix == ".py":
        raise InputError(
            f"'{target}' is Python, not a definition.",
            hint=f"Name one of its workflows: baton run NAME --module {target}",
        )
    workflow = definitions.load(path).workflow
    if version not in (None, workflow.version):
        raise InputError(
            f"{target} holds version {workflow.version} of '{workflow.name}', not {version}.",
            hint="Leave --version out, or name a published workflow.",
        )
    return workflow


def _with_advice(error: InputError, given: Sequence[str]) -> InputError:
    advice = [error.hint] if error.hint else []
    if not given and error.code == InputError.code:
        advice.append("Give it with --input name=text, --input name:=json or --input @file.json.")
    if has_plain_pairs(given):
        advice.append(TEXT)
    return InputError(error.message, hint=" ".join(advice) or None, code=error.code, **error.details)
