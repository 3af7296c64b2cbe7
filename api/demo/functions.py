"""The small functions of the other examples: statistics of a series, a second thought, a state entered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from statistics import fmean, median, quantiles, stdev
from typing import Any

Json = dict[str, Any]

# How much an entity that such a document usually has adds to the confidence that it is one.
WORTH_OF_EVIDENCE = 0.15
EVIDENCE: Mapping[str, frozenset[str]] = {
    "invoice": frozenset({"invoice_number", "amount", "date"}),
    "contract": frozenset({"party", "date"}),
    "medical_report": frozenset({"patient_id", "date"}),
    "resume": frozenset({"email", "phone"}),
    "complaint": frozenset({"email", "amount"}),
}


def summarise_series(values: list[float]) -> Json:
    """Mean, spread and quartiles of a series, and the values that lie far outside."""
    lower, middle, upper = quantiles(values, n=4)
    reach = 1.5 * (upper - lower)
    outliers = [value for value in values if not lower - reach <= value <= upper + reach]
    kept = [value for value in values if value not in outliers]
    return {
        "count": len(values),
        "mean": round(fmean(values), 4),
        "median": round(median(values), 4),
        "deviation": round(stdev(values), 4),
        "quartiles": [lower, middle, upper],
        "outliers": outliers,
        "mean_without_outliers": round(fmean(kept), 4),
    }


def reassess_confidence(classification: Json, entities: list[Json]) -> Json:
    """Think again about a classification, now that the entities of the document are known."""
    kind = classification["type"]
    expected = EVIDENCE.get(kind, frozenset())
    found = sorted(expected & {str(entity["kind"]) for entity in entities})
    confidence = min(0.99, classification["confidence"] + WORTH_OF_EVIDENCE * len(found))
    return {
        "type": kind,
        "before": classification["confidence"],
        "confidence": round(confidence, 2),
        "evidence": found,
        "missing": sorted(expected - set(found)),
    }


def standard_customer(customer_id: str) -> Json:
    """What is taken for granted of a customer whom the CRM cannot tell us about."""
    return {"id": customer_id, "tier": "standard", "assumed": True}


def enter_state(state: str, entered_from: str | None = None) -> Json:
    """Enter a state of a state machine."""
    return {"state": state, "entered_from": entered_from, "entered_at": datetime.now(UTC).isoformat()}
