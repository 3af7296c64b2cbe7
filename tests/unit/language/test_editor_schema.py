"""The JSON Schema for editors: right definitions fit it, typical mistakes do not, and it explains itself."""

import copy
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from graphs.loading.nodes import value_of
from graphs.loading.reading import read_tree
from graphs.schema import DIALECT, definition_schema
from graphs.spec import Step
from graphs.steps import Action, StepConfig, StepTypes
from tests.support.language import STEP_TYPES
from tests.unit.language.test_examples import ALL, REGISTRATION
from tests.unit.language.test_messages import FOLDER


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return definition_schema(STEP_TYPES)


@pytest.fixture(scope="module")
def fits(schema: dict[str, Any]) -> Callable[[Any], bool]:
    return Draft202012Validator(schema).is_valid


def parsed(text: str) -> Any:
    root = read_tree(text).root
    assert root is not None
    return value_of(root)


@pytest.mark.capability("C12")
def test_it_is_a_json_schema(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == DIALECT
    Draft202012Validator.check_schema(schema)


@pytest.mark.capability("C12")
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_definition_of_the_library_fits(path: Path, schema: dict[str, Any]) -> None:
    errors = Draft202012Validator(schema).iter_errors(parsed(path.read_text(encoding="utf-8")))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


SHORT = """
metadata: {name: w, version: 1.2}
spec:
  config: {timeout: 5, deadline: 24h, retry_policy: {max_retries: 2}}
  steps:
    - {name: a, config: {service: s, endpoint: /}, next: b}
    - {name: b, type: delay, depends_on: a, config: {seconds: "{{ input.n }}"}, retry: {max_attempts: 2}}
    - {name: c, type: conditional, depends_on: [a, {step: b, outcome: failed}], config: {if: "true"}, then: {name: d, type: approval}}
    - {name: e, type: parallel, branches: [[{name: f, type: approval}]], config: {minimum_success_count: 1}}
    - {name: g, type: map, config: {items: "{{ input.items }}", as: one}, steps: [{name: h, type: approval}]}
"""  # fmt: skip  # noqa: E501 - one step a line reads best


def test_short_forms_fit(fits: Callable[[Any], bool]) -> None:
    assert fits(parsed(SHORT))


MISTAKES = {
    "wrong version": ("metadata", "apiVersion: workflow/v2\nmetadata"),
    "wrong kind": ("metadata", "kind: Flow\nmetadata"),
    "unknown key at the top": ("metadata", "steps: []\nmetadata"),
    "bad name": ("name: w,", "name: 2 w,"),
    "unknown key in metadata": ("version: 1.2", "vesion: 1.2"),
    "unknown key of config": ("deadline", "deadlin"),
    "both retries and attempts": ("{max_retries: 2}", "{max_retries: 2, max_attempts: 3}"),
    "unknown type": ("type: delay", "type: dely"),
    "unknown key of a step": ("depends_on: a,", "dependson: a,"),
    "unknown key of a type's config": ("endpoint", "endpont"),
    "missing key of a type's config": ("{service: s, endpoint: /}", "{service: s}"),
    "missing config": ("config: {service: s, endpoint: /}, ", ""),
    "wrong value in config": ("endpoint: /}", "endpoint: /, method: FETCH}"),
    "unknown outcome": ("outcome: failed", "outcome: broken"),
    "missing list of steps": (", then: {name: d, type: approval}", ""),
    "a list of steps the type does not have": ("branches:", "cases: [], branches:"),
    "a key inside an inner step": ("{name: h, type: approval}", "{name: h, typ: approval}"),
    "no items": ('items: "{{ input.items }}"', "items: 3"),
    "a text that is no expression": ('items: "{{ input.items }}"', "items: text"),
    "no name": ("{name: f, type: approval}", "{type: approval}"),
}


@pytest.mark.capability("C12")
@pytest.mark.parametrize(("old", "new"), MISTAKES.values(), ids=MISTAKES.keys())
def test_typical_mistakes_do_not_fit(old: str, new: str, fits: Callable[[Any], bool]) -> None:
    assert old in SHORT
    assert not fits(parsed(SHORT.replace(old, new, 1)))


@pytest.mark.capability("C12")
def test_it_explains_itself(schema: dict[str, Any]) -> None:
    definitions = schema["$defs"]
    step = definitions["Step"]["properties"]
    assert step["type"]["enum"] == list(STEP_TYPES.offered)
    assert "- `delay`: " in step["type"]["description"]
    assert step["compensate"]["description"] == ("The step that undoes this one; it sees this step's input and output.")
    call = next(
        one["then"]
        for one in definitions["Step"]["allOf"]
        if one["if"]["properties"]["type"]["const"] == "service_call"
    )
    assert call["properties"]["config"]["properties"]["service"]["description"] == "A configured service's name."
    assert definitions["RetryPolicy"]["description"].startswith("How often and how long apart a step is tried")


def test_every_key_of_the_model_is_in_it(schema: dict[str, Any]) -> None:
    keys = {field.alias or name for name, field in Step.model_fields.items()}
    assert keys == set(schema["$defs"]["Step"]["properties"])


def test_types_with_configurations_that_no_schema_can_say() -> None:
    class Odd(StepConfig):
        """What it is told.

        Attributes:
            size: How large,
                in all.
            low, high: Its ends.
        """

        size: int
        low: float = 0
        high: float = 1
        call: Callable[[int], int] | None = None
        other: object = object()

    class OddType(Action):
        name = "odd"
        Config = Odd

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = definition_schema(StepTypes([*STEP_TYPES.values(), OddType()]))
    config = made["$defs"]["Step"]["allOf"][-1]["then"]["properties"]["config"]
    assert config["properties"]["size"]["description"] == "How large, in all."
    assert config["properties"]["low"]["description"] == config["properties"]["high"]["description"] == "Its ends."
    valid = Draft202012Validator(made).is_valid
    document = parsed("metadata: {name: w}\nspec: {steps: [{name: a, type: odd, config: {size: 1}}]}")
    assert valid(document)
    document["spec"]["steps"][0]["config"]["size"] = "x"
    assert not valid(document)


def mutated(document: Any) -> Iterator[Any]:
    """Each a copy with one key of a step misspelt."""
    for index, step in enumerate(document["spec"]["steps"]):
        for key in step:
            wrong = copy.deepcopy(document)
            wrong["spec"]["steps"][index] = {f"{one}x" if one == key else one: value for one, value in step.items()}
            yield wrong


def test_no_misspelt_key_of_a_step_fits(fits: Callable[[Any], bool]) -> None:
    document = parsed(REGISTRATION.read_text(encoding="utf-8"))
    assert not any(fits(wrong) for wrong in mutated(document))
    assert FOLDER.is_dir()
