"""X-15, X-17 to X-19, X-21: the workflows about documents of the patterns document, as printed, on the real engine."""

# ruff: noqa: A002 - `input` is the document's word

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import Orchestrator
from orchestrator.faces.patterns import (
    CompensableWorkflow,
    ConditionalWorkflow,
    ParallelExecutionFailed,
    ParallelWorkflow,
    RetryableError,
    RetryableStep,
    SequentialWorkflow,
    WaitForApproval,
    WorkflowStepFailed,
)
from orchestrator.faces.running import Means, using
from orchestrator.settings import Settings
from tests.unit.faces.conftest import Equip, PromptClock
from tests.unit.faces.noted import CALLS, Noted, adds, baton, nothing_noted
from tests.unit.faces.test_patterns import opened_wait

__all__ = ["baton", "nothing_noted"]

DATABASE: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _nothing_stored() -> None:
    DATABASE.clear()


# -- X-15 DataForge: document ingestion ------------------------------------------------------------------------------

ReceiveDocument = adds("ReceiveDocument", document_id="doc_1")
IndexForSearch = adds("IndexForSearch", indexed=True)
ExtractEntities = adds("ExtractEntities", entities=["INV-2041", "12.50"])


class ClassifyDocument(Noted):
    def work(self, input: dict[str, Any]) -> dict[str, Any]:
        return {**input, "type": "invoice" if "INV" in input["content"] else "letter"}


class ValidateExtraction(Noted):
    def work(self, input: dict[str, Any]) -> dict[str, Any]:
        if not input["entities"]:
            raise ValueError("nothing was extracted")
        return {**input, "valid": True}


class StoreInDatabase(Noted):
    def work(self, input: dict[str, Any]) -> dict[str, Any]:
        DATABASE[input["document_id"]] = input["entities"]
        return {**input, "stored": True}


def create_document_ingestion_workflow() -> SequentialWorkflow:
    return (
        SequentialWorkflow("DocumentIngestion")
        .add_step(ReceiveDocument())
        .add_step(ClassifyDocument())
        .add_step(ExtractEntities())
        .add_step(ValidateExtraction())
        .add_step(StoreInDatabase())
        .add_step(IndexForSearch())
    )


INGESTION = [
    "ReceiveDocument",
    "ClassifyDocument",
    "ExtractEntities",
    "ValidateExtraction",
    "StoreInDatabase",
    "IndexForSearch",
]


@pytest.mark.capability("A40", "F01")
async def test_document_ingestion() -> None:
    result = await create_document_ingestion_workflow().execute({"content": "INV-2041"})
    assert CALLS == INGESTION
    assert DATABASE == {"doc_1": ["INV-2041", "12.50"]}
    assert result["type"] == "invoice" and result["valid"] and result["indexed"]


@pytest.mark.capability("C07", "C15")
def test_document_ingestion_is_a_definition() -> None:
    definition = create_document_ingestion_workflow().to_workflow()
    assert [step.name for step in definition.spec.steps] == INGESTION
    assert [step.type for step in definition.spec.steps] == ["function"] * 6
    assert definition.digest == create_document_ingestion_workflow().to_workflow().digest


@pytest.mark.capability("D01", "C15")
async def test_an_ingestion_that_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    settings = Settings(database=tmp_path / "baton.db", synchronous="off", grace=0.0, log_level="error")
    reached, power = asyncio.Event(), asyncio.Event()

    class SlowIndex(Noted):
        async def execute(self, input: dict[str, Any]) -> dict[str, Any]:
            reached.set()
            await power.wait()
            return {**input, "indexed": True}

    def ingestion() -> SequentialWorkflow:
        return (
            SequentialWorkflow("Ingestion")
            .add_step(ReceiveDocument())
            .add_step(ClassifyDocument())
            .add_step(SlowIndex())
        )

    with using(settings=settings):
        first = asyncio.ensure_future(ingestion().execute({"content": "INV"}, idempotency_key="doc 1"))
        await reached.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        power.set()
        result = await ingestion().execute({"content": "INV"}, idempotency_key="doc 1")
    assert result == {"content": "INV", "document_id": "doc_1", "type": "invoice", "indexed": True}
    assert CALLS == ["ReceiveDocument", "ClassifyDocument"], "what was committed is not done again"


# -- X-17 approval routing -------------------------------------------------------------------------------------------

AutoApprove = adds("AutoApprove", approved_by="machine")
SendForReview = adds("SendForReview", sent=True)
ProcessApproval = adds("ProcessApproval", processed=True)
FlagForManualReview = adds("FlagForManualReview", flagged=True)
GatherMoreInfo = adds("GatherMoreInfo", more="a second reading")
ReassessConfidence = adds("ReassessConfidence", confidence=0.8)


def create_approval_workflow() -> ConditionalWorkflow:
    wf = ConditionalWorkflow("ApprovalRouting")
    wf.add_case(lambda state: state.get("confidence", 0) >= 0.9, [AutoApprove(), ProcessApproval()])
    wf.add_case(
        lambda state: state.get("confidence", 0) >= 0.7, [SendForReview(), WaitForApproval(), ProcessApproval()]
    )
    wf.add_default([FlagForManualReview(), GatherMoreInfo(), ReassessConfidence()])
    return wf


