"""X-15, X-17, X-18, X-19 and X-21: documents, read well or badly, by machine and by people."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from graphs.clock import ManualClock
from graphs.errors import ConflictError, InputError
from graphs.spec import Workflow
from graphs.state import ExecutionStatus
from orchestrator.engine import Orchestrator
from tests.integration.examples.conftest import Engine
from tests.integration.examples.papers import CONTRACT, INVOICE, NOTHING, SCRATCHED, VAGUE
from tests.integration.examples.support import World, finished, hurried, rested, run, statuses
from tests.support.waiting import until

HOUR = 3600.0


async def paper(world: World, content: str) -> str:
    """A document that is already there."""
    document = await world.post("/document-service/api/documents", {"title": "Paper", "content": content})
    return str(document["id"])


async def status_of(world: World, document_id: str) -> str:
    return str((await world.get(f"/document-service/api/documents/{document_id}"))["status"])


@pytest.mark.capability("X-15", "F01", "F02", "A40")
async def test_a_document_is_ingested(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "document_ingestion", {"title": "Invoice INV-2041", "content": INVOICE})
    assert execution.status is ExecutionStatus.COMPLETED
    output = execution.output
    assert (output["type"], output["confidence"]) == ("invoice", 1.0)
    assert await world.actions(execution) == ["document.received", "document.stored", "document.indexed"]
    found = await world.get("/document-service/api/search", q="billing acme")
    assert [hit["document_id"] for hit in found["results"]] == [output["document_id"]]


@pytest.mark.capability("X-15", "E11", "E26", "E27", "Y13")
async def test_an_incomplete_extraction_leaves_nothing(baton: Orchestrator, world: World) -> None:
    given = {"title": "Invoice", "content": "Invoice without a number. Bill to ACME. Subtotal, tax, total."}
    execution = await run(baton, "document_ingestion", given)
    assert execution.status is ExecutionStatus.COMPENSATED
    assert execution.error is not None
    assert "needs a invoice_number" in execution.error["message"]
    assert await world.actions(execution) == ["document.received", "document.deleted"]


@pytest.mark.capability("X-15", "E11", "E01")
async def test_an_index_that_is_down_takes_the_whole_ingestion_back(
    baton: Orchestrator, world: World, examples: Mapping[str, Workflow]
) -> None:
    # Slow enough that the document's id, and with it the route to fail, is known in time.
    await world.fault("document-service", route="/api/documents/", latency_ms=100)
    given = {"title": "Invoice INV-2041", "content": INVOICE}
    execution = await baton.start(hurried(examples["document_ingestion"]), given)

    async def received() -> bool:
        return bool(await world.effects(action="document.received"))

    await until(received, "the document is received")
    (effect,) = await world.effects(action="document.received")
    await world.fault("document-service", route=f"/api/documents/{effect['subject']}/index", status=500)
    execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.COMPENSATED
    assert (await world.actions(execution))[-2:] == ["record.deleted", "document.deleted"]


@pytest.mark.capability("X-17", "F14", "F16", "I09", "P10", "A42")
@pytest.mark.parametrize(("content", "route"), [(INVOICE, "auto_approve"), (VAGUE, "default")])
async def test_confidence_decides_without_a_person(baton: Orchestrator, world: World, content: str, route: str) -> None:
    document_id = await paper(world, content)
    execution = await run(baton, "approval_routing", {"document_id": document_id})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["route"] == route
    if route == "default":
        assert execution.output["result"]["evidence"] == ["email", "phone"]
        assert execution.output["result"]["confidence"] > execution.output["confidence"]
        assert await status_of(world, document_id) == "manual_processing"
    else:
        assert await status_of(world, document_id) == "stored"


@pytest.mark.capability("X-17", "I08", "I09", "T14", "I24")
@pytest.mark.parametrize(
    ("decision", "status", "document"),
    [
        ("approve", ExecutionStatus.COMPLETED, "stored"),
        ("reject", ExecutionStatus.FAILED, "received"),
    ],
)
async def test_a_person_decides_in_between(
    baton: Orchestrator, world: World, decision: Any, status: ExecutionStatus, document: str
) -> None:
    document_id = await paper(world, CONTRACT)
    execution = await rested(baton, await baton.start("approval_routing", {"document_id": document_id}))
    (wait,) = await baton.waits(execution.id)
    assert wait.wait.question["message"] == f"Is document {document_id} of type contract?"
    (mail,) = (await world.get("/notification-service/api/outbox", to="reviewer@example.com"))["messages"]
    assert "0.75" in mail["text"]
    await baton.decide(execution.id, wait.path, decision, by="rita", reason="I have read it")
    execution = await finished(baton, execution)
    assert execution.status is status
    assert await status_of(world, document_id) == document
    assert (await baton.results(execution.id))[wait.path]["decided_by"] == "rita"


@pytest.mark.capability("X-17", "I08", "O08")
async def test_the_first_decision_counts_and_only_what_is_offered(baton: Orchestrator, world: World) -> None:
    document_id = await paper(world, CONTRACT)
    execution = await rested(baton, await baton.start("approval_routing", {"document_id": document_id}))
    (wait,) = await baton.waits(execution.id)
    with pytest.raises(InputError, match="Allowed: approve, reject"):
        await baton.decide(execution.id, wait.path, "edit", by="rita", data={})
    await baton.decide(execution.id, wait.path, "approve", by="rita")
    with pytest.raises(ConflictError, match="rita"):
        await baton.decide(execution.id, wait.path, "reject", by="otto")
    assert (await finished(baton, execution)).status is ExecutionStatus.COMPLETED
    decided = [record for record in await baton.records(execution.id) if record.kind == "approval.decided"]
    assert [record.data["by"] for record in decided] == ["rita"]


@pytest.mark.capability("X-17", "I08", "P09", "Q07")
async def test_nobody_decides_within_a_day(engine: Engine, world: World) -> None:
    document_id = await paper(world, CONTRACT)
    clock = ManualClock()
    async with engine(clock=clock) as baton:
        execution = await rested(baton, await baton.start("approval_routing", {"document_id": document_id}))
        clock.advance(25 * HOUR)
        execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.TIMED_OUT
    assert await status_of(world, document_id) == "received"


@pytest.mark.capability("X-18", "E01", "E02", "X01", "X22", "T15", "A44", "P03", "P04")
async def test_pauses_between_attempts_grow(engine: Engine, world: World) -> None:
    await world.fault("document-service", fail_next=3, status=503)
    clock = ManualClock()
    async with engine(clock=clock) as baton:
        execution = await baton.start("retryable_classification", {"content": INVOICE})
        for attempt in (1, 2, 3):
            await until(lambda n=attempt: _retried(baton, execution.id, n), f"attempt {attempt} has failed")
            await until(lambda n=2.0 ** (attempt - 1): _sleeps(clock, n), "it pauses")
            clock.advance(2.0**attempt)
        execution = await finished(baton, execution)
        pauses = [record.data["delay"] for record in await _retries(baton, execution.id)]
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["attempts"] == 4
    # One, two and four seconds, spread by a tenth.
    assert [round(pause / expected, 1) for pause, expected in zip(pauses, (1, 2, 4), strict=True)] == pytest.approx(
        [1, 1, 1], abs=0.11
    )


async def _retries(baton: Orchestrator, execution_id: str) -> list[Any]:
    return [record for record in await baton.records(execution_id) if record.kind == "step.retrying"]


async def _retried(baton: Orchestrator, execution_id: str, times: int) -> bool:
    return len(await _retries(baton, execution_id)) == times


async def _sleeps(clock: ManualClock, seconds: float) -> bool:
    return clock.next_alarm is not None and clock.next_alarm <= seconds * 1.2


@pytest.mark.capability("X-18", "E21", "X13", "X22", "E03")
async def test_what_cannot_get_better_is_not_tried_again(baton: Orchestrator, world: World) -> None:
    await world.fault("document-service", status=422)
    execution = await run(baton, "retryable_classification", {"content": INVOICE})
    assert execution.status is ExecutionStatus.FAILED
    assert len(await world.requests("document-service")) == 1


@pytest.mark.capability("X-18", "E01")
async def test_retries_end(baton: Orchestrator, world: World, examples: Mapping[str, Workflow]) -> None:
    await world.fault("document-service", malformed=True)
    execution = await run(baton, hurried(examples["retryable_classification"]), {"content": INVOICE})
    assert execution.status is ExecutionStatus.FAILED
    assert len(await world.requests("document-service")) == 4
    assert (await baton.results(execution.id))["classified_step"]["attempts"] == 4


@pytest.mark.capability("X-19", "F15")
async def test_a_sure_classification_waits_for_nobody(baton: Orchestrator) -> None:
    execution = await run(baton, "DocumentProcessingWorkflow", {"content": INVOICE})
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["decided_by"] == "classifier"
    assert (await baton.results(execution.id))["wait_for_human"]["status"] == "skipped"


@pytest.mark.capability("X-19", "I08", "D05", "R01")
async def test_a_person_tells_the_type_after_the_engine_was_away(engine: Engine, world: World) -> None:
    async with engine() as baton:
        execution = await rested(baton, await baton.start("DocumentProcessingWorkflow", {"content": VAGUE}))
        with pytest.raises(InputError, match="type"):
            await baton.decide(execution.id, "wait_for_human", "respond", by="ina", data={"kind": "letter"})
    async with engine() as baton:
        await baton.decide(execution.id, "wait_for_human", "respond", by="ina", data={"type": "letter"})
        execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.COMPLETED
    assert (execution.output["type"], execution.output["decided_by"]) == ("letter", "ina")
    assert len(await world.requests("document-service", "/api/documents", "POST")) == 1


@pytest.mark.capability("X-19", "T16", "D05", "X26", "P09")
async def test_a_wait_that_nobody_answers_goes_on_after_a_day(engine: Engine) -> None:
    clock = ManualClock()
    async with engine(clock=clock) as baton:
        execution = await rested(baton, await baton.start("DocumentProcessingWorkflow", {"content": VAGUE}))
        clock.advance(timedelta(hours=24, seconds=1).total_seconds())
        execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.COMPLETED
    assert (execution.output["type"], execution.output["decided_by"]) == ("resume", "classifier")


@pytest.mark.capability("X-21", "F08", "F09", "F14", "F24")
async def test_sections_are_extracted_and_the_document_stored(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "dataforge_document_processing", {"title": "Invoice", "content": INVOICE})
    assert execution.status is ExecutionStatus.COMPLETED
    output = execution.output
    assert (output["type"], output["sections"], output["route"]) == ("invoice", 2, "default")
    assert output["entities"] == 6
    actions = await world.actions(execution)
    assert actions[0] == "document.received"
    assert actions[1:3] == ["entities.stored", "entities.stored"]
    assert actions[3:] == ["document.stored", "document.indexed"]


@pytest.mark.capability("X-21", "E27", "E26")
async def test_a_document_of_no_known_type_leaves_no_trace(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "dataforge_document_processing", {"title": "?", "content": NOTHING})
    assert execution.error is not None
    assert "of no type that is known here" in execution.error["message"]
    assert await world.effects() == []


@pytest.mark.capability("X-21", "E27", "E10", "E19", "E20", "O25")
async def test_a_section_that_cannot_be_read_rolls_the_others_back(baton: Orchestrator, world: World) -> None:
    execution = await run(baton, "dataforge_document_processing", {"title": "Invoice", "content": SCRATCHED})
    assert execution.status is ExecutionStatus.COMPENSATED
    results = await baton.results(execution.id)
    document_id = results["receive_document"]["output"]["id"]
    assert statuses(results)["extract_sections[2].extract"] == "failed"
    assert statuses(results)["extract_sections[0].store_entities"] == "completed"
    left = await world.get(f"/document-service/api/documents/{document_id}/entities")
    assert left["entities"] == []
    assert await status_of(world, document_id) == "manual_processing"


@pytest.mark.capability("X-21", "F14", "I08", "I09")
async def test_a_contract_that_is_not_sure_is_looked_at(baton: Orchestrator, world: World) -> None:
    execution = await rested(
        baton, await baton.start("dataforge_document_processing", {"title": "Paper", "content": CONTRACT})
    )
    (wait,) = await baton.waits(execution.id)
    assert {entity["kind"] for entity in wait.wait.question["payload"]} == {"party", "date"}
    await baton.decide(execution.id, wait.path, "approve", by="lea")
    execution = await finished(baton, execution)
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.output["route"] == "review"
