"""X-16 and X-20: patient data gathered side by side, analysed by their quality, let through by a physician."""

import pytest

from graphs.clock import ManualClock
from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from tests.integration.examples.conftest import Engine
from tests.integration.examples.support import World, finished, rested, run, statuses
from tests.support.waiting import until

PHYSICIAN = "review.wait_for_physician_approval"
HOUR = 3600.0


@pytest.mark.capability("X-16", "F05", "F06", "F07", "F11", "T10", "A41", "M17")
async def test_four_branches_gather_and_make_sense(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "patient_data_gathering", {"patient_id": "PAT-001"})
    assert execution.status is ExecutionStatus.COMPLETED
    output = execution.output
    # Two laboratories, two units, one scale.
    glucose = [row["value"] for row in output["labs"]["results"] if row["analyte"] == "glucose"]
    assert glucose == [6.99, 7.4]
    assert output["labs"]["abnormal"] == ["glucose", "hba1c", "total cholesterol"]
    assert set(output["medications"]["by_class"]) == {"antidiabetic", "antihypertensive", "lipid-lowering"}
    assert output["medications"]["by_class"]["antidiabetic"][0]["daily_dose_mg"] == 1000
    assert output["vitals"]["blood_pressure"]["systolic"] == 138.0
    assert output["vitals"]["blood_pressure"]["trend"] == "falling"
    assert output["vitals"]["weight_kg"] == 81.0
    assert output["history"]["past"] == ["Appendectomy (1998)"]
    assert await world.effects() == []


@pytest.mark.capability("X-16", "F06", "F11", "F10")
async def test_branches_overlap(baton: Orchestrator, world: World) -> None:
    """All four fetches have been asked before any of them is answered."""
    await world.fault("patient-service", latency_ms=600_000)
    execution = await baton.start("patient_data_gathering", {"patient_id": "PAT-001"})

    async def all_asked() -> bool:
        [fault] = (await world.get("/_control/faults"))["faults"]
        return bool(fault["delayed"] == 4)

    await until(all_asked, "four requests at the same time")
    assert {record.kind for record in await baton.records(execution.id)}.isdisjoint({"step.retrying", "step.completed"})
    await baton.cancel(execution.id)
    assert (await finished(baton, execution)).status == "cancelled"


@pytest.mark.capability("X-16", "E20", "A47")
async def test_an_unknown_patient_fails_the_gathering(baton: Orchestrator) -> None:
    execution = await run(baton, "patient_data_gathering", {"patient_id": "PAT-999"})
    assert execution.status is ExecutionStatus.FAILED
    failures = (await baton.results(execution.id))["patient_data_gathering"]["output"]["failures"]
    assert {failure["step_id"] for failure in failures} == {
        "labs.fetch_lab_results",
        "medications.fetch_medications",
        "vitals.fetch_vitals",
        "history.fetch_history",
    }


@pytest.mark.capability("X-20", "F24", "F25", "D06", "D07", "I08", "T14", "T17", "A46", "X23")
async def test_a_report_waits_for_a_physician(baton: Orchestrator, world: World) -> None:
    execution = await rested(baton, await baton.start("report_generation", {"patient_id": "PAT-001"}))
    (wait,) = await baton.waits(execution.id)
    assert wait.path == PHYSICIAN
    assert wait.wait.question["payload"]["headline"] == "4 findings"
    assert await world.effects(action="report.filed") == []
    await baton.decide(execution.id, PHYSICIAN, "approve", by="dr.sol")
    execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.COMPLETED
    (report,) = (await world.get("/patient-service/api/patients/PAT-001/reports"))["reports"]
    assert report["id"] == execution.output["report_id"]
    assert report["approved_by"] == execution.output["approved_by"] == "dr.sol"
    assert await world.actions(execution) == ["report.filed", "email.sent"]


@pytest.mark.capability("X-20", "I08")
async def test_what_the_physician_changed_goes_into_the_report(baton: Orchestrator, world: World) -> None:
    execution = await rested(baton, await baton.start("report_generation", {"patient_id": "PAT-001"}))
    (wait,) = await baton.waits(execution.id)
    changed = dict(wait.wait.question["payload"]) | {"headline": "Diabetes well controlled"}
    await baton.decide(execution.id, PHYSICIAN, "edit", by="dr.sol", data=changed)
    execution = await finished(baton, execution)
    assert execution.output["headline"] == "Diabetes well controlled"
    (report,) = (await world.get("/patient-service/api/patients/PAT-001/reports"))["reports"]
    assert report["summary"]["headline"] == "Diabetes well controlled"


@pytest.mark.capability("X-20", "F14", "F16")
@pytest.mark.parametrize(
    ("patient", "quality", "route", "actions"),
    [
        ("PAT-001", "high", "standard", []),
        ("PAT-002", "low", "limited", ["data.requested"]),
        ("PAT-003", "medium", "default", ["notification.sent"]),
    ],
)
async def test_the_quality_of_the_data_decides_about_the_analysis(
    baton: Orchestrator, world: World, patient: str, quality: str, route: str, actions: list[str]
) -> None:
    execution = await rested(baton, await baton.start("report_generation", {"patient_id": patient}))
    assert await world.actions(execution) == actions
    await baton.decide(execution.id, PHYSICIAN, "approve", by="dr.hale")
    execution = await finished(baton, execution)
    assert (execution.output["quality"], execution.output["route"]) == (quality, route)


@pytest.mark.capability("X-20", "I08", "E26")
async def test_a_report_that_is_rejected_is_not_filed(baton: Orchestrator, world: World) -> None:
    execution = await rested(baton, await baton.start("report_generation", {"patient_id": "PAT-001"}))
    await baton.decide(execution.id, PHYSICIAN, "reject", by="dr.sol", reason="the laboratory is wrong")
    execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error is not None
    assert "the laboratory is wrong" in execution.error["message"]
    assert await world.effects() == []


@pytest.mark.capability("X-20", "D05", "P09", "X33", "X19")
async def test_a_physician_has_two_days(engine: Engine, world: World) -> None:
    clock = ManualClock()
    async with engine(clock=clock) as baton:
        execution = await rested(baton, await baton.start("report_generation", {"patient_id": "PAT-001"}))
        clock.advance(47 * HOUR)
        assert (await rested(baton, execution)).status is ExecutionStatus.WAITING
        clock.advance(2 * HOUR)
        execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.TIMED_OUT
    assert await world.effects() == []


@pytest.mark.capability("X-20", "D01", "D02", "D05")
async def test_the_report_is_finished_by_another_engine(engine: Engine, world: World) -> None:
    async with engine() as baton:
        execution = await rested(baton, await baton.start("report_generation", {"patient_id": "PAT-001"}))
    asked = len(await world.requests("patient-service"))
    async with engine() as baton:
        await baton.decide(execution.id, PHYSICIAN, "approve", by="dr.sol")
        execution = await finished(baton, execution)
        results = statuses(await baton.results(execution.id))
    assert execution.status is ExecutionStatus.COMPLETED
    assert set(results.values()) == {"completed"}
    # Only the report is new: nothing of the gathering was asked for again.
    assert len(await world.requests("patient-service")) == asked + 1
