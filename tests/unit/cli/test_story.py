"""A story told by records."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from graphs.state import ExecutionStatus
from orchestrator.cli.support.nodes import Node
from orchestrator.cli.support.story import Story
from orchestrator.cli.support.tree import story_tree
from orchestrator.cli.support.wording import open_waits
from orchestrator.store.port import Execution, Record

T0 = datetime(2026, 11, 20, 9, tzinfo=UTC)
DOCUMENT = {
    "spec": {
        "steps": [
            {"name": "fetch"},
            {"name": "orders", "type": "map", "steps": [{"name": "charge", "type": "function"}]},
            {"name": "pay", "type": "function", "on_failure": {"fallback": {"name": "by_hand", "type": "approval"}}},
            {"name": "ask", "type": "approval", "compensate": {"name": "unask", "type": "function"}},
        ]
    }
}


def execution(status: ExecutionStatus = ExecutionStatus.RUNNING) -> Execution:
    return Execution(id="e-1", workflow="shop", version="1.0", digest="d", status=status, created_at=T0)


class Teller:
    """Tells a story record by record."""

    def __init__(self) -> None:
        self.story = Story(execution(), DOCUMENT)
        self._seq = 0

    def __call__(self, record: str, path: str | None = None, /, *, kept: bool = True, **data: Any) -> None:
        self._seq += kept
        at = T0 + timedelta(seconds=self._seq)
        self.story.apply(Record("e-1", record, at, path, 0, data, self._seq if kept else None))

    def statuses(self) -> dict[str, str]:
        return {node.path: node.shown_status for node in self.story.steps()}

    def shown(self, room: int | None = None) -> str:
        console = Console(width=120, record=True, file=io.StringIO())

        console.print(story_tree(self.story, T0 + timedelta(minutes=1), title=Text("shop"), room=room))
        return console.export_text()


@pytest.fixture
def tell() -> Teller:
    return Teller()


def test_steps_that_have_not_begun_are_there(tell: Teller) -> None:
    assert tell.statuses() == {"fetch": "pending", "orders": "pending", "pay": "pending", "ask": "pending"}
    assert [node.type for node in tell.story.steps()] == ["service_call", "map", "function", "approval"]


@pytest.mark.capability("O01", "ST2", "ST3")
def test_a_step_goes_through_its_statuses(tell: Teller) -> None:
    tell("step.started", "fetch", kept=False, attempt=1)
    assert tell.statuses()["fetch"] == "running"
    tell("step.retrying", "fetch", attempt=1, of=3, delay=1, error={"message": "no route"})
    assert tell.statuses()["fetch"] == "retrying"
    tell("step.completed", "fetch", attempts=2, started_at=T0.isoformat(), ended_at=T0.isoformat())
    assert tell.statuses()["fetch"] == "completed"
    tell("step.started", "fetch", kept=False, attempt=1)
    assert tell.statuses()["fetch"] == "completed", "what was never kept may arrive late"


def test_a_record_is_told_once(tell: Teller) -> None:
    record = Record("e-1", "step.completed", T0, "fetch", seq=7)
    assert tell.story.apply(record)
    assert not tell.story.apply(record)


def test_what_is_inside_a_step_says_how_it_stands(tell: Teller) -> None:
    """Items and branches have no records of their own."""
    tell("step.started", "orders", attempt=1)
    tell("step.completed", "orders[0].charge", attempts=1)
    tell("step.waiting", "orders[1].charge", kind="approval", message="Really?")
    statuses = tell.statuses()
    assert (statuses["orders"], statuses["orders[0]"], statuses["orders[1]"]) == ("waiting", "completed", "waiting")
    assert next(node.type for node in tell.story.steps() if node.path == "orders[1].charge") == "function"


def test_an_open_question_is_known_until_it_is_answered(tell: Teller) -> None:
    """A body that is entered again on resume still waits."""
    tell("step.waiting", "ask", kind="approval", message="Go on?", assignees=["ada"], groups=["staff"], due=None)
    tell("step.started", "ask", kept=False, attempt=1)
    [wait] = open_waits(tell.story)
    assert (wait.path, wait.wait.kind, wait.wait.assignees) == ("ask", "approval", ("ada", "group:staff"))
    tell("approval.decided", "ask", decision="approved")
    assert open_waits(tell.story) == []


@pytest.mark.capability("E17")
def test_a_fallback_stands_below_its_step_and_only_when_it_was_needed(tell: Teller) -> None:
    tell("step.skipped", "pay~fallback", reason="upstream")
    assert "fallback" not in tell.shown()
    tell("step.failed", "pay", attempts=1, error={"message": "refused"})
    tell("step.completed", "pay~fallback", attempts=1)
    lines = tell.shown().splitlines()
    assert "└── ✓ fallback approval" in lines[lines.index(next(line for line in lines if " pay " in line)) + 1]


@pytest.mark.capability("E11")
def test_compensation_is_told_under_a_word_of_its_own(tell: Teller) -> None:
    tell("execution.compensating")
    tell("step.completed", "~compensation.unask", attempts=1)
    tell("step.completed", "~compensation", attempts=1)
    assert tell.story.status == "compensating"
    shown = tell.shown()
    assert "compensation" in shown
    assert "unask function" in shown


@pytest.mark.capability("D03")
def test_going_back_makes_steps_pending_again(tell: Teller) -> None:
    """The step around keeps what else is inside it."""
    for path in ("fetch", "orders[0].charge", "orders[1].charge", "orders", "pay"):
        tell("step.completed", path, attempts=1)
    tell("execution.rewound", superseded=["orders[1].charge", "pay", "~compensation"], superseded_alone=["orders"])
    statuses = tell.statuses()
    assert statuses["fetch"] == "completed"
    assert statuses["orders[0].charge"] == "completed"
    assert "orders[1].charge" not in statuses
    assert statuses["pay"] == "pending"
    assert tell.story.status == "queued"


@pytest.mark.capability("E01", "O01")
def test_a_step_between_attempts_says_when_it_is_tried_again(tell: Teller) -> None:
    """Also in an execution that rests meanwhile."""
    due = (T0 + timedelta(hours=1)).isoformat()
    tell("step.retrying", "fetch", attempt=1, of=3, delay=3600, due=due, error={"message": "no route"})
    tell.story.settle(execution(ExecutionStatus.WAITING))
    assert tell.statuses()["fetch"] == "retrying"
    [line] = [line for line in tell.shown().splitlines() if "fetch" in line]
    assert "again at" in line and "no route" in line


@pytest.mark.capability("P06", "O01")
def test_a_step_that_waits_for_a_place_says_so_and_for_how_long_it_did(tell: Teller) -> None:
    """Its own time is another matter."""
    tell("step.queued", "fetch", limit="payments")
    assert tell.statuses()["fetch"] == "queued"
    assert "for a place under the limit of 'payments'" in tell.shown()
    ended = (T0 + timedelta(seconds=4)).isoformat()
    tell("step.completed", "fetch", attempts=1, started_at=T0.isoformat(), ended_at=ended, queued=90.0)
    [line] = [line for line in tell.shown().splitlines() if "fetch" in line]
    assert "4.0 s" in line and "queued 1 min 30 s" in line and "payments" not in line


@pytest.mark.capability("E09", "O01")
def test_a_step_that_meets_an_open_breaker_says_whose_it_is(tell: Teller) -> None:
    """Until it goes on."""
    due = (T0 + timedelta(seconds=30)).isoformat()
    tell("step.held", "fetch", attempt=0, of=1, breaker="payments", due=due)
    tell.story.settle(execution(ExecutionStatus.WAITING))
    assert tell.statuses()["fetch"] == "waiting"
    [line] = [line for line in tell.shown().splitlines() if "fetch" in line]
    assert "for 'payments', whose circuit breaker is open" in line and "again at" in line
    tell("step.started", "fetch", kept=False, attempt=1)
    assert "breaker" not in tell.shown() and tell.statuses()["fetch"] == "running"


def test_steps_that_were_cut_are_not_at_work_in_an_execution_that_rests(tell: Teller) -> None:
    tell("step.started", "fetch", attempt=1)
    tell.story.settle(execution(ExecutionStatus.QUEUED))
    assert tell.statuses()["fetch"] == "pending"


def test_a_long_list_is_folded_to_what_is_urgent(tell: Teller) -> None:
    """It fits the room there is; nothing urgent is hidden behind what is done."""
    for index in range(200):
        tell("step.completed", f"orders[{index}].charge", attempts=1)
    tell("step.failed", "orders[150].charge", attempts=3, error={"message": "card refused"})
    shown = tell.shown(room=20)
    assert len(shown.splitlines()) <= 20
    assert "card refused" in shown
    assert "3 attempts" in shown
    assert "199 more: 199 completed" in shown


def test_a_node_as_a_document() -> None:
    node = Node("a", "a", "map", status="running", children={"[0]": Node("a[0]", "[0]")})
    document = node.as_document()
    assert (document["path"], document["status"], document["steps"][0]["path"]) == ("a", "running", "a[0]")


@pytest.mark.capability("E16", "E23", "M11")
def test_a_failure_that_is_answered_counts_for_what_is_around_it_as_its_answer(tell: Teller) -> None:
    """While a person is asked about it, the item waits; when they have answered well, it is well."""
    tell("step.failed", "orders[1].charge", attempts=1, error={"message": "declined"})
    tell("step.waiting", "orders[1].charge~fallback[0].ask", message="What now?")
    assert tell.statuses()["orders"] == tell.statuses()["orders[1]"] == "waiting"
    assert "What now?" in tell.shown(), "what is waited for is seen"
    tell("step.completed", "orders[1].charge~fallback[0].ask", attempts=1)
    tell("step.completed", "orders[1].charge~fallback", attempts=1)
    assert tell.statuses()["orders[1]"] == "completed"
    assert tell.statuses()["orders[1].charge"] == "failed"


@pytest.mark.capability("E19", "M11")
def test_a_branch_says_what_became_of_it(tell: Teller) -> None:
    tell("step.completed", "race.slow.one")
    tell("step.cancelled", "race.slow.two")
    tell("step.failed", "race.spare.one", continued=True)
    assert tell.statuses()["race.slow"] == "cancelled", "it lost"
    assert tell.statuses()["race.spare"] == "completed", "it was gone on from"
