"""`baton dead-letters`: what failed for good and needs a person."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, cast, get_args

from rich.text import Text

from graphs.errors import InputError
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.questions import Questions
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.tables import print_facts, print_table
from orchestrator.cli.support.terminal import note, one_line, output, print_json, time_text
from orchestrator.cli.support.values import read_mapping
from orchestrator.engine import Orchestrator
from orchestrator.engine.mending import LetterStory
from orchestrator.ids import shown_id
from orchestrator.store.port import DEFAULT_TENANT, DeadLetter, LetterKind
from orchestrator.tenancy import TenantView

_SHOWN: Final = 2000
"""Characters of an input; --json has all of them."""


async def dead_letters(
    shared: Shared,
    *,
    closed: bool,
    execution: str | None,
    workflow: str | None,
    kind: str | None,
    code: str | None,
    escalated: bool,
) -> int:
    """See `orchestrator.cli.declared.letters`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        letters = await baton.dead_letters(
            status=None if closed else "open",
            execution_id=(await find_execution(baton, setting, execution)).id if execution is not None else None,
            workflow=workflow,
            kind=_kind(kind),
            code=code,
            escalated=escalated or None,
            tenant=setting.only,
        )
    if shared.as_json:
        print_json({"dead_letters": [_as_called(letter) for letter in letters]})
        return Exit.COMPLETED
    if not letters:
        output().print("There are no dead letters.")
        return Exit.COMPLETED
    now = datetime.now(UTC)
    several = any(letter.tenant != DEFAULT_TENANT for letter in letters)
    rows = [_row(letter, now, several=several) for letter in letters]
    print_table(
        ("number", "execution", *(["tenant"] if several else []), "workflow", "step", "status", "since", "why"), rows
    )
    return Exit.COMPLETED


def _row(letter: DeadLetter, now: datetime, *, several: bool) -> tuple[Text | str, ...]:
    urgency = ("red" if letter.escalated else "yellow") if letter.status == "open" else "dim"
    return (
        Text(str(letter.id), "bold"),
        shown_id(letter.execution_id),
        *([letter.tenant] if several else []),
        letter.workflow,
        letter.kind if letter.path in ("", letter.kind) else letter.path,
        Text(letter.status, urgency),
        time_text(letter.created_at, now),
        one_line(_why(letter), 60),
    )


