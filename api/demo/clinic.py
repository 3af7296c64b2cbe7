"""What the patient examples do with raw data: one unit per analyte, classes of medicines, averages, a finding in words.

Pure functions of their arguments, for the examples only: the tables are short and nobody should be treated by them.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

Json = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Analyte:
    """What is measured: its unit here, factors from other units to it, and the range that is nothing to speak of."""

    unit: str
    factors: Mapping[str, float]
    low: float
    high: float


ANALYTES: Final[Mapping[str, Analyte]] = {
    "glucose": Analyte("mmol/L", {"mg/dL": 0.0555}, 3.9, 6.9),
    "hba1c": Analyte("%", {}, 4.0, 6.4),
    "total cholesterol": Analyte("mmol/L", {"mg/dL": 0.02586}, 0.0, 5.2),
    "creatinine": Analyte("µmol/L", {"mg/dL": 88.42}, 45.0, 110.0),
}

# Names of medicines end in what they are: how INN stems work.
STEMS: Final[Mapping[str, str]] = {
    "formin": "antidiabetic",
    "gliptin": "antidiabetic",
    "pril": "antihypertensive",
    "sartan": "antihypertensive",
    "olol": "antihypertensive",
    "statin": "lipid-lowering",
    "cillin": "antibiotic",
}
TIMES_A_DAY: Final[Mapping[str, int]] = {"once": 1, "twice": 2, "three times": 3}
KG_PER_POUND: Final = 0.45359237


def normalize_lab_data(labs: list[Json]) -> Json:
    """Laboratory values in one unit each, flagged, with the newest of every analyte."""
    results, unknown = [], []
    for row in labs:
        reading = _reading(row)
        if reading is None:
            unknown.append(row.get("name"))
        else:
            results.append(reading)
    results.sort(key=lambda reading: (reading["analyte"], reading["taken_at"]))
    newest = {reading["analyte"]: reading for reading in results}
    abnormal = [name for name, reading in newest.items() if reading["flag"] != "normal"]
    return {"results": results, "newest": newest, "abnormal": abnormal, "unknown": unknown}


def _reading(row: Mapping[str, Any]) -> Json | None:
    name = _analyte_name(str(row.get("name", "")))
    analyte = ANALYTES.get(name)
    if analyte is None:
        return None
    factor = 1.0 if row["unit"] == analyte.unit else analyte.factors.get(row["unit"])
    if factor is None:
        return None  # a unit we cannot convert is a value we do not know
    value = round(row["value"] * factor, 2)
    flag = "low" if value < analyte.low else "high" if value > analyte.high else "normal"
    return {"analyte": name, "value": value, "unit": analyte.unit, "taken_at": row["taken_at"], "flag": flag}


def _analyte_name(name: str) -> str:
    """`Cholesterol, total` and `total cholesterol` are the same."""
    head, comma, tail = name.casefold().partition(",")
    return f"{tail.strip()} {head.strip()}" if comma else head.strip()


def categorize_medications(medications: list[Json]) -> Json:
    """Medicines by class, each with what is taken of it in a day."""
    by_class: dict[str, list[Json]] = defaultdict(list)
    for row in medications:
        name = str(row["name"])
        kind = next((kind for stem, kind in STEMS.items() if name.casefold().endswith(stem)), "other")
        by_class[kind].append({"name": name, "daily_dose_mg": _daily_dose(row), "since": row.get("since")})
    return {"count": len(medications), "by_class": dict(sorted(by_class.items()))}


def _daily_dose(row: Mapping[str, Any]) -> float | None:
    dose = re.fullmatch(r"([\d.]+) ?(mg|g)", str(row.get("dose", "")))
    times = next((n for words, n in TIMES_A_DAY.items() if str(row.get("frequency", "")).startswith(words)), None)
    if dose is None or times is None:
        return None
    return float(dose[1]) * (1000 if dose[2] == "g" else 1) * times


def calculate_vitals_summary(vitals: list[Json]) -> Json:
    """Averages and trends of blood pressure, pulse and weight."""
    rows = sorted(vitals, key=lambda row: row["taken_at"])
    weights = [weight for row in rows if (weight := _kilograms(row)) is not None]
    systolic, diastolic = _series(rows, "systolic"), _series(rows, "diastolic")
    return {
        "measurements": len(rows),
        "blood_pressure": {
            "systolic": _mean(systolic),
            "diastolic": _mean(diastolic),
            "stage": _stage(_mean(systolic), _mean(diastolic)),
            "trend": _trend(systolic),
        },
        "pulse": _mean(_series(rows, "pulse")),
        "weight_kg": _mean(weights),
        "weight_trend": _trend(weights),
    }


def _series(rows: Rows, key: str) -> list[float]:
    return [float(row[key]) for row in rows if row.get(key) is not None]


def _kilograms(row: Mapping[str, Any]) -> float | None:
    if row.get("weight_kg") is not None:
        return float(row["weight_kg"])
    return round(row["weight_lb"] * KG_PER_POUND, 2) if row.get("weight_lb") is not None else None


def _mean(values: Sequence[float]) -> float | None:
    return round(fmean(values), 1) if values else None


def _trend(values: Sequence[float]) -> str:
    """Up or down by more than two in a hundred between the first and the last."""
    if len(values) < 2 or not values[0]:
        return "unknown"
    change = (values[-1] - values[0]) / values[0]
    return "falling" if change < -0.02 else "rising" if change > 0.02 else "steady"


def _stage(systolic: float | None, diastolic: float | None) -> str:
    if systolic is None or diastolic is None:
        return "unknown"
    if systolic >= 140 or diastolic >= 90:
        return "stage 2"
    return "stage 1" if systolic >= 130 or diastolic >= 80 else "normal"


def summarize_history(history: list[Json]) -> Json:
    """What goes on and what is over, oldest first, and the whole in a sentence."""
    rows = sorted(history, key=lambda row: row["year"])
    active = [f"{row['condition']} (since {row['year']})" for row in rows if row["status"] == "active"]
    past = [f"{row['condition']} ({row['year']})" for row in rows if row["status"] != "active"]
    text = f"Active: {', '.join(active) or 'nothing'}. Past: {', '.join(past) or 'nothing'}."
    return {"active": active, "past": past, "text": text}


def analyse_patient(
    labs: list[Json],
    vitals: list[Json],
    medications: list[Json],
    history: list[Json],
    notes: list[Json],
    limited: bool = False,
) -> Json:
    """Findings over everything that was gathered; `limited` says so where the data allow no more."""
    laboratory, pressure = normalize_lab_data(labs), calculate_vitals_summary(vitals)["blood_pressure"]
    findings = [_lab_finding(reading) for reading in laboratory["newest"].values() if reading["flag"] != "normal"]
    if pressure["stage"] not in ("normal", "unknown"):
        mean = f"{pressure['systolic']}/{pressure['diastolic']}"
        findings.append(f"Blood pressure {mean} on average ({pressure['stage']}, {pressure['trend']})")
    classes = categorize_medications(medications)["by_class"]
    if laboratory["newest"].get("total cholesterol", {}).get("flag") == "high" and "lipid-lowering" not in classes:
        findings.append("High cholesterol and no lipid-lowering medicine")
    return {
        "headline": f"{len(findings)} findings" if findings else "Nothing to speak of",
        "findings": findings,
        "history": summarize_history(history)["text"],
        "medication_classes": sorted(classes),
        "last_note": notes[-1]["text"] if notes else None,
        "limited": limited,
    }


def _lab_finding(reading: Mapping[str, Any]) -> str:
    return f"{reading['analyte'].capitalize()} {reading['flag']}: {reading['value']} {reading['unit']}"
