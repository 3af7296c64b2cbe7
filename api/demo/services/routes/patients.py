"""patient-service: what is known of a patient, raw, as the systems behind it write it (X-16, X-20).

Units and names are left as they came: to normalise, categorise and summarise is the workflow's work. Only how complete
the data are is said here.
"""

from typing import Any

from pydantic import Field

from api.demo.services.calls import Answer, Body, CallDep, Refused, ServiceRouter, new_id
from api.demo.services.store import Json, utc_now

AREAS = ("labs", "medications", "vitals", "history", "notes")
# One value is no trend: fewer entries than this count as not recorded.
FEWEST = {"labs": 3, "vitals": 3}
HIGH_SHARE = 1.0
LOW_SHARE = 0.6

Entries = list[dict[str, Any]]


class Patient(Body):
    """`None`: nobody has recorded this area. An empty list: recorded, and there is nothing (no medication)."""

    name: str = Field(min_length=1)
    birth_date: str | None = None
    labs: Entries | None = None
    medications: Entries | None = None
    vitals: Entries | None = None
    history: Entries | None = None
    notes: Entries | None = None


class DataRequest(Body):
    areas: list[str] = Field(min_length=1)
    reason: str | None = None


class Report(Body):
    title: str = Field(min_length=1)
    summary: str | dict[str, Any]
    approved_by: str | None = None


def router() -> ServiceRouter:
    routes = ServiceRouter("patient-service")
    routes.serve("GET", "/api/patients", list_patients)
    routes.serve("GET", "/api/patients/{patient_id}", get_patient)
    routes.serve("PUT", "/api/patients/{patient_id}", put_patient)
    routes.serve("POST", "/api/patients/{patient_id}/data-requests", request_data)
    routes.serve("POST", "/api/patients/{patient_id}/reports", file_report)
    routes.serve("GET", "/api/patients/{patient_id}/reports", list_reports)
    routes.serve("GET", "/api/patients/{patient_id}/data-quality", get_quality)
    routes.serve("GET", "/api/patients/{patient_id}/{area}", get_area)
    return routes


def list_patients(call: CallDep) -> Answer:
    patients = [_summary(patient) for patient in call.find("patient")]
    return Answer(200, {"patients": patients, "count": len(patients)})


def get_patient(call: CallDep, patient_id: str) -> Answer:
    return Answer(200, _summary(call.need("patient", patient_id)))


def put_patient(call: CallDep, patient_id: str, body: Patient) -> Answer:
    before = call.get("patient", patient_id)
    patient = {"id": patient_id, **body.model_dump()}
    if patient != before:
        call.act("patient.recorded", "patient", patient_id, patient)
    return Answer(200 if before else 201, _summary(patient))


def get_area(call: CallDep, patient_id: str, area: str) -> Answer:
    patient = call.need("patient", patient_id)
    if area not in AREAS:
        raise Refused(404, "unknown_area", f"No area '{area}'. Known: {', '.join(AREAS)}.")
    entries = patient[area]
    recorded = entries is not None
    return Answer(
        200, {"patient_id": patient_id, "recorded": recorded, "count": len(entries or []), area: entries or []}
    )


def get_quality(call: CallDep, patient_id: str) -> Answer:
    return Answer(200, {"patient_id": patient_id, **_quality(call.need("patient", patient_id))})


def request_data(call: CallDep, patient_id: str, body: DataRequest) -> Answer:
    call.need("patient", patient_id)
    unknown = [area for area in body.areas if area not in AREAS]
    if unknown:
        raise Refused(422, "unknown_area", f"No area '{unknown[0]}'. Known: {', '.join(AREAS)}.")
    asked = {"id": new_id("req"), "patient_id": patient_id, **body.model_dump(), "status": "open", "at": utc_now()}
    call.act("data.requested", "data_request", asked["id"], asked)
    return Answer(201, asked)


def file_report(call: CallDep, patient_id: str, body: Report) -> Answer:
    call.need("patient", patient_id)
    report = {"id": new_id("rep"), "patient_id": patient_id, **body.model_dump(), "filed_at": utc_now()}
    call.act("report.filed", "report", report["id"], report)
    return Answer(201, report)


def list_reports(call: CallDep, patient_id: str) -> Answer:
    reports = call.find("report", "patient_id", patient_id)
    return Answer(200, {"patient_id": patient_id, "reports": reports, "count": len(reports)})


def _summary(patient: Json) -> Json:
    counts = {area: len(patient[area] or []) for area in AREAS}
    who = {field: patient[field] for field in ("id", "name", "birth_date")}
    return {**who, "entries": counts, **_quality(patient)}


def _quality(patient: Json) -> Json:
    missing = [area for area in AREAS if patient[area] is None or len(patient[area]) < FEWEST.get(area, 0)]
    completeness = round(1 - len(missing) / len(AREAS), 2)
    quality = "high" if completeness >= HIGH_SHARE else "low" if completeness < LOW_SHARE else "medium"
    return {"data_quality": quality, "completeness": completeness, "missing": missing}
