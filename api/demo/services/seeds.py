"""What the services know from the beginning: what the examples of the requirement documents speak of.

Planting is no effect: nobody asked for it, so the ledger does not tell of it.
"""

from api.demo.services.store import Json, Store

PLANTED_AT = "2026-01-01T00:00:00.000Z"


def plant(store: Store) -> None:
    """Write the beginnings. Call it within a transaction."""
    for sku, quantity in _stock().items():
        store.put("inventory-service", "stock", sku, {"sku": sku, "quantity": quantity, "reserved": 0})
    order = _order()
    store.put("order-service", "order", order["id"], order)
    customer = _customer()
    store.put("crm-service", "customer", customer["id"], customer)
    for patient in (_complete_patient(), _sparse_patient(), _patient_without_notes()):
        store.put("patient-service", "patient", patient["id"], patient)


def _stock() -> dict[str, int]:
    """Plenty of the first two, which long test runs order again and again; one scarce article, one sold out."""
    return {"ITEM-001": 100_000, "ITEM-002": 100_000, "ITEM-003": 3, "ITEM-004": 0}


def _order() -> Json:
    """The order of example X-14, word for word."""
    return {
        "id": "ORD-12345",
        "customer_id": "CUST-67890",
        "customer_email": "customer@example.com",
        "customer_tier": "premium",
        "items": [
            {"sku": "ITEM-001", "quantity": 2, "price": 29.99},
            {"sku": "ITEM-002", "quantity": 1, "price": 49.99},
        ],
        "total": 109.97,
        "payment_method": "credit_card",
        "shipping_address": {"street": "123 Main St", "city": "Anytown", "state": "CA", "zip": "12345"},
        "status": "created",
        "created_at": PLANTED_AT,
    }


def _customer() -> Json:
    return {
        "id": "CUST-67890",
        "name": "Casey Example",
        "email": "customer@example.com",
        "type": "standard",
        "tier": "premium",
        "lifetime_value": 0.0,
        "orders": [],
        "notes": [],
        "created_at": PLANTED_AT,
    }


def _complete_patient() -> Json:
    """High data quality; laboratories and scales that use different units, as they do."""
    return {
        "id": "PAT-001",
        "name": "Alma Reyes",
        "birth_date": "1961-04-09",
        "labs": [
            {"name": "Glucose", "value": 126, "unit": "mg/dL", "taken_at": "2026-01-05T08:10:00Z"},
            {"name": "glucose", "value": 7.4, "unit": "mmol/L", "taken_at": "2026-02-02T08:00:00Z"},
            {"name": "HbA1c", "value": 7.1, "unit": "%", "taken_at": "2026-02-02T08:00:00Z"},
            {"name": "Cholesterol, total", "value": 5.9, "unit": "mmol/L", "taken_at": "2026-02-02T08:00:00Z"},
            {"name": "Creatinine", "value": 0.9, "unit": "mg/dL", "taken_at": "2026-02-02T08:00:00Z"},
        ],
        "medications": [
            {"name": "Metformin", "dose": "500 mg", "frequency": "twice daily", "since": "2019-06-01"},
            {"name": "Lisinopril", "dose": "10 mg", "frequency": "once daily", "since": "2021-03-15"},
            {"name": "Atorvastatin", "dose": "20 mg", "frequency": "once daily", "since": "2022-11-20"},
        ],
        "vitals": [
            {"taken_at": "2026-02-02T08:05:00Z", "systolic": 142, "diastolic": 88, "pulse": 76, "weight_kg": 81.4},
            {"taken_at": "2026-02-09T08:02:00Z", "systolic": 138, "diastolic": 86, "pulse": 72, "weight_kg": 81.0},
            {"taken_at": "2026-02-16T08:04:00Z", "systolic": 134, "diastolic": 84, "pulse": 74, "weight_lb": 177.5},
        ],
        "history": [
            {"year": 2019, "condition": "Type 2 diabetes mellitus", "status": "active"},
            {"year": 2021, "condition": "Hypertension", "status": "active"},
            {"year": 1998, "condition": "Appendectomy", "status": "resolved"},
        ],
        "notes": [
            {"at": "2026-02-02", "author": "Dr. Imani Sol", "text": "Reports more walking. No hypoglycaemia."},
            {"at": "2026-02-16", "author": "Dr. Imani Sol", "text": "Blood pressure improving. Continue."},
        ],
    }


def _sparse_patient() -> Json:
    """Low data quality: one laboratory value, and most of the rest never recorded."""
    return {
        "id": "PAT-002",
        "name": "Bo Larsen",
        "birth_date": "1988-11-30",
        "labs": [{"name": "Glucose", "value": 92, "unit": "mg/dL", "taken_at": "2025-03-01T09:00:00Z"}],
        "medications": None,
        "vitals": None,
        "history": [{"year": 2015, "condition": "Asthma", "status": "active"}],
        "notes": [{"at": "2025-03-01", "author": "Dr. Uma Hale", "text": "Transferred; records requested."}],
    }


def _patient_without_notes() -> Json:
    """Medium data quality: everything measured, nothing written. Takes no medicine, which is known."""
    return _complete_patient() | {
        "id": "PAT-003",
        "name": "Cleo Marsh",
        "birth_date": "1975-07-21",
        "medications": [],
        "notes": None,
    }
