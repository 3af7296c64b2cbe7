"""Every sentence that is said about a definition, pinned: `messages/*.txt` hold definitions and what is said."""

from pathlib import Path
from typing import get_args

import pytest

from graphs.expressions.faults import Code
from graphs.loading.codes import CODES
from graphs.validation import Known
from tests.support.language import Case, cases, examine, told, workflow

FOLDER = Path(__file__).parent / "messages"
FILES = sorted(FOLDER.glob("*.txt"))


def all_cases() -> list[object]:
    return [
        pytest.param(file.stem, case, id=f"{file.stem}: {case.name}", marks=pytest.mark.capability(*case.capabilities))
        for file in FILES
        for case in cases(file)
    ]


OTHERS = {
    "clean-up": workflow("metadata: {name: clean-up}\nspec: {steps: []}"),
    "billing": workflow(
        """
metadata: {name: billing}
spec:
  input: {schema: {type: object, properties: {order: {type: string}}, required: [order]}}
  steps:
    - {name: charge, config: {service: pay, endpoint: /charge}}
  output: {values: {receipt: "{{ steps.charge.output.id }}"}}
"""
    ),
    "b": workflow("metadata: {name: b}\nspec: {steps: [{name: s, type: workflow, config: {workflow: c}}]}"),
    "w@0.9": workflow("metadata: {name: w, version: 0.9}\nspec: {steps: []}"),
    "c": workflow("metadata: {name: c}\nspec: {steps: [{name: s, type: workflow, config: {workflow: w}}]}"),
}
KNOWN = Known(
    workflow=lambda name, version: OTHERS.get(f"{name}@{version}" if version not in (None, "1.0") else name),
    workflows=tuple(OTHERS),
    services=("user-service", "profile-service"),
    functions=("add",),
    tools=("send_email", "look_up"),
    agents=("helper",),
    limits=("gpu", "user-service"),
    secrets=("CRM_TOKEN",),
)


@pytest.mark.parametrize(("file", "case"), all_cases())
def test_this_is_said(file: str, case: Case) -> None:
    report = examine(case.text, KNOWN if file == "links" else None, "w.json" if file == "json" else None)
    assert [told(problem) for problem in report.problems] == case.expected


SAID = {line.split()[2].rstrip(":") for file in FILES for case in cases(file) for line in case.expected}

PINNED_IN_PYTHON = {
    # test_limits.py
    *("bad_character", "definition_too_large", "definition_too_deep", "too_many_problems"),
    *("too_many_steps", "nested_too_deep"),
    # test_loader.py
    *("not_utf8", "not_yaml"),
    # test_templates.py
    *("placeholder_invalid", "placeholder_in_expression", "parameter_unknown", "parameter_unused"),
}


def test_every_code_is_pinned_by_a_case() -> None:
    assert CODES.keys() - SAID == PINNED_IN_PYTHON


def test_every_code_that_is_said_is_listed() -> None:
    assert SAID - CODES.keys() - set(get_args(Code)) == set()
