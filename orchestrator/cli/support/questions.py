"""What executions wait for, in words, and the exact commands that answer it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from rich.text import Text

from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.terminal import one_line, seconds_between, seconds_text, time_text
from orchestrator.ids import shown_id
from orchestrator.store.port import DEFAULT_TENANT, OpenWait

_DRIVING: Final = ("resume", "retry", "fork", "run", "engine")
_DECISIONS: Final = ("approve", "edit", "reject", "respond")


class Questions:
    """Writes commands as they must be typed here: with the database and tenant that were named on the command line, and
    with the modules and services where they are needed.

    Args:
        setting: Where this command runs.
        ids: By execution, what its id may be shortened to.
        tenants: By execution, whose it is, for commands that are to find it though no tenant is named here.
    """

    def __init__(self, setting: Setting, ids: Mapping[str, str], tenants: Mapping[str, str] | None = None) -> None:
        shared = setting.shared
        self._where = ["--database", str(shared.database)] if shared.database is not None else []
        self._where += ["--tenant", shared.tenant] if shared.tenant is not None else []
        self._tenants = (tenants or {}) if setting.only is None else {}
        self._with = [word for module in shared.modules for word in ("--module", module)]
        self._with += [word for service in shared.services for word in ("--service", service)]
        self._ids = ids

    def command(self, *words: str) -> str:
        """A `baton` command, quoted for a shell."""
        return shlex.join(["baton", *words, *self._where, *(self._with if words[0] in _DRIVING else ())])

    def act(self, word: str, execution_id: str, *more: str) -> str:
        """A command about an execution."""
        return self.command(word, self.id(execution_id), *more, *self._whose(execution_id))

    def id(self, execution_id: str) -> str:
        """The id as it is typed."""
        return self._ids.get(execution_id, shown_id(execution_id))

    def _whose(self, execution_id: str) -> list[str]:
        tenant = self._tenants.get(execution_id, DEFAULT_TENANT)
        return ["--tenant", tenant] if tenant != DEFAULT_TENANT else []

    def answers(self, wait: OpenWait) -> list[str]:
        """Commands that answer a wait; none for a timer, which only time answers."""
        if wait.wait.kind == "approval":
            allowed = wait.wait.question.get("allow") or _DECISIONS
            return [self._decision(wait, word) for word in _DECISIONS if word in allowed]
        if wait.wait.kind == "event":
            data = _event_data(wait.wait.match)
            return [self.command("event", wait.wait.event_type or "", *data, *self._whose(wait.execution_id))]
        return []

    def _decision(self, wait: OpenWait, decision: str) -> str:
        who, path = wait.execution_id, wait.path
        if decision == "edit":
            return self.act("approve", who, path, "--edit", f"{_a_field(wait)}=...")
        if decision == "respond":
            # Where nothing has a form, an answer is words: what a tool would have given, how a plan is to be changed.
            how = ("--data", f"{_a_field(wait)}=...") if wait.wait.response_schema else ("--text", "...")
            return self.act("respond", who, path, *how)
        return self.act(decision, who, path)

    def lines(self, wait: OpenWait, *, indent: str = "  ") -> list[Text]:
        """A wait as people read it: what, since when, until when, and how to answer."""
        lines = [Text.assemble((wait.path, "bold"), " ", (headline(wait), "yellow"))]
        lines += [Text(f"{indent}{line}", "dim") for line in _shown(wait.wait.question.get("payload"))]
        lines += [Text.assemble(indent, (command, "cyan")) for command in self.answers(wait)]
        return lines


def _shown(payload: Any) -> Iterator[str]:
    """What is to be decided about: in one line, but for texts of several, which are shown as they are."""
    if payload is None:
        return
    fields = payload.items() if isinstance(payload, Mapping) else ()
    texts = {name: value for name, value in fields if isinstance(value, str) and "\n" in value.strip()}
    if rest := {name: value for name, value in fields if name not in texts} or (not texts and payload):
        yield one_line(rest, 160)
    for name, text in texts.items():
        yield f"{name}:"
        yield from (f"  {line}" for line in text.splitlines())


def no_engine(since: datetime, questions: Questions, execution_id: str) -> str:
    """What is to be said of an execution that was at work when its engine ended."""
    at = time_text(since, datetime.now(UTC))
    go_on = questions.act("resume", execution_id)
    return f"no engine drives it; last heard of at {at}. Go on: {go_on}"


def headline(wait: OpenWait) -> str:
    """What is waited for, in one line."""
    now = datetime.now(UTC)
    question = wait.wait.question
    if wait.wait.kind == "timer":
        if question.get("reason") == "breaker":
            return f"waits for '{question['breaker']}', whose circuit breaker is open; looks again {_due(wait, now)}"
        attempt = f"for attempt {question['attempt'] + 1} of {question['of']}, " if _is_retry(wait) else ""
        return f"waits {attempt}until {_due(wait, now)}"
    if wait.wait.kind == "event":
        match = f" with {one_line(wait.wait.match, 80)}" if wait.wait.match else ""
        what = f"waits for the event {wait.wait.event_type}{match}"
    else:
        whom = f" (asks {', '.join(wait.wait.assignees)})" if wait.wait.assignees else ""
        what = f"asks: {one_line(question.get('message', ''), 120)}{whom}"
    since_when = f"since {time_text(wait.opened_at, now)}"
    return f"{what}  [{since_when}{f', until {_due(wait, now)}' if wait.wait.due else ''}]"


def _is_retry(wait: OpenWait) -> bool:
    return wait.wait.question.get("reason") == "retry"


def _due(wait: OpenWait, now: datetime) -> str:
    if wait.wait.due is None:
        return "for ever"
    left = seconds_between(now, wait.wait.due)
    return f"{time_text(wait.wait.due, now)} ({f'in {seconds_text(left)}' if left else 'now'})"


def for_somebody(waits: Sequence[OpenWait]) -> bool:
    """Whether only a person or an event can move the execution on."""
    return bool(waits) and all(wait.wait.kind != "timer" for wait in waits)


def as_document(wait: OpenWait, questions: Questions) -> dict[str, Any]:
    """A wait as JSON values."""
    return {
        "execution_id": shown_id(wait.execution_id),
        "path": wait.path,
        "kind": wait.wait.kind,
        "question": dict(wait.wait.question),
        "since": wait.opened_at,
        "due": wait.wait.due,
        "on_timeout": wait.wait.on_timeout,
        "assignees": list(wait.wait.assignees),
        "response_schema": wait.wait.response_schema,
        "answer_with": questions.answers(wait),
    }


def _a_field(wait: OpenWait) -> str:
    """A field to change or to give, for the example: one of the form's, else one of the payload's."""
    schema = wait.wait.response_schema or {}
    payload = wait.wait.question.get("payload")
    names = [*schema.get("properties", {}), *(payload if isinstance(payload, Mapping) else ())]
    return str(names[0]) if names else "NAME"


def _event_data(match: Mapping[str, Any]) -> list[str]:
    """Data that the wait accepts: as pairs where names are plain, else as one JSON document."""
    if any("." in name or "=" in name or ":" in name for name in match):
        return ["--data", orjson.dumps(_nested(match)).decode()]
    words = []
    for name, value in match.items():
        text = f"{name}={value}" if isinstance(value, str) else f"{name}:={orjson.dumps(value).decode()}"
        words += ["--data", text]
    return words


def _nested(match: Mapping[str, Any]) -> dict[str, Any]:
    """`{"user.id": 42}` as the event has it: `{"user": {"id": 42}}`."""
    data: dict[str, Any] = {}
    for name, value in match.items():
        *above, last = name.split(".")
        place = data
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return data