@pytest.mark.capability("A42", "F14", "I09", "P10")
@pytest.mark.parametrize(
    ("given", "calls"),
    [
        ({"confidence": 0.95}, ["AutoApprove", "ProcessApproval"]),
        ({"confidence": 0.9}, ["AutoApprove", "ProcessApproval"]),
        ({"confidence": 0.3}, ["FlagForManualReview", "GatherMoreInfo", "ReassessConfidence"]),
        ({}, ["FlagForManualReview", "GatherMoreInfo", "ReassessConfidence"]),
    ],
)
async def test_approval_routing(given: dict[str, Any], calls: list[str]) -> None:
    await create_approval_workflow().execute(given)
    assert calls == CALLS


@pytest.mark.capability("I08", "I09", "T14", "P09")
async def test_approval_routing_to_a_person(baton: Orchestrator) -> None:
    carried = asyncio.ensure_future(create_approval_workflow().execute({"confidence": 0.8}, means=Means(baton=baton)))
    waiting = await opened_wait(baton)
    assert CALLS == ["SendForReview"]
    assert waiting.wait.question["payload"] == {"confidence": 0.8, "sent": True}
    assert (waiting.wait.due - waiting.opened_at).total_seconds() == pytest.approx(24 * 3600, abs=60)
    await baton.decide(waiting.execution_id, waiting.path, "approve", by="reviewer@example.com")
    result = await carried
    assert CALLS == ["SendForReview", "ProcessApproval"]
    assert result["processed"] and result["approval"]["by"] == "reviewer@example.com"


# -- X-18 a step that may need retries -------------------------------------------------------------------------------


@pytest.mark.capability("A44", "M19", "P03", "E01")
async def test_retryable_classification(equip: Equip, clock: PromptClock) -> None:
    busy = [RetryableError("the model is busy")] * 2

    class BusyClassifyDocument(ClassifyDocument):
        name = "ClassifyDocument"

        def work(self, input: dict[str, Any]) -> dict[str, Any]:
            if busy:
                raise busy.pop()
            return super().work(input)

    classified_step = RetryableStep(BusyClassifyDocument(), max_retries=3)
    with equip():
        result = await SequentialWorkflow("w").add_step(classified_step).execute({"content": "INV"})
    assert result["type"] == "invoice"
    assert CALLS == ["ClassifyDocument"] * 3 and len(clock.slept) == 2


# -- X-19 DocumentProcessingWorkflow, which the document prints for Temporal -----------------------------------------


def create_document_processing_workflow(confidence: float) -> SequentialWorkflow:
    class Classify(Noted):
        timeout = 60

        def work(self, input: dict[str, Any]) -> dict[str, Any]:
            return {**input, "confidence": confidence}

    class Extract(Noted):
        timeout = 120

        def work(self, input: dict[str, Any]) -> dict[str, Any]:
            return {**input, "entities": ["INV-2041"]}

    doubtful = ConditionalWorkflow("doubtful").add_default([])
    doubtful.add_case(lambda state: state["confidence"] < 0.7, [WaitForApproval(timeout_hours=24)])
    return (
        SequentialWorkflow("DocumentProcessingWorkflow")
        .add_step(RetryableStep(Classify(), max_retries=2))
        .add_step(doubtful)
        .add_step(Extract())
    )


@pytest.mark.capability("X26", "T16", "D05", "P02")
async def test_a_doubtful_document_waits_for_a_person(baton: Orchestrator) -> None:
    workflow = create_document_processing_workflow(0.5)
    carried = asyncio.ensure_future(workflow.execute({"id": 1}, means=Means(baton=baton)))
    waiting = await opened_wait(baton)
    assert CALLS == ["Classify"]
    await baton.decide(waiting.execution_id, waiting.path, "approve", by="sol")
    assert (await carried)["entities"] == ["INV-2041"]
    first = workflow.to_workflow().spec.steps[0]
    assert first.timeout == 60 and first.retry is not None and first.retry.max_attempts == 3


async def test_a_clear_document_does_not_wait() -> None:
    assert (await create_document_processing_workflow(0.9).execute({"id": 1}))["entities"] == ["INV-2041"]
    assert CALLS == ["Classify", "Extract"]


# -- X-21 DataForge: compensation for partial failures ---------------------------------------------------------------


class RemoveEntities(Noted):
    def work(self, input: dict[str, Any]) -> dict[str, Any]:
        DATABASE.pop(input["document_id"], None)
        return {}


class MarkForManual(Noted):
    def work(self, input: dict[str, Any]) -> dict[str, Any]:
        DATABASE["manual"] = input["document_id"]
        return {}


class Section(Noted):
    def __init__(self, name: str, *, readable: bool = True) -> None:
        super().__init__(name)
        self._readable = readable

    def work(self, input: dict[str, Any]) -> dict[str, Any]:
        if not self._readable:
            raise ValueError("unreadable")
        return {"section": self.name}


@pytest.mark.capability("A45", "E11", "E27")
async def test_what_was_stored_is_removed_when_a_section_cannot_be_read() -> None:
    sections = ParallelWorkflow("Sections").add_branch([Section("head")]).add_branch([Section("tail", readable=False)])
    workflow = (
        CompensableWorkflow("DataForge")
        .add_step(ReceiveDocument(), MarkForManual())
        .add_step(ExtractEntities())
        .add_step(StoreInDatabase(), RemoveEntities())
        .add_step(sections)
    )
    with pytest.raises(ParallelExecutionFailed) as caught:
        await workflow.execute({"content": "INV"})
    assert isinstance(caught.value.errors[0], WorkflowStepFailed)
    assert DATABASE == {"manual": "doc_1"}
    assert CALLS[-2:] == ["RemoveEntities", "MarkForManual"]
