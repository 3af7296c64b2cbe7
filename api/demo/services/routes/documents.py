"""document-service: receive, classify, extract, validate, store, index (X-15), and the ways back (X-21).

Classifying, extracting and validating only compute. Storing entities, the finished record, the index and the flag for
a person are effects; each has its way back, so that a workflow can compensate a partial failure.
"""

from typing import Any

from pydantic import AliasChoices, Field

from api.demo.services import reading
from api.demo.services.calls import Answer, Body, Call, CallDep, Refused, ServiceRouter, new_id
from api.demo.services.store import Json, utc_now


class NewDocument(Body):
    id: str | None = Field(None, validation_alias=AliasChoices("id", "document_id"), min_length=1, max_length=100)
    title: str = Field(min_length=1)
    content: str = Field(min_length=1, max_length=1_000_000)
    source: str | None = None


class Text(Body):
    content: str = Field(min_length=1, max_length=1_000_000)


class Extraction(Body):
    section: int | None = Field(None, ge=0, description="One section; all of them when it is not said")


class Findings(Body):
    entities: list[dict[str, Any]]
    type: str | None = None
    section: int | None = None
    confidence: float | None = Field(None, ge=0, le=1)


class Flag(Body):
    reason: str = Field(min_length=1)


def router() -> ServiceRouter:
    routes = ServiceRouter("document-service")
    routes.serve("POST", "/api/classify", classify_text)
    routes.serve("POST", "/api/documents", receive)
    routes.serve("GET", "/api/documents/{document_id}", get_document)
    routes.serve("DELETE", "/api/documents/{document_id}", delete_document)
    routes.serve("POST", "/api/documents/{document_id}/classify", classify)
    routes.serve("POST", "/api/documents/{document_id}/extract", extract)
    routes.serve("POST", "/api/documents/{document_id}/validate", validate)
    routes.serve("POST", "/api/documents/{document_id}/entities", store_entities)
    routes.serve("GET", "/api/documents/{document_id}/entities", list_entities)
    routes.serve("DELETE", "/api/documents/{document_id}/entities", delete_entities)
    routes.serve("POST", "/api/documents/{document_id}/store", store_record)
    routes.serve("GET", "/api/records/{record_id}", get_record)
    routes.serve("DELETE", "/api/records/{record_id}", delete_record)
    routes.serve("POST", "/api/documents/{document_id}/index", index)
    routes.serve("DELETE", "/api/documents/{document_id}/index", remove_from_index)
    routes.serve("POST", "/api/documents/{document_id}/flag", flag)
    routes.serve("GET", "/api/search", search)
    return routes


def classify_text(call: CallDep, body: Text) -> Answer:
    return Answer(200, reading.classify(body.content))


def receive(call: CallDep, body: NewDocument) -> Answer:
    document_id = body.id or new_id("doc")
    if call.get("document", document_id) is not None:
        raise Refused(409, "document_exists", f"There is a document '{document_id}' already.")
    document = body.model_dump() | {"id": document_id, "status": "received", "received_at": utc_now()}
    call.act("document.received", "document", document_id, document)
    return Answer(201, _view(document))


def get_document(call: CallDep, document_id: str) -> Answer:
    document = call.need("document", document_id)
    return Answer(200, _view(document) | {"content": document["content"]})


def delete_document(call: CallDep, document_id: str) -> Answer:
    if call.get("document", document_id) is not None:
        _drop_entities(call, document_id, None)
        call.store.index_terms(document_id, {})
    call.erase("document.deleted", "document", document_id)
    return Answer(204)


def classify(call: CallDep, document_id: str) -> Answer:
    document = call.need("document", document_id)
    return Answer(200, {"document_id": document_id, **reading.classify(f"{document['title']}\n{document['content']}")})


def extract(call: CallDep, document_id: str, body: Extraction | None = None) -> Answer:
    found = reading.sections(call.need("document", document_id)["content"])
    wanted = body.section if body is not None else None
    if wanted is not None and wanted >= len(found):
        raise Refused(404, "section_not_found", f"Document '{document_id}' has {len(found)} sections, from 0.")
    chosen = found if wanted is None else [found[wanted]]
    unreadable = [section.index for section in chosen if not section.readable]
    if unreadable:
        message = f"Sections {unreadable} of document '{document_id}' cannot be read."
        raise Refused(422, "section_unreadable", message, sections=unreadable)
    entities = [entity for section in chosen for entity in reading.entities(section)]
    return Answer(
        200, {"document_id": document_id, "section": wanted, "entities": entities, "entity_count": len(entities)}
    )


