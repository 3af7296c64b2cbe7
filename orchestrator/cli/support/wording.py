"""Records and stories in the words of a log."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.text import Text

from agents.planning.outcome import REPLANNED
from graphs.planner import COMPANION
from graphs.steps import Wait
from orchestrator.cli.support.story import Story
from orchestrator.cli.support.terminal import SIGNS, one_line, seconds_between, seconds_text, status_text, time_text
from orchestrator.store.port import OpenWait, Record

_ALSO: Final = {"started": "running", "held": "waiting", "waits_along": "waiting", "effect": "pending"}
"""What is told of steps besides their statuses, and the sign it has."""

_SHORT: Final = 1.0
"""Seconds; a pause that is over before it is read."""


def title(story: Story, now: datetime) -> Text:
    """An execution in one line."""
    execution = story.execution
    begun = execution.started_at or execution.created_at
    until = execution.ended_at or story.undriven_since or now
    return Text.assemble(
        (f"{execution.workflow}@{execution.version}", "bold"),
        (f"  {execution.id}  ", "dim"),
        status_text(story.status),
        (f"  {seconds_text(seconds_between(begun, until))}", "dim"),
    )


def record_line(record: Record) -> Text | None:
    """A record as a line of a log; None for what would only be noise there."""
    group, _, word = record.kind.partition(".")
    data = record.data
    if record.path is not None and group == "step":
        if (word == "skipped" and record.path.endswith(COMPANION)) or _is_short(record) or not _is_told(word):
            return None
        text = _sign(word).append(record.path)
        return text.append_text(_words(word, data))
    if group == "execution" and word in SIGNS:
        seconds = data.get("seconds")
        return _sign(word).append(
            word.replace("_", " ") + (f" after {seconds_text(seconds)} at work" if seconds else "")
        )
    if record.kind == REPLANNED:
        failed = ", ".join(map(str, data.get("failed", ())))
        return _sign("retrying").append(f"the plan failed at {failed}: what is left is planned anew")
    if record.kind == "drive.failed":
        return _sign("failed").append(f"could not be driven: {data.get('message', '')}")
    return None


def by_whom(asked: Mapping[str, Any]) -> str:
    """Who asked for something, and why: `by ann: ordered twice`."""
    by, why = asked.get("by"), asked.get("reason")
    return f"{f'by {by}' if by else ''}{f': {why}' if why else ''}" or "asked for"


def standing_lines(left_standing: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Text]]:
    """What an execution leaves standing, as facts about it: a line each."""
    for one in left_standing:
        what = f"'{one['tool']}' cannot be undone" if "tool" in one else f"'{one.get('by')}' did not undo it"
        sure = "; it was cut off, and may not have acted" if one.get("outcome") == "unknown" else ""
        key = f" (key {one['idempotency_key']})" if "idempotency_key" in one else ""
        yield "standing", Text(f"{one['path']}: {what}{sure}{key}", "yellow")


def _is_told(word: str) -> bool:
    return word in SIGNS or word in _ALSO


def _is_short(record: Record) -> bool:
    due = record.data.get("due") if record.kind == "step.waiting" and record.data.get("kind") == "timer" else None
    return due is not None and seconds_between(record.at, datetime.fromisoformat(due)) < _SHORT


def _sign(status: str) -> Text:
    sign, style = SIGNS.get(_ALSO.get(status, status), ("?", "default"))
    return Text(f"{sign} ", style)


def _words(word: str, data: Mapping[str, Any]) -> Text:
    """What is to be said of a step."""
    error = one_line(str((data.get("error") or {}).get("message", "")), 200)
    if word == "started":
        return Text("")
    if word == "effect":
        undo = data.get("undo") or {}
        return Text(f"  has changed something outside, which '{undo.get('name')}' undoes", "dim")
    if word == "retrying":
        again = seconds_text(float(data.get("delay", 0)))
        return Text(f"  attempt {data.get('attempt')} of {data.get('of')} failed: {error} Again in {again}.", "yellow")
    if word == "held":
        until = time_text(datetime.fromisoformat(data["due"]), datetime.now(UTC))
        return Text(f"  waits for '{data.get('breaker')}', whose circuit breaker is open, until {until}", "yellow")
    if word == "queued":
        return Text(f"  waits for a place under the limit of '{data.get('limit')}'", "yellow")
    if word == "waits_along":
        return Text(
            f"  waits for the answer to {data.get('with')}: {one_line(str(data.get('message')), 200)}", "yellow"
        )
    if word == "waiting":
        due = data.get("due")
        until = f" until {time_text(datetime.fromisoformat(due), datetime.now(UTC))}" if due else ""
        return Text(f"  waits for {data.get('kind')}{until}", "yellow")
    text = Text()
    if data.get("started_at") and data.get("ended_at"):
        begun, ended = (datetime.fromisoformat(data[key]) for key in ("started_at", "ended_at"))
        text.append(f"  {seconds_text(seconds_between(begun, ended))}", "dim")
    if data.get("attempts", 0) > 1:
        text.append(f"  {data['attempts']} attempts", "yellow")
    if word != "completed":
        text.append(f"  {word.replace('_', ' ')}", SIGNS.get(word, ("", "default"))[1])
    if by := data.get("decided_by"):
        text.append(f"  by {by}", "dim")
    more = error or data.get("detail") or data.get("reason") or ""
    return text.append(f": {one_line(more, 200)}" if more and word != "completed" else "")


def open_waits(story: Story) -> list[OpenWait]:
    """What is waited for, as far as the story says."""
    return [
        _wait(story.execution.id, node.path, 0, node.question, node.started_at or story.execution.created_at)
        for node in story.steps()
        if node.question is not None
    ]


def wait_of(record: Record) -> OpenWait:
    """The wait that a `step.waiting` record is about."""
    return _wait(record.execution_id, record.path or "", record.generation, record.data, record.at)


def _wait(execution_id: str, path: str, generation: int, said: Mapping[str, Any], at: datetime) -> OpenWait:
    """The wait as it is kept, from what its record says; who may decide stands in the question too."""
    question = {key: value for key, value in said.items() if key not in ("kind", "due")}
    due = said.get("due")
    wait = Wait(
        kind=said["kind"],
        question=question,
        event_type=question.get("event_type"),
        match=question.get("filter") or {},
        due=datetime.fromisoformat(due) if due else None,
        assignees=(*question.get("assignees", ()), *(f"group:{group}" for group in question.get("groups", ()))),
    )
    return OpenWait(
        execution_id=execution_id, path=path, generation=generation, wait=wait, status="open", answer=None, opened_at=at
    )
