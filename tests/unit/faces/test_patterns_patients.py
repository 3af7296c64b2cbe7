"""X-16 and X-20: the workflows about patients of the patterns document, as printed, on the real engine."""

import asyncio
from typing import Any

import pytest

from orchestrator.engine import Orchestrator
from orchestrator.faces.patterns import (
    ComplexWorkflow,
    ConditionalWorkflow,
    ParallelWorkflow,
    SequentialWorkflow,
    WaitForPhysicianApproval,
    WorkflowStep,
)
from orchestrator.faces.running import Means
from tests.unit.faces.noted import CALLS, adds, baton, nothing_noted
from tests.unit.faces.test_patterns import opened_wait

__all__ = ["baton", "nothing_noted"]

# -- X-16 HealthMetrics: patient data gathering ----------------------------------------------------------------------

FetchLabResults = adds("FetchLabResults", labs=[5.1])
NormalizeLabData = adds("NormalizeLabData", normalized=True)
FetchMedications = adds("FetchMedications", medications=["aspirin"])
CategorizeMedications = adds("CategorizeMedications", categories=["analgesic"])
FetchVitals = adds("FetchVitals", vitals={"pulse": 62})
CalculateVitalsSummary = adds("CalculateVitalsSummary", summary="calm")
FetchHistory = adds("FetchHistory", history=["appendix"])
SummarizeHistory = adds("SummarizeHistory", summary="one operation")


def create_patient_data_gathering_workflow() -> ParallelWorkflow:
    return (
        ParallelWorkflow("PatientDataGathering", max_concurrency=5)
        .add_branch([FetchLabResults(), NormalizeLabData()])
        .add_branch([FetchMedications(), CategorizeMedications()])
        .add_branch([FetchVitals(), CalculateVitalsSummary()])
        .add_branch([FetchHistory(), SummarizeHistory()])
    )


@pytest.mark.capability("A41", "F06", "F07", "F11", "P06")
async def test_patient_data_gathering() -> None:
    result = await create_patient_data_gathering_workflow().execute({"patient": "PAT-001"})
    given = {"patient": "PAT-001"}
    assert result == {
        "branch_results": {
            "branch_0": {**given, "labs": [5.1], "normalized": True},
            "branch_1": {**given, "medications": ["aspirin"], "categories": ["analgesic"]},
            "branch_2": {**given, "vitals": {"pulse": 62}, "summary": "calm"},
            "branch_3": {**given, "history": ["appendix"], "summary": "one operation"},
        }
    }
    (group, *_) = create_patient_data_gathering_workflow().to_workflow().spec.steps
    assert group.config == {"max_concurrency": 5}


# -- X-20 HealthMetrics: report generation ---------------------------------------------------------------------------

FetchLabs = adds("FetchLabs", labs=[5.1])
FetchNotes = adds("FetchNotes", notes=["slept well"])
RunStandardAnalysis = adds("RunStandardAnalysis", analysis="standard")
RequestMoreData = adds("RequestMoreData", requested=True)
RunLimitedAnalysis = adds("RunLimitedAnalysis", analysis="limited")
FlagForManualReview = adds("FlagForManualReview", flagged=True)
GenerateFinalReport = adds("GenerateFinalReport", report_id="rep_1")


class ParallelDataFetch(ParallelWorkflow):
    """The document's next phase reads `data_quality` of what the branches give together, so they are combined so."""

    def _combine_results(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        together: dict[str, Any] = {}
        for result in results:
            together |= result
        areas = sum(area in together for area in ("labs", "vitals", "medications", "history", "notes"))
        return {**together, "data_quality": {5: "high", 4: "low"}.get(areas, "unknown")}


def create_report_generation_workflow(*more: WorkflowStep) -> ComplexWorkflow:
    return (
        ComplexWorkflow()
        .add_phase(
            SequentialWorkflow("Gathering").add_phase(
                ParallelDataFetch("ParallelDataFetch", max_concurrency=10)
                .add_branch([FetchLabs(), FetchVitals(), FetchMedications()])
                .add_branch([FetchHistory(), *more])
            )
        )
        .add_phase(
            ConditionalWorkflow("Analysis")
            .add_case(lambda s: s["data_quality"] == "high", [RunStandardAnalysis()])
            .add_case(lambda s: s["data_quality"] == "low", [RequestMoreData(), RunLimitedAnalysis()])
            .add_default([FlagForManualReview()])
        )
        .add_phase(
            SequentialWorkflow("Review")
            .add_phase(WaitForPhysicianApproval(timeout_hours=48))
            .add_phase(GenerateFinalReport())
        )
    )


@pytest.mark.capability("A46", "X23", "F24", "F25", "T14", "P09", "D05")
@pytest.mark.parametrize(("more", "analysis"), [([FetchNotes()], "standard"), ([], "limited")])
async def test_report_generation(more: list[WorkflowStep], analysis: str, baton: Orchestrator) -> None:
    workflow = create_report_generation_workflow(*more)
    carried = asyncio.ensure_future(workflow.execute({"patient": "PAT-001"}, means=Means(baton=baton)))
    waiting = await opened_wait(baton)
    assert waiting.path == "Review.WaitForPhysicianApproval"
    assert (waiting.wait.due - waiting.opened_at).total_seconds() == pytest.approx(48 * 3600, abs=60)
    assert "GenerateFinalReport" not in CALLS
    edited = {**waiting.wait.question["payload"], "remark": "rest"}
    await baton.decide(waiting.execution_id, waiting.path, "edit", by="dr.sol", data=edited)
    report = await carried
    assert report["analysis"] == analysis and report["report_id"] == "rep_1"
    assert report["remark"] == "rest" and report["approval"]["by"] == "dr.sol"
