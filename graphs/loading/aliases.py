"""Other spellings that are understood, rewritten to the one the model knows.

retry: {max_retries: 3}        four attempts: retries count the tries after the first (X01)
version: 1.20                  a number where text is meant, as it was written
"""

from collections.abc import Iterator
from typing import Any

from graphs.loading.findings import Findings
from graphs.loading.places import Path, Positions, place_of, steps_of
from graphs.loading.words import shown

RETRIES, ATTEMPTS = "max_retries", "max_attempts"


def rewrite(document: dict[str, Any], positions: Positions, findings: Findings) -> None:
    """Rewrite a document in place."""
    for path, policy in _retry_policies(document):
        if RETRIES in policy:
            _attempts_for_retries(document, path, policy, findings)
    for path, holder, key in _texts(document):
        holder[key] = _as_text(holder[key], positions.raw((*path, key)))


def _retry_policies(document: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    default = ("spec", "config", "retry_policy")
    places: list[tuple[Path, Any]] = [(default, _at(document, *default))]
    for path, step in steps_of(document):
        places += [((*path, key), step.get(key)) for key in ("retry", "on_failure")]
    yield from ((path, value) for path, value in places if isinstance(value, dict))


def _attempts_for_retries(document: Any, path: Path, policy: dict[str, Any], findings: Findings) -> None:
    retries = policy.pop(RETRIES)
    place = place_of(document, path)
    if ATTEMPTS in policy:
        findings.add(
            "retries_and_attempts",
            place.at(RETRIES),
            f"'{RETRIES}' and '{ATTEMPTS}' are both given.",
            f"Keep one: attempts count the first try too, so {ATTEMPTS} is {RETRIES} + 1.",
            at_key=True,
        )
    elif isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        findings.add("wrong_type", place.at(RETRIES), f"{shown(retries)} is not a whole number from 0 on.", None)
    else:
        policy[ATTEMPTS] = retries + 1


def _texts(document: dict[str, Any]) -> Iterator[tuple[Path, Any, Any]]:
    """Places that hold text and often are written as numbers, each as a holder and the key in it."""
    metadata = _at(document, "metadata")
    if isinstance(metadata, dict):
        texts = [key for key in ("version", "description", "created_by") if key in metadata]
        yield from ((("metadata",), metadata, key) for key in texts)
        if isinstance(tags := metadata.get("tags"), list):
            yield from ((("metadata", "tags"), tags, index) for index in range(len(tags)))
        yield from _labels(("metadata",), metadata)
    for path, step in steps_of(document):
        if "description" in step:
            yield path, step, "description"
        yield from _labels(path, step)


def _labels(path: Path, holder: dict[str, Any]) -> Iterator[tuple[Path, Any, Any]]:
    labels = holder.get("labels")
    if isinstance(labels, dict):
        yield from (((*path, "labels"), labels, key) for key in labels)


def _as_text(value: Any, raw: str | None) -> Any:
    if isinstance(value, bool):
        return raw or str(value).lower()
    if isinstance(value, int | float):
        return raw or repr(value)
    return value


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
