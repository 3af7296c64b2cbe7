"""A value of the wrong shape hides nothing of what is wrong elsewhere, and makes up nothing that is not."""

import copy
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from pydantic import ValidationError

from graphs.errors import Problem
from graphs.loader import examine_document
from graphs.loading.aliases import rewrite
from graphs.loading.findings import Findings
from graphs.loading.places import Positions
from graphs.spec import Workflow
from tests.support.language import STEP_TYPES
from tests.unit.language.test_mutations import DOCUMENTS

EVERY = 5
"""Of so many values one is broken; 1 takes half a minute."""

SHAPE = {"wrong_type", "wrong_value", "wrong_name", "unknown_key", "missing_key", "case_without_test"}
"""What is said of the value itself."""

PLANTED: list[dict[str, Any]] = [
    {"name": "planted_1", "type": "dely", "config": {"seconds": 1}},
    {"name": "planted_2", "type": "delay", "config": {"secnds": 1}, "depends_on": ["planted_7"]},
    {"name": "planted_3", "type": "delay", "config": {"seconds": "{{ steps.planted_8.output.x }}"}},
    {"name": "planted_4", "type": "delay", "config": {"seconds": 1}, "condition": "inptu.x > 1"},
    {"name": "planted_5", "type": "delay", "config": {"seconds": 1}, "depends_on": ["planted_6"]},
    {"name": "planted_6", "type": "delay", "config": {"seconds": 1}, "depends_on": ["planted_5"]},
]
FOUND = {
    ("step_type_unknown", "steps.planted_1.type"),
    ("unknown_key", "steps.planted_2.config.secnds"),
    ("unknown_dependency", "steps.planted_2.depends_on[0]"),
    ("unknown_step", "steps.planted_3.config.seconds"),
    ("unknown_name", "steps.planted_4.condition"),
    ("circular_dependency", "steps.planted_5.depends_on[0]"),
}


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*above, key)
        yield from paths(inner, (*above, key))


def broken(document: Any, path: tuple[Any, ...], nested: bool) -> Any:
    """The document with one value too deep: in a list, or in a mapping."""
    document = copy.deepcopy(document)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    value = holder[path[-1]]
    holder[path[-1]] = {"oops": value} if nested else [[value]]
    return document


def breakages(document: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Each with the path of the value that no longer fits the model."""
    for path in islice(paths(document), 0, None, EVERY):
        for nested in (True, False):
            one = broken(document, path, nested)
            if path[0] not in ("apiVersion", "kind") and not fits(one):
                yield path, one


def fits(document: dict[str, Any]) -> bool:
    """Whether the model takes it all the same: where values are free, as in `config`."""
    copied = copy.deepcopy(document)
    rewrite(copied, Positions(), Findings())
    try:
        Workflow.model_validate(copied)
    except ValidationError:
        return False
    return True


def errors(document: Any) -> tuple[Problem, ...]:
    return examine_document(document, step_types=STEP_TYPES).errors


@pytest.mark.capability("C12", "C02")
@pytest.mark.parametrize("document", DOCUMENTS, ids=[one["metadata"]["name"] for one in DOCUMENTS])
def test_what_may_only_follow_from_it_is_not_said(document: dict[str, Any]) -> None:
    for path, one in breakages(document):
        found = errors(one)
        assert found, path
        assert [problem for problem in found if problem.code not in SHAPE] == [], path


@pytest.mark.capability("C12", "C02")
@pytest.mark.parametrize("document", DOCUMENTS, ids=[one["metadata"]["name"] for one in DOCUMENTS])
def test_what_is_wrong_elsewhere_is_said(document: dict[str, Any]) -> None:
    whole = copy.deepcopy(document)
    whole["spec"]["steps"] += copy.deepcopy(PLANTED)
    assert {(problem.code, str(problem.where)) for problem in errors(whole)} == FOUND
    for path, one in breakages(document):
        if path in (("spec",), ("spec", "steps")):
            continue
        one["spec"]["steps"] += copy.deepcopy(PLANTED)
        missing = FOUND - {(problem.code, str(problem.where)) for problem in errors(one)}
        assert not missing, path
