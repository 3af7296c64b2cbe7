"""Commands that answer, exactly as they must be typed."""

import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from graphs.steps import Wait
from orchestrator.cli.options import Shared
from orchestrator.cli.support.questions import Questions, for_somebody, headline
from orchestrator.cli.support.setting import Setting
from orchestrator.cli.support.values import read_values
from orchestrator.store.matching import fields_of, values_at
from orchestrator.store.port import OpenWait

NOW = datetime.now(UTC)


def wait(path: str = "ask", **of: Any) -> OpenWait:
    return OpenWait(
        execution_id="e-1", path=path, generation=0, wait=Wait(**of), status="open", answer=None, opened_at=NOW
    )


def questions(**options: Any) -> Questions:
    return Questions(Setting(Shared(**options)), {"e-1": "e-1"})


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"order": 17},
        {"name": 'Ada\'s "best"'},
        {"a": True, "b": None, "c": [1, 2.5]},
        {"by.name": "Ada", "by.id": 3, "order": 1},
        {"odd=name": 1, "od:d": 2},
    ],
)
@pytest.mark.capability("I04")
def test_the_event_that_is_shown_matches_what_is_waited_for(match: dict[str, Any]) -> None:
    """Typed in a shell, read by the command, found by the store."""
    [command] = questions().answers(wait(kind="event", event_type="paid", match=match))
    words = shlex.split(command)
    assert words[:3] == ["baton", "event", "paid"]
    data = read_values([word for word in words[3:] if word != "--data"], "--data")
    fields, values = fields_of(match)
    assert values_at(fields, data if data is not None else {}, None) == values


def test_paths_and_databases_are_quoted_for_a_shell() -> None:
    asked = wait("orders[3].ask", kind="approval", question={"message": "?", "allow": ["reject"]})
    [command] = questions(database=Path("my orders.db")).answers(asked)
    assert command == "baton reject e-1 'orders[3].ask' --database 'my orders.db'"


def test_examples_use_a_field_there_is() -> None:
    payload = {"amount": 1, "to": "Ada"}
    edit = wait(kind="approval", question={"allow": ["edit"], "payload": payload})
    form = wait(kind="approval", question={"allow": ["respond"]}, response_schema={"properties": {"age": {}}})
    assert questions().answers(edit) == ["baton approve e-1 ask --edit amount=..."]
    assert questions().answers(form) == ["baton respond e-1 ask --data age=..."]


def test_only_time_answers_a_timer() -> None:
    nap = wait(kind="timer", due=NOW + timedelta(hours=2))
    assert questions().answers(nap) == []
    assert "waits until " in headline(nap)
    again = wait(kind="timer", due=NOW + timedelta(hours=2), question={"reason": "retry", "attempt": 2, "of": 5})
    assert headline(again).startswith("waits for attempt 3 of 5, until ")
    held = wait(kind="timer", due=NOW + timedelta(hours=2), question={"reason": "breaker", "breaker": "payments"})
    assert headline(held).startswith("waits for 'payments', whose circuit breaker is open; looks again ")
    assert not for_somebody([nap, again, held])
    assert not for_somebody([])
    assert for_somebody([wait(kind="approval"), wait(kind="event", event_type="paid")])


def test_a_question_says_since_when_and_until_when() -> None:
    asked = wait(kind="approval", question={"message": "Go?"}, due=NOW + timedelta(days=2), assignees=("ada",))
    assert headline(asked).startswith("asks: Go? (asks ada)  [since ")
    assert "in 1 d 23 h" in headline(asked) or "in 2 d 0 h" in headline(asked)
