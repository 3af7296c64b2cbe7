"""All that people may ask of one execution comes at one moment: exactly one is told "yes" of what only one can have,
and the others who it was (R9). Two thousand of them: `make chaos`."""

from collections import Counter
from pathlib import Path

import pytest

from graphs.errors import ConflictError
from orchestrator.store.port import Record
from tests.reliability.race_judge import (
    CONTINUES,
    DISCARDS,
    FORKS,
    PAUSES,
    REDRIVES,
    RETRIES,
    TERMINATES,
    Judge,
    Raced,
    Told,
)
from tests.reliability.races import races
from tests.reliability.stores import Store
from tests.unit.store.support import START, execution

RACES = 120


@pytest.mark.capability("I08", "O23", "E22", "R9")
async def test_everybody_hears_what_came_of_his_asking(store: Store, tmp_path: Path) -> None:
    findings = await races(store, tmp_path, range(RACES))
    assert findings.races == RACES
    # Otherwise they have not raced.
    for who in (RETRIES, REDRIVES, DISCARDS, TERMINATES, PAUSES, CONTINUES, FORKS):
        assert any(findings.kept[name] for name in who), f"none of {who} was ever heard"
    assert {"moved_on", "dead_letter_closed", "ending_already", "execution_ending"} <= findings.refused.keys()


@pytest.mark.capability("R9")
@pytest.mark.parametrize(
    ("limit", "passed", "fault"),
    [("execution", True, None), ("execution", False, "none has passed"), ("wait", True, "there is none")],
)
def test_nobody_may_be_told_of_a_deadline_that_is_not_over(limit: str, passed: bool, fault: str | None) -> None:
    late = ConflictError("The deadline was over.", code="execution_time_over")
    told = Told({"ann": late, **({"time": None} if passed else {})})
    race = Raced("asked", undoes=False, limit=limit, told=told, ran=Counter(a=1))
    end = Record("e1", "execution.timed_out", START)
    judge = Judge(race, execution("e1", status="timed_out"), [end], [])
    if fault is None:
        judge.judge()
        return
    with pytest.raises(AssertionError, match=fault):
        judge.judge()
