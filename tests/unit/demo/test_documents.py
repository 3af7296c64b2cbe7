"""document-service: the pipeline of X-15, and the ways back of X-21."""

import httpx
import pytest

from tests.unit.demo.support import Control

DOCUMENTS = "/document-service/api/documents"
INVOICE = {
    "document_id": "DOC-1",
    "title": "Invoice INV-2026-17",
    "content": "Bill to: Example Corp\n# Items\nSubtotal $100.00, tax $9.97\n# Payment\n"
    "Amount due: $109.97 by 2026-03-01. Reference INV-2026-17.",
}
PATH = f"{DOCUMENTS}/DOC-1"


@pytest.fixture
async def received(client: httpx.AsyncClient) -> httpx.AsyncClient:
    assert (await client.post(DOCUMENTS, json=INVOICE)).status_code == 201
    return client


async def test_a_document_goes_all_the_way(received: httpx.AsyncClient, control: Control) -> None:
    shown = (await received.get(PATH)).json()
    assert [section["heading"] for section in shown["sections"]] == ["", "Items", "Payment"]
    classified = (await received.post(f"{PATH}/classify")).json()
    assert (classified["type"], classified["confidence"]) == ("invoice", 1.0)
    extracted = (await received.post(f"{PATH}/extract")).json()
    findings = {"type": classified["type"], "entities": extracted["entities"]}
    assert (await received.post(f"{PATH}/validate", json=findings)).json()["valid"] is True
    stored = (await received.post(f"{PATH}/store", json=findings | {"confidence": 1.0})).json()
    assert (await received.get(f"/document-service/api/records/{stored['record_id']}")).json()["type"] == "invoice"
    assert (await received.get(PATH)).json()["status"] == "stored"
    assert (await received.post(f"{PATH}/index")).json()["indexed"] is True
    hits = (await received.get("/document-service/api/search", params={"q": "amount EXAMPLE"})).json()
    assert [hit["document_id"] for hit in hits["results"]] == ["DOC-1"]
    actions = [effect["action"] for effect in await control.effects()]
    assert actions == ["document.received", "document.stored", "document.indexed"]


async def test_sections_are_extracted_one_by_one(received: httpx.AsyncClient) -> None:
    items = (await received.post(f"{PATH}/extract", json={"section": 1})).json()
    assert {entity["section"] for entity in items["entities"]} == {1}
    assert [entity["value"] for entity in items["entities"]] == ["$100.00", "$9.97"]
    assert (await received.post(f"{PATH}/extract", json={"section": 3})).status_code == 404


async def test_an_incomplete_extraction_is_not_valid(received: httpx.AsyncClient) -> None:
    findings = {"type": "invoice", "entities": [{"kind": "date", "value": "2026-03-01"}]}
    verdict = (await received.post(f"{PATH}/validate", json=findings)).json()
    assert (verdict["valid"], verdict["missing"]) == (False, ["invoice_number", "amount"])
    unknown = (await received.post(f"{PATH}/validate", json={"type": "poem", "entities": []})).json()
    assert (unknown["valid"], unknown["problems"]) == (False, ["Nothing is known about documents of type poem."])


async def test_a_partial_extraction_is_taken_back_and_given_to_a_person(
    client: httpx.AsyncClient, control: Control
) -> None:
    damaged = INVOICE | {"content": "# Good\nDue 2026-03-01: $5.00\n# Bad\n" + "\ufffd" * 40}
    await client.post(DOCUMENTS, json=damaged)
    good = (await client.post(f"{PATH}/extract", json={"section": 0})).json()
    stored = (await client.post(f"{PATH}/entities", json={"section": 0, "entities": good["entities"]})).json()
    assert stored["stored"] == 2
    bad = await client.post(f"{PATH}/extract", json={"section": 1})
    assert (bad.status_code, bad.json()["error"]["code"]) == (422, "section_unreadable")

    assert [(await client.delete(f"{PATH}/entities")).status_code for _ in range(2)] == [204, 204]
    assert (await client.get(f"{PATH}/entities")).json()["entity_count"] == 0
    flagged = (await client.post(f"{PATH}/flag", json={"reason": "Section 1 is unreadable."})).json()
    assert flagged["status"] == "manual_processing"
    actions = [effect["action"] for effect in await control.effects()]
    assert actions == ["document.received", "entities.stored", "entities.deleted", "document.flagged"]


async def test_entities_of_one_section_can_be_taken_back(received: httpx.AsyncClient) -> None:
    for section in (1, 2):
        entities = (await received.post(f"{PATH}/extract", json={"section": section})).json()["entities"]
        await received.post(f"{PATH}/entities", json={"section": section, "entities": entities})
    await received.delete(f"{PATH}/entities", params={"section": 1})
    left = (await received.get(f"{PATH}/entities")).json()["entities"]
    assert {entity["section"] for entity in left} == {2}


async def test_what_was_stored_and_indexed_can_be_undone(received: httpx.AsyncClient) -> None:
    record = (await received.post(f"{PATH}/store", json={"type": "invoice", "entities": []})).json()["record_id"]
    await received.post(f"{PATH}/index")
    for path in (f"/document-service/api/records/{record}", f"{PATH}/index"):
        assert [(await received.delete(path)).status_code for _ in range(2)] == [204, 204]
    assert (await received.get(PATH)).json()["status"] == "received"
    assert (await received.get("/document-service/api/search", params={"q": "invoice"})).json()["count"] == 0
    assert (await received.delete(PATH)).status_code == 204
    assert (await received.get(PATH)).status_code == 404


async def test_a_text_is_classified_without_being_kept(client: httpx.AsyncClient, control: Control) -> None:
    verdict = (await client.post("/document-service/api/classify", json={"content": "Lorem ipsum."})).json()
    assert (verdict["type"], verdict["confidence"]) == ("unknown", 0.0)
    assert await control.effects() == []
