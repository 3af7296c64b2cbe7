"""`baton dead-letters`: what failed for good and needs a person."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.text import Text

from graphs.errors import InputError
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.setting import Setting, user
from orchestrator.cli.support.tables import print_table
from orchestrator.cli.support.terminal import note, one_line, output, print_json, time_text
from orchestrator.engine import Orchestrator
from orchestrator.store.port import DeadLetter


async def dead_letters(shared: Shared, *, closed: bool, execution: str | None) -> int:
    """See `orchestrator.cli.declared.answering`."""
    async with looking(Setting(shared)) as baton:
        of = (await find_execution(baton, execution)).id if execution is not None else None
        letters = await baton.dead_letters(status=None if closed else "open", execution_id=of)
    if shared.as_json:
        print_json({"dead_letters": letters})
        return Exit.COMPLETED
    if not letters:
        output().print("There are no dead letters.")
        return Exit.COMPLETED
    now = datetime.now(UTC)
    rows = [
        (
            Text(str(letter.id), "bold"),
            letter.execution_id,
            letter.workflow,
            letter.path,
            Text(letter.status, "yellow" if letter.status == "open" else "dim"),
            time_text(letter.created_at, now),
            one_line(_why(letter), 60),
        )
        for letter in letters
    ]
    print_table(("number", "execution", "workflow", "step", "status", "since", "why"), rows)
    return Exit.COMPLETED


async def show(shared: Shared, *, number: int) -> int:
    """See `orchestrator.cli.declared.answering`."""
    async with looking(Setting(shared)) as baton:
        letter = await baton.dead_letter(number)
    if shared.as_json:
        print_json({"dead_letter": letter})
        return Exit.COMPLETED
    lines = {
        "execution": f"{letter.execution_id} ({letter.workflow})",
        "step": letter.path,
        "undoes": letter.about.get("undoes"),
        "attempts": letter.about.get("attempts"),
        "why": _why(letter),
        "code": letter.error.get("code"),
        "status": letter.status + (f" by {letter.closed_by}" if letter.closed_by else ""),
        "note": letter.note,
        "since": letter.created_at.isoformat(),
    }
    for word, value in lines.items():
        if value is not None:
            output().print(Text.assemble((f"{word:<10}", "dim"), str(value)))
    return Exit.COMPLETED


async def redrive(shared: Shared, *, numbers: Sequence[int] | None, everything: bool, by: str | None) -> int:
    """See `orchestrator.cli.declared.answering`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        chosen = await _chosen(baton, numbers, everything)
        executions = await baton.redrive(chosen, by=by or user())
    if shared.as_json:
        print_json({"executions": executions})
        return Exit.COMPLETED
    if not executions:
        output().print("There are no dead letters.")
        return Exit.COMPLETED
    for execution_id in executions:
        output().print(f"Execution {execution_id} goes on.")
    note("A running engine does it at once; without one: baton resume")
    return Exit.COMPLETED


async def discard(
    shared: Shared, *, numbers: Sequence[int] | None, everything: bool, reason: str | None, by: str | None
) -> int:
    """See `orchestrator.cli.declared.answering`."""
    async with looking(Setting(shared)) as baton:
        letters = await baton.discard(await _chosen(baton, numbers, everything), by=by or user(), note=reason)
    if shared.as_json:
        print_json({"dead_letters": letters})
        return Exit.COMPLETED
    for letter in letters:
        output().print(f"Dead letter {letter.id} is discarded: {letter.path} of {letter.execution_id}.")
    return Exit.COMPLETED


async def _chosen(baton: Orchestrator, numbers: Sequence[int] | None, everything: bool) -> list[int]:
    """The letters that are meant.

    Raises:
        InputError: none were named, or some and all.
    """
    if bool(numbers) == everything:
        raise InputError(
            "Which dead letters?", hint="Name their numbers, or --all. See baton dead-letters.", code="letters_unnamed"
        )
    if everything:
        return [letter.id for letter in await baton.dead_letters()]
    return list(numbers or ())


def _why(letter: DeadLetter) -> str:
    return str(letter.error.get("message", ""))
