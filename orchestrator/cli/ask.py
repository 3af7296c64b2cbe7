"""`baton ask`: a request that names no workflow; `baton save`: what was planned for it, as a workflow."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.text import Text

from graphs.building.options import made
from graphs.errors import InputError
from graphs.spec import Metadata
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import carry, kept, stored
from orchestrator.cli.support.documents import published_document
from orchestrator.cli.support.finding import find_execution, own_id
from orchestrator.cli.support.naming import read_name
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.terminal import note, output, print_json
from orchestrator.cli.support.values import read_mapping
from orchestrator.store.port import PublishedWorkflow


async def ask(
    shared: Shared,
    *,
    request: Sequence[str],
    model: str | None,
    facts: Sequence[str] | None,
    route: Literal["auto", "answer", "plan"],
    review: bool,
    replans: int | None,
    save: str | None,
    id: str | None,  # noqa: A002 - as on the command line
    key: str | None,
    watch: bool | None,
    until_rest: bool | None,
    detach: bool,
) -> int:
    """See `orchestrator.cli.declared.asking`."""
    setting = Setting(shared)
    words = _words(request)
    if save is not None and detach:
        raise InputError(
            "--save and --detach do not go together: there is no plan yet.",
            hint="Save it when it has run: baton save ID NAME.",
            code="usage",
        )
    if save is not None:
        _check_name(save)  # before anybody is paid
    async with looking(setting, make=True, modules=True) as baton:
        execution = await baton.ask(
            words,
            context=read_mapping(facts or (), "--context") or None,
            route=route,
            review="always" if review else "effects",
            model=model,
            replans=replans,
            execution_id=own_id(baton, setting.tenant, id),
            tenant=setting.tenant,
            idempotency_key=key,
        )
        found = await kept(setting, baton, execution)
    if detach:
        return stored(found, as_json=shared.as_json)
    code = await carry(setting, found, watch=watch, until_rest=until_rest, say=_say)
    if save is None:
        return code
    if code != Exit.COMPLETED:
        command = found.questions.act("save", execution.id, save)
        note(f"The plan is not saved yet. When it has run: {command}")
        return code
    return await _save(setting, execution.id, save, told=not shared.as_json)


def _words(request: Sequence[str]) -> str:
    words = (sys.stdin.read() if list(request) == ["-"] else " ".join(request)).strip()
    if not words:
        raise InputError("Nothing is asked.", hint='Write baton ask "What …?"', code="request_missing")
    return words


async def save(shared: Shared, *, id: str, name: str) -> int:  # noqa: A002 - as on the command line
    """See `orchestrator.cli.declared.asking`."""
    return await _save(Setting(shared), id, name, told=True)


async def _save(setting: Setting, execution_id: str, name: str, *, told: bool) -> int:
    plain, version = read_name(name)
    async with looking(setting) as baton:
        found = await find_execution(baton, setting, execution_id)
        published = await baton.save_plan(found.id, plain, version=version or "1.0", by=user())
    if told:
        _tell_saved(setting, published)
    return Exit.COMPLETED


def _check_name(name: str) -> None:
    """Whether a workflow can be called that.

    Raises:
        InputError, DefinitionError: it cannot.
    """
    plain, version = read_name(name)
    made(Metadata, "the plan to save (--save)", {"name": plain, "version": version or "1.0"})


def _tell_saved(setting: Setting, published: PublishedWorkflow) -> None:
    if setting.shared.as_json:
        print_json({"workflows": [published_document(published)]})
    else:
        what = f"{published.name}@{published.version}"
        output().print(Text.assemble("Saved as ", (what, "bold"), f". Run it: baton run {published.name} --input …"))


def _say(answer: Any) -> None:
    """The answer in words; how it came about stands below it."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("answer"), str):
        print_json(answer)
        return
    output().print(Text(answer["answer"]))
    if answer.get("route"):
        output().print(Text(f"({answer['route']}: {answer.get('reason', '')})", "dim"))
