"""Carrying an execution out in the foreground, and telling how it was left: run, resume, retry and fork end here."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from graphs.state import ExecutionStatus
from orchestrator.cli.exits import Exit, exit_of_status
from orchestrator.cli.support.documents import as_called
from orchestrator.cli.support.finding import short_id
from orchestrator.cli.support.following import Follower, Left, Until
from orchestrator.cli.support.interrupts import interrupts
from orchestrator.cli.support.questions import Questions, as_document
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import (
    output,
    print_json,
    print_json_line,
    seconds_between,
    seconds_text,
    status_text,
    warn,
)
from orchestrator.cli.support.views import JsonLines, Lines, Picture, Quiet, View
from orchestrator.cli.support.wording import by_whom
from orchestrator.engine import Orchestrator
from orchestrator.store.port import Execution


async def questions_for(setting: Setting, baton: Orchestrator, execution: Execution) -> Questions:
    """How to answer what this execution asks."""
    short = await short_id(baton, execution.id)
    return Questions(setting, {execution.id: short}, {execution.id: execution.tenant})


@dataclass(frozen=True, slots=True)
class Kept:
    """An execution that is stored and about to be carried out.

    Attributes:
        since: Its last record so far; what comes after it is news.
        driven: Whether an engine drives the file, in this process or another.
    """

    execution: Execution
    questions: Questions
    since: int
    driven: bool


async def kept(setting: Setting, baton: Orchestrator, execution: Execution) -> Kept:
    """What `carry` needs to know of an execution."""
    past = await baton.records(execution.id)
    since = past[-1].seq if past else None
    return Kept(execution, await questions_for(setting, baton, execution), since or 0, baton.store.driven())


async def carry(
    setting: Setting,
    kept: Kept,
    *,
    watch: bool | None,
    until_rest: bool | None,
    say: Callable[[Any], None] = print_json,
    instead: Callable[[Left], None] | None = None,
) -> int:
    """Follow an execution until it ends or rests; gives the exit code.

    Args:
        say: Prints its output for people.
        instead: Is told how it was left, and prints it.
    """
    questions = kept.questions
    as_json = setting.shared.as_json
    view = _view(as_json, watch, questions)

    def told(left: Left) -> None:
        in_one_line = isinstance(view, JsonLines)
        tell(left, questions, as_json=as_json, in_one_line=in_one_line, with_waits=type(view) is Quiet, say=say)

    follower = Follower(setting, view, _until(until_rest, as_json), instead or told)
    go_on = questions.act("resume", kept.execution.id)
    try:
        with interrupts(follower.interrupt, lambda: go_on) as heard:
            left = await follower.follow(kept.execution.id, kept.since)
    finally:
        view.close()
    return heard.code if left.interrupted else exit_of_status(left.execution.status)


def go_on_by_hand(questions: Questions, execution_id: str) -> str:
    """What to do where no engine drives the file."""
    return f"No engine drives the database now. Go on: {questions.act('resume', execution_id)}"


_MOST_NAMED = 8


def tell_side_effects(paths: Sequence[str], cleaned_up: Sequence[str], *, new_keys: bool) -> None:
    """Warn of what has changed something outside before, and is about to do so once more; and of what has cleaned up
    after steps that are not done again."""
    if cleaned_up:
        warn(
            f"These have cleaned up after it: {_first(cleaned_up)}. Steps that are not made anew count as done all the "
            "same; to do them again, name the first of them (--from, --at)."
        )
    if not paths:
        return
    keys = (
        "Their idempotency keys are new: what they do happens once more."
        if new_keys
        else "Their idempotency keys are as before: who honours them does nothing twice."
    )
    warn(f"These have acted before, and act again: {_first(paths)}. {keys}")


def _first(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    return f"{', '.join(paths[:_MOST_NAMED])}{more}"


def stored(kept: Kept, *, as_json: bool) -> int:
    """Tell that an execution is kept and will be carried out by others (`--detach`)."""
    execution, questions = kept.execution, kept.questions
    if as_json:
        print_json({"execution": as_called(execution)})
    else:
        output().print(f"{execution.id}")
        takes = "The running engine takes it up." if kept.driven else go_on_by_hand(questions, execution.id)
        output().print(Text(f"Stored. {takes}", "dim"))
    return Exit.COMPLETED


def tell(
    left: Left,
    questions: Questions,
    *,
    as_json: bool,
    in_one_line: bool,
    with_waits: bool,
    say: Callable[[Any], None],
) -> None:
    """Print how an execution was left."""
    if as_json:
        (print_json_line if in_one_line else print_json)(document_of(left, questions))
    else:
        for line in _outcome(left, questions, with_waits=with_waits):
            output().print(line)
        if left.execution.output is not None:
            say(left.execution.output)


def document_of(left: Left, questions: Questions) -> dict[str, Any]:
    """The same for machines."""
    return {
        "execution": as_called(left.execution),
        "waits": [as_document(wait, questions) for wait in left.waits],
        "interrupted": left.interrupted,
    }


def _outcome(left: Left, questions: Questions, *, with_waits: bool) -> list[Text]:
    execution = left.execution
    who = execution.id
    if left.elsewhere and left.interrupted:
        return [Text(f"It goes on in the other engine. Watch again: {questions.act('resume', who)}")]
    if left.interrupted:
        return [Text(f"Parked; nothing finished is lost. Go on: {questions.act('resume', who)}")]
    line = status_text(execution.status)
    if execution.status.final:
        line.append(_taken(execution), "dim")
    line.append(f"  {execution.workflow}@{execution.version}  {execution.id}", "dim")
    lines = [line]
    if execution.error:
        lines.append(Text(f"  {_error(execution.error)}", "red"))
        if hint := execution.error.get("hint"):
            lines.append(Text(f"  {hint}"))
    if execution.status in (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT):
        lines.append(Text(f"  What happened: {questions.act('show', who)}", "dim"))
        lines.append(Text(f"  Try again what failed: {questions.act('retry', who)}", "dim"))
    # Questions were shown when they were asked; timers were not.
    untold = [wait for wait in left.waits if with_waits or wait.wait.kind == "timer"]
    lines += [line for wait in untold for line in questions.lines(wait)]
    if execution.status is ExecutionStatus.PAUSED:
        whose = by_whom(execution.pause_requested or {})
        lines.append(Text(f"  Paused {whose}. Let it go on: {questions.act('continue', who)}", "dim"))
    elif left.waits:
        lines.append(Text(f"  Go on after the answer: {questions.act('resume', who)}", "dim"))
    return lines


def _taken(execution: Execution) -> str:
    if execution.drives > 1:  # what lies between a failure and its retry was nobody's work
        return f" after {seconds_text(execution.active_seconds)} at work"
    begun = execution.started_at or execution.created_at
    return f" in {seconds_text(seconds_between(begun, execution.ended_at))}"


def _error(error: Any) -> str:
    step = f"step '{error['step']}': " if error.get("step") else ""
    return f"{step}{error.get('message', error.get('code', ''))}"


def _view(as_json: bool, watch: bool | None, questions: Questions) -> View:
    if as_json:
        return JsonLines(questions) if watch else Quiet()
    if watch is False:
        return Quiet()
    return Picture(questions) if output().is_terminal else Lines(questions)


def _until(until_rest: bool | None, as_json: bool) -> Until:
    if until_rest is None:
        # A person can answer in another terminal meanwhile; a script would hang without knowing why.
        return "end" if sys.stdout.isatty() and not as_json else "somebody"
    return "rest" if until_rest else "end"