def validate(call: CallDep, document_id: str, body: Findings) -> Answer:
    document = call.need("document", document_id)
    kind = body.type or reading.classify(f"{document['title']}\n{document['content']}")["type"]
    missing = reading.missing_kinds(kind, {str(entity.get("kind")) for entity in body.entities})
    known = kind in reading.REQUIRED
    problems = [f"A document of type {kind} needs a {name}." for name in missing]
    if not known:
        problems.append(f"Nothing is known about documents of type {kind}.")
    return Answer(
        200,
        {
            "document_id": document_id,
            "type": kind,
            "valid": known and not missing,
            "missing": missing,
            "problems": problems,
        },
    )


def store_entities(call: CallDep, document_id: str, body: Findings) -> Answer:
    call.need("document", document_id)
    kept = [{**entity, "id": new_id("ent"), "document_id": document_id} for entity in body.entities]
    for entity in kept:
        call.put("entity", entity["id"], entity)
    if kept:
        call.note("entities.stored", document_id)
    return Answer(201, {"document_id": document_id, "stored": len(kept), "ids": [entity["id"] for entity in kept]})


def list_entities(call: CallDep, document_id: str) -> Answer:
    entities = call.find("entity", "document_id", document_id)
    return Answer(200, {"document_id": document_id, "entities": entities, "entity_count": len(entities)})


def delete_entities(call: CallDep, document_id: str, section: int | None = None) -> Answer:
    _drop_entities(call, document_id, section)
    return Answer(204)


def store_record(call: CallDep, document_id: str, body: Findings) -> Answer:
    document = call.need("document", document_id)
    record_id = new_id("rec")
    record = {"id": record_id, "document_id": document_id, **body.model_dump(), "stored_at": utc_now()}
    call.put("record", record_id, record)
    call.put("document", document_id, document | {"status": "stored", "type": body.type, "record_id": record_id})
    call.note("document.stored", document_id)
    return Answer(201, {"record_id": record_id, "document_id": document_id, "status": "stored"})


def get_record(call: CallDep, record_id: str) -> Answer:
    return Answer(200, call.need("record", record_id))


def delete_record(call: CallDep, record_id: str) -> Answer:
    record = call.get("record", record_id)
    document = call.get("document", record["document_id"]) if record is not None else None
    if document is not None and document.get("record_id") == record_id:
        call.put("document", document["id"], document | {"status": "received", "record_id": None})
    call.erase("record.deleted", "record", record_id)
    return Answer(204)


def index(call: CallDep, document_id: str) -> Answer:
    document = call.need("document", document_id)
    terms = reading.term_counts(f"{document['title']} {document['content']}")
    call.store.index_terms(document_id, terms)
    call.act("document.indexed", "document", document_id, document | {"indexed": True})
    return Answer(200, {"document_id": document_id, "indexed": True, "terms": len(terms)})


def remove_from_index(call: CallDep, document_id: str) -> Answer:
    document = call.get("document", document_id)
    if document is not None and document.get("indexed"):
        call.store.index_terms(document_id, {})
        call.act("document.unindexed", "document", document_id, document | {"indexed": False})
    return Answer(204)


def flag(call: CallDep, document_id: str, body: Flag) -> Answer:
    """Give the document to a person."""
    document = call.need("document", document_id)
    flagged = document | {"status": "manual_processing", "flag_reason": body.reason}
    if flagged != document:
        call.act("document.flagged", "document", document_id, flagged)
    return Answer(200, _view(flagged))


def search(call: CallDep, q: str) -> Answer:
    terms = list(reading.term_counts(q))
    hits = call.store.search_terms(terms) if terms else []
    found = [{"document_id": document_id, "occurrences": count} for document_id, count in hits]
    return Answer(200, {"query": q, "results": found, "count": len(found)})


def _drop_entities(call: Call, document_id: str, section: int | None) -> None:
    gone = [
        call.store.delete(call.arrival.service, "entity", entity["id"])
        for entity in call.find("entity", "document_id", document_id)
        if section is None or entity.get("section") == section
    ]
    if gone:
        call.note("entities.deleted", document_id)


def _view(document: Json) -> Json:
    """A document without its content, which may be long, and with its sections instead."""
    shown = {field: value for field, value in document.items() if field != "content"}
    return shown | {"sections": [section.as_dict() for section in reading.sections(document["content"])]}
