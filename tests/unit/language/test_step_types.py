"""Step types that are a part of Baton itself are offered to nobody, and stand in no definition that is written."""

from pathlib import Path

import pytest
import yaml

import orchestrator.brain
from graphs.loader import examine_text
from graphs.schema import definition_schema
from graphs.steps import StepTypes
from orchestrator.plugins import installed_step_types

PARTS = {
    "survey",
    "check_plan",
    "check_given",
    "escalation",
    "error_handler",
    "tool_with_handler",
    "agent_with_handler",
}
ASSISTANT = Path(orchestrator.brain.__file__).with_name("baton.yaml")


@pytest.fixture(scope="module")
def step_types() -> StepTypes:
    return installed_step_types()


@pytest.mark.capability("I11", "I12", "C12")
def test_parts_of_baton_are_known_and_not_offered(step_types: StepTypes) -> None:
    assert step_types.keys() >= PARTS and not step_types.offered.keys() & PARTS
    assert not any(part in step_types.suggestion("chek_plan") for part in PARTS)
    assert not set(definition_schema(step_types)["$defs"]["Step"]["properties"]["type"]["enum"]) & PARTS


def test_what_the_assistant_takes_is_described_whole() -> None:
    """A comma in a text without quotes ends it, in YAML's braces, and begins a keyword that means nothing."""
    taken = yaml.safe_load(ASSISTANT.read_text())["spec"]["input"]["schema"]["properties"]
    known = {"type", "items", "enum", "default", "description", "minimum", "maximum"}
    assert {keyword for schema in taken.values() for keyword in schema} <= known


@pytest.mark.capability("C12")
@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_definition_may_not_be_written_with_them(part: str, step_types: StepTypes) -> None:
    text = f"metadata: {{name: w}}\nspec: {{steps: [{{name: a, type: {part}}}]}}"
    [problem] = [one for one in examine_text(text, step_types=step_types).errors if one.code.startswith("step_type")]
    assert (problem.code, problem.line, problem.column) == ("step_type_internal", 2, 32)
    assert problem.message == (
        f"step 'a', type: the step type '{part}' is a part of Baton, and not for use in definitions."
    )


@pytest.mark.capability("C12")
def test_who_replaces_the_assistant_may_use_what_it_is_made_of(step_types: StepTypes) -> None:
    text = ASSISTANT.read_text()
    assert examine_text(text, step_types=step_types).errors == ()
    renamed = examine_text(text.replace("name: baton", "name: mine", 1), step_types=step_types)
    assert {problem.code for problem in renamed.errors} == {"step_type_internal"}
