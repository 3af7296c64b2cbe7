"""All that people may ask of one execution comes at one moment: exactly one is told "yes" of what only one can have,
and the others who it was (R9). Two thousand of them: `make chaos`."""

from pathlib import Path

import pytest

from tests.reliability.race_judge import CONTINUES, DISCARDS, FORKS, PAUSES, REDRIVES, RETRIES, TERMINATES
from tests.reliability.races import races
from tests.reliability.stores import Store

RACES = 120


@pytest.mark.capability("I08", "O23", "E22", "R9")
async def test_everybody_hears_what_came_of_his_asking(store: Store, tmp_path: Path) -> None:
    findings = await races(store, tmp_path, range(RACES))
    assert findings.races == RACES
    # Otherwise they have not raced.
    for who in (RETRIES, REDRIVES, DISCARDS, TERMINATES, PAUSES, CONTINUES, FORKS):
        assert any(findings.kept[name] for name in who), f"none of {who} was ever heard"
    assert {"moved_on", "dead_letter_closed", "ending_already", "execution_ending"} <= findings.refused.keys()
