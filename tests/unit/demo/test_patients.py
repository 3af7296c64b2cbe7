"""patient-service: raw data for X-16 and X-20, and how complete they are."""

import httpx
import pytest

from tests.unit.demo.support import Control

PATIENTS = "/patient-service/api/patients"


@pytest.mark.parametrize(
    ("patient", "quality", "missing"),
    [
        ("PAT-001", "high", []),
        ("PAT-002", "low", ["labs", "medications", "vitals"]),
        ("PAT-003", "medium", ["notes"]),
    ],
)
async def test_each_quality_has_a_patient(
    client: httpx.AsyncClient, patient: str, quality: str, missing: list[str]
) -> None:
    told = (await client.get(f"{PATIENTS}/{patient}/data-quality")).json()
    assert (told["data_quality"], told["missing"]) == (quality, missing)
    assert (await client.get(f"{PATIENTS}/{patient}")).json()["data_quality"] == quality


@pytest.mark.parametrize("area", ["labs", "medications", "vitals", "history", "notes"])
async def test_every_area_is_served_raw(client: httpx.AsyncClient, area: str) -> None:
    told = (await client.get(f"{PATIENTS}/PAT-001/{area}")).json()
    assert told["recorded"] is True
    assert told["count"] == len(told[area]) > 0


async def test_none_known_differs_from_not_recorded(client: httpx.AsyncClient) -> None:
    none_known = (await client.get(f"{PATIENTS}/PAT-003/medications")).json()
    not_recorded = (await client.get(f"{PATIENTS}/PAT-002/medications")).json()
    assert (none_known["recorded"], none_known["medications"]) == (True, [])
    assert (not_recorded["recorded"], not_recorded["medications"]) == (False, [])


async def test_unknown_patients_and_areas_are_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{PATIENTS}/PAT-404/labs")).status_code == 404
    unknown = await client.get(f"{PATIENTS}/PAT-001/dreams")
    assert unknown.json()["error"]["code"] == "unknown_area"


async def test_more_data_are_requested_and_a_report_is_filed(client: httpx.AsyncClient, control: Control) -> None:
    asked = await client.post(f"{PATIENTS}/PAT-002/data-requests", json={"areas": ["vitals"], "reason": "Report"})
    assert (asked.status_code, asked.json()["status"]) == (201, "open")
    assert (await client.post(f"{PATIENTS}/PAT-002/data-requests", json={"areas": ["dreams"]})).status_code == 422
    report = {"title": "Quarterly", "summary": {"glucose": "falling"}, "approved_by": "Dr. Sol"}
    filed = (await client.post(f"{PATIENTS}/PAT-001/reports", json=report)).json()
    assert (await client.get(f"{PATIENTS}/PAT-001/reports")).json()["reports"] == [filed]
    assert [effect["action"] for effect in await control.effects()] == ["data.requested", "report.filed"]


async def test_a_patient_is_recorded_and_listed(client: httpx.AsyncClient) -> None:
    assert (await client.put(f"{PATIENTS}/PAT-009", json={"name": "Dana Fox", "labs": []})).status_code == 201
    assert (await client.put(f"{PATIENTS}/PAT-009", json={"name": "Dana Fox", "notes": []})).status_code == 200
    listed = (await client.get(PATIENTS)).json()["patients"]
    assert [patient["id"] for patient in listed] == ["PAT-001", "PAT-002", "PAT-003", "PAT-009"]
