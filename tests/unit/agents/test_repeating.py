"""What a plan that is made anew may not do again: by the names of steps, inside other steps too."""

from typing import Any

import pytest

from agents.planning.repeating import carried_out, repeated
from tests.support.engine.engines import act, workflow

pytestmark = pytest.mark.capability("F22", "I08")
DONE, FAILED, PENDING = {"status": "completed", "output": 1}, {"status": "failed"}, {"status": "pending"}
CAME_TO: dict[str, Any] = {
    "ready": {"status": "completed", "output": 7, "inside": {"ready.warm": DONE}},
    "trip": {"status": "failed", "inside": {"trip.flight": DONE, "trip.hotel": FAILED, "trip.look": DONE}},
    "stay": {"status": "failed", "inside": {"stay.look": PENDING}},
    "visit": {"status": "failed", "inside": {"visit[0].book": DONE, "visit[1].book": FAILED}},
    "refund": {"status": "failed", "inside": {"refund.pay": DONE, "refund.tell": FAILED}},
}


def _inside(name: str, *inner: str, kind: str = "sequence") -> dict[str, Any]:
    return {"name": name, "type": kind, "steps": [act(one) for one in inner]}


def _after() -> dict[str, Any]:
    return {**carried_out(CAME_TO, {}), "failed": {name: {} for name in ("trip", "stay", "visit", "refund")}}


def test_what_was_done_is_told_with_what_was_done_inside_of_what_failed() -> None:
    after = carried_out(CAME_TO, {"done_inside": ["old.thing"], "in_part": []})
    assert after["done"] == {"ready": 7, "trip.flight": 1, "trip.look": 1, "visit[0].book": 1, "refund.pay": 1}
    assert "old.thing" in after["done_inside"] and "ready.warm" in after["done_inside"]
    assert after["in_part"] == ["visit.book"]


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([act("ready")], "step 'ready' was carried out by the plan before this one: leave it out"),
        ([act("warm")], "step 'warm' was carried out by a plan before"),
        ([_inside("trip", "flight", "hotel")], "step 'flight' inside 'trip' was carried out by a plan before"),
        ([_inside("other", "flight")], "step 'flight' inside 'other' was carried out by a plan before"),
        ([_inside("trip", "look")], "step 'look' inside 'trip' was carried out by a plan before"),
        ([_inside("visit", "book")], "step 'book' inside 'visit' was carried out in part by a plan before"),
        (
            [{"name": "refund", "type": "workflow", "config": {"workflow": "refund"}}],
            "step 'refund' was carried out in part by the plan before this one (refund.pay)",
        ),
        ([_inside("trip", "hotel"), _inside("stay", "look")], None),
        ([_inside("visit_others", "book_it"), act("hotel")], None),
    ],
)
def test_what_would_be_done_again(steps: list[dict[str, Any]], problem: str | None) -> None:
    found = repeated(workflow("again", steps), _after())
    if problem is None:
        assert found == []
    else:
        [told] = found
        assert told.startswith(problem)


def test_without_a_plan_before_nothing_is_repeated() -> None:
    assert repeated(workflow("first", [act("ready")]), None) == []
