"""`baton show`: an execution's story."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from graphs.budget import figure
from orchestrator.cli.exits import Exit
from orchestrator.cli.options import Shared
from orchestrator.cli.support.carrying import questions_for
from orchestrator.cli.support.documents import execution_document
from orchestrator.cli.support.finding import find_execution
from orchestrator.cli.support.following import read_story
from orchestrator.cli.support.opening import looking
from orchestrator.cli.support.questions import Questions, as_document, no_engine
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.story import Story, origin
from orchestrator.cli.support.tables import print_facts
from orchestrator.cli.support.terminal import one_line, output, print_json, seconds_text, time_text
from orchestrator.cli.support.thinking import Thoughts
from orchestrator.cli.support.tree import story_tree
from orchestrator.cli.support.wording import by_whom, standing_lines, title
from orchestrator.ids import shown_id
from orchestrator.store.port import DEFAULT_TENANT, Execution, ExecutionFilter, OpenWait, Record
from orchestrator.usage import Usage, costs_of, totals

_MOST_FORKS = 100


async def show(shared: Shared, *, id: str, records: bool) -> int:  # noqa: A002 - as on the command line
    """See `orchestrator.cli.declared.looking`."""
    setting = Setting(shared)
    async with looking(setting) as baton:
        found = await find_execution(baton, setting, id)
        story = await read_story(baton, found.id)
        story.settle(story.execution)
        if (since := (await baton.undriven([story.execution])).get(found.id)) is not None:
            story.leave(since)
        waits = await baton.waits(found.id)
        forks = await baton.list(ExecutionFilter(parent=found.id, limit=_MOST_FORKS))
        history = await baton.records(found.id)
        usage = await baton.usage(found.id)
        questions = await questions_for(setting, baton, found)
    if shared.as_json:
        document = _document(story, waits, forks, questions, usage) | Thoughts.of(history).as_document()
        told = [replace(record, execution_id=shown_id(record.execution_id)) for record in history]
        print_json(document | ({"records": told} if records else {}))
    elif records:
        _print_records(history)
    else:
        _print_story(story, waits, forks, questions, usage, Thoughts.of(history))
    return Exit.COMPLETED


def _document(
    story: Story,
    waits: Sequence[OpenWait],
    forks: Sequence[Execution],
    questions: Questions,
    usage: Sequence[Usage],
) -> dict[str, Any]:
    return {
        "execution": execution_document(story.execution, story.undriven_since),
        "steps": [node.as_document() for node in story.root.children.values()],
        "waits": [as_document(wait, questions) for wait in waits],
        "forks": [{"id": shown_id(fork.id), "at": fork.forked_at, "status": fork.status} for fork in forks],
        "usage": [one.as_document() for one in usage],
        "cost": costs_of(usage),
        "left_standing": story.left_standing,
        "not_driven": story.failure,
    }


def _print_records(history: Sequence[Record]) -> None:
    for record in history:
        place = f" {record.path}" if record.path else ""
        again = f" (generation {record.generation})" if record.generation else ""
        output().print(
            Text.assemble(
                (f"{record.seq:>6}  {record.at.astimezone().isoformat(sep=' ', timespec='milliseconds')}  ", "dim"),
                (record.kind, "bold"),
                place,
                again,
                (f"  {one_line(record.data, 1000)}" if record.data else "", "dim"),
            )
        )


def _print_story(
    story: Story,
    waits: Sequence[OpenWait],
    forks: Sequence[Execution],
    questions: Questions,
    usage: Sequence[Usage],
    thoughts: Thoughts,
) -> None:
    now = datetime.now(UTC)
    output().print(story_tree(story, now, title=title(story, now)))
    output().print()
    print_facts(_facts(story, forks, now))
    print_facts(standing_lines(story.left_standing))
    print_facts(thoughts.lines())
    print_facts(("model", _cost(one)) for one in usage)
    print_facts(("in all", f"{name}{_spent(one)}") for name, one in _in_all(usage))
    if story.undriven_since is not None:
        words = no_engine(story.undriven_since, questions, story.execution.id)
        output().print(Text.assemble("\n", (f"{words[:1].upper()}{words[1:]}", "yellow")))
    for wait in waits:
        output().print()
        for line in questions.lines(wait):
            output().print(line)


def _cost(usage: Usage) -> str:
    return f"{usage.step}: {_calls(usage)} of {usage.model} by {usage.agent}, {_spent(usage)}"


def _calls(usage: Usage) -> str:
    return f"{usage.calls} call{'s' if usage.calls != 1 else ''}"


def _spent(usage: Usage) -> str:
    price = f", {figure(usage.cost)} spent" if usage.cost else ""
    refused = f", {usage.refused} tool calls refused" if usage.refused else ""
    tokens = f"{usage.input_tokens + usage.output_tokens:,} tokens"
    guessed = f", {usage.estimated} estimated" if usage.estimated else ""
    return f"{tokens}{price}, {seconds_text(usage.seconds)}{refused}{guessed}"


def _in_all(usage: Sequence[Usage]) -> list[tuple[str, Usage]]:
    """What a reader would have to add up: of agents and models that are in several lines, and of the execution."""
    if len(usage) < 2:
        return []
    by = totals(usage)
    several = [
        (f"{what} {name}: {_calls(one)}, ", one)
        for what in ("agent", "model")
        for name, one in by[what].items()
        if 1 < sum(getattr(each, what) == name for each in usage) < len(usage)
    ]
    return [*several, *((f"{_calls(one)}, ", one) for one in by["execution"].values())]


def _facts(story: Story, forks: Sequence[Execution], now: datetime) -> list[tuple[str, str | Text]]:
    execution = story.execution
    times = f"{time_text(execution.created_at, now)}"
    if execution.ended_at is not None:
        times += f" to {time_text(execution.ended_at, now)}"
    taken = f", taken up {execution.drives} times" if execution.drives > 1 else ""
    facts: list[tuple[str, str | Text]] = [
        ("begun", f"{times}, {seconds_text(execution.active_seconds)} at work{taken}"),
    ]
    if execution.tenant != DEFAULT_TENANT:
        facts.append(("tenant", execution.tenant))
    if execution.input:
        facts.append(("input", one_line(execution.input, 500)))
    if execution.metadata:
        facts.append(("metadata", one_line(execution.metadata, 500)))
    if execution.cancel_requested:
        facts.append(("cancelled", by_whom(execution.cancel_requested)))
    if execution.pause_requested:
        facts.append(("paused", by_whom(execution.pause_requested)))
    if execution.compensation and execution.compensation != execution.status:
        facts.append(("undoing", execution.compensation.replace("_", " ")))
    if execution.parent:
        facts.append((origin(execution), f"{execution.parent} at {execution.forked_at}"))
    facts += [(origin(fork).removesuffix(" of"), f"{fork.id} at {fork.forked_at}, {fork.status}") for fork in forks]
    if story.failure is not None:
        facts.append(("given up", Text(one_line(str(story.failure.get("message", "")), 500), "red")))
    if error := execution.error or (execution.concluded or {}).get("error"):  # of one that is still being undone
        facts.append(("error", Text(f"{error.get('message', '')} [{error.get('code', '')}]", "red")))
    if execution.output is not None:
        facts.append(("output", one_line(execution.output, 2000)))
    return facts