async def show(shared: Shared, *, number: int) -> int:
    """See `orchestrator.cli.declared.letters`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        await _theirs(baton, setting, number)
        story = await baton.letter_story(number)
    if shared.as_json:
        history = [replace(record, execution_id=shown_id(record.execution_id)) for record in story.history]
        print_json({"dead_letter": _as_called(story.letter), "input": story.input, "history": history})
        return Exit.COMPLETED
    print_facts(_told(story))
    output().print(Text("history", "dim"))
    for record in story.history[-_HISTORY:]:
        error = record.data.get("error") if isinstance(record.data, dict) else None
        said = f"  {one_line(str(error.get('message', '')), 80)}" if isinstance(error, dict) else ""
        output().print(Text(f"  {record.at:%Y-%m-%d %H:%M:%S}  {record.kind:<22} {record.path or ''}{said}"))
    return Exit.COMPLETED


_HISTORY = 30
"""So many records of an execution are shown; all of them with --json, or by `baton show`."""


def _told(story: LetterStory) -> Iterator[tuple[str, object]]:
    letter = story.letter
    yield "execution", f"{letter.execution_id} ({letter.workflow})"
    yield "kind", letter.kind
    yield "step", letter.path
    yield "undoes", letter.about.get("undoes")
    yield "key of that", letter.about.get("idempotency_key")
    yield "attempts", letter.about.get("attempts")
    yield "why", _why(letter)
    yield "code", letter.error.get("code")
    yield "category", letter.error.get("category")
    yield "what next", str(letter.error.get("hint", "")).replace("NUMBER", str(letter.id)) or _ways_on(letter)
    yield "escalated", "people have to see to it" if letter.escalated else None
    yield "status", letter.status + (f" by {letter.closed_by}" if letter.closed_by else "")
    yield "note", letter.note
    yield "since", letter.created_at.isoformat()
    yield "input", _json(story.input)
    if letter.edit is not None:
        by = f" (by {letter.edit['by']})" if letter.edit.get("by") else ""
        yield "edited", _json(letter.edit["input"]) + by


def _ways_on(letter: DeadLetter) -> str | None:
    if letter.status != "open":
        return None
    edited = f", edit {letter.id} before that" if letter.kind == "failure" else ""
    return f"baton dead-letters redrive {letter.id}{edited}, or discard {letter.id}"


async def edit(shared: Shared, *, number: int, edit: Sequence[str] | None, undo: bool, by: str | None) -> int:
    """See `orchestrator.cli.declared.letters`."""
    if bool(edit) == undo:
        raise InputError("Which change?", hint="Give --edit KEY=VALUE, or --undo.", code="edit_unnamed")
    changes = read_mapping(edit, "--edit") if edit else None
    setting = Setting(shared)
    async with looking(setting, modules=True) as baton:
        await _theirs(baton, setting, number)
        letter = await baton.edit_letter(number, changes, by=by or user())
    if shared.as_json:
        print_json({"dead_letter": _as_called(letter)})
        return Exit.COMPLETED
    if letter.edit is None:
        output().print(f"Dead letter {number} is tried again as it was.")
    else:
        output().print(f"Dead letter {number} is tried again with {_json(letter.edit['input'])}.")
        note(f"Try it: baton dead-letters redrive {number}")
    return Exit.COMPLETED


async def redrive(
    shared: Shared,
    *,
    numbers: Sequence[int] | None,
    everything: bool,
    workflow: str | None,
    kind: str | None,
    code: str | None,
    by: str | None,
) -> int:
    """See `orchestrator.cli.declared.letters`."""
    setting = Setting(shared)
    async with looking(setting, modules=True) as baton:
        chosen = await _chosen(baton, setting, numbers, everything, workflow=workflow, kind=_kind(kind), code=code)
        executions = await baton.redrive(chosen, by=by or user())
        driven = baton.store.driven()
    if shared.as_json:
        print_json({"executions": [shown_id(each) for each in executions]})
        return Exit.COMPLETED
    if not executions:
        output().print("There are no dead letters.")
        return Exit.COMPLETED
    for execution_id in executions:
        output().print(f"Execution {execution_id} goes on.")
    note(_by_whom_it_is_done(setting, driven=driven))
    return Exit.COMPLETED


async def discard(
    shared: Shared,
    *,
    numbers: Sequence[int] | None,
    everything: bool,
    workflow: str | None,
    kind: str | None,
    code: str | None,
    compensate: bool,
    reason: str | None,
    by: str | None,
) -> int:
    """See `orchestrator.cli.declared.letters`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        chosen = await _chosen(baton, setting, numbers, everything, workflow=workflow, kind=_kind(kind), code=code)
        letters = await baton.discard(chosen, by=by or user(), note=reason, compensate=compensate)
        driven = baton.store.driven()
    if shared.as_json:
        print_json({"dead_letters": [_as_called(letter) for letter in letters]})
        return Exit.COMPLETED
    for letter in letters:
        output().print(f"Dead letter {letter.id} is discarded: {letter.path or letter.kind} of {letter.execution_id}.")
    if compensate and letters:
        note(f"What they did is undone. {_by_whom_it_is_done(setting, driven=driven)}")
    return Exit.COMPLETED


def _by_whom_it_is_done(setting: Setting, *, driven: bool) -> str:
    if driven:
        return "The running engine does it at once."
    return f"No engine drives the database now. Go on: {Questions(setting, {}).command('resume')}"


async def _theirs(baton: Orchestrator, setting: Setting, *numbers: int) -> None:
    """See to it that letters are of the tenant that was named.

    Raises:
        NotFoundError: one is another's, or there is none of that number.
    """
    if setting.only is not None:
        for number in numbers:
            await TenantView(baton, setting.only).dead_letter(number)


async def _chosen(
    baton: Orchestrator, setting: Setting, numbers: Sequence[int] | None, everything: bool, **which: Any
) -> list[int]:
    """The letters that are meant.

    Raises:
        InputError: none were named, or some and all.
    """
    if bool(numbers) == everything:
        raise InputError(
            "Which dead letters?", hint="Name their numbers, or --all. See baton dead-letters.", code="letters_unnamed"
        )
    if everything:
        return [letter.id for letter in await baton.dead_letters(**which, tenant=setting.only)]
    if which and any(which.values()):
        raise InputError(
            "Letters are named by their numbers, or chosen by what they are about.",
            hint="Give --all with --workflow, --kind and --code.",
            code="letters_unnamed",
        )
    await _theirs(baton, setting, *(numbers or ()))
    return list(numbers or ())


def _as_called(letter: DeadLetter) -> DeadLetter:
    return replace(letter, execution_id=shown_id(letter.execution_id))


def _kind(text: str | None) -> LetterKind | None:
    known = get_args(LetterKind)
    if text is not None and text not in known:
        raise InputError(
            f"'{text}' is no kind of dead letter.", hint=f"Kinds: {', '.join(known)}.", code="letter_kind_unknown"
        )
    return cast(LetterKind | None, text)


def _json(value: object) -> str:
    return one_line(value, _SHOWN)


def _why(letter: DeadLetter) -> str:
    return str(letter.error.get("message", ""))
