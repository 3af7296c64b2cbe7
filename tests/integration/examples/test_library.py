"""The example files themselves: every one can be read, is named after what it holds, and says how to run it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from api.demo.catalogue import example, scripts
from api.demo.voice import Voice
from graphs.errors import NotFoundError
from graphs.library import agent_example_names, example_names, example_path
from graphs.loader import dump_yaml, load_file, load_workflow
from graphs.spec import Workflow
from orchestrator.plugins import installed_step_types

STEP_TYPES = installed_step_types()


# As the requirement document has it: X-1 waits for a click even when the e-mail was never sent, and is warned of it.
DOUBTFUL = {"user-registration-workflow": ["wait_for_verification"]}


@pytest.mark.parametrize("name", example_names())
@pytest.mark.capability("C01", "C12", "C14", "X06", "Y01", "Y02")
def test_an_example_is_read_without_a_complaint(name: str) -> None:
    loaded = load_file(example_path(name), step_types=STEP_TYPES)
    doubts = DOUBTFUL.get(name, [])
    assert len(loaded.warnings) == len(doubts)
    assert all(step in warning.message for step, warning in zip(doubts, loaded.warnings, strict=True))
    assert loaded.workflow.name == name
    assert loaded.workflow.metadata.description


@pytest.mark.parametrize("name", example_names())
def test_an_example_says_what_it_shows_and_how_to_run_it(name: str) -> None:
    header = example_path(name).read_text(encoding="utf-8").partition("apiVersion:")[0]
    assert header.startswith("# X-")
    assert "# Shows:" in header
    assert f"baton run {name}" in header


@pytest.mark.parametrize("name", example_names())
@pytest.mark.capability("C15")
def test_an_example_written_out_again_is_the_same_workflow(name: str, examples: Mapping[str, Workflow]) -> None:
    again = load_workflow(dump_yaml(examples[name]), step_types=STEP_TYPES).workflow
    assert again.digest == examples[name].digest


@pytest.mark.parametrize("name", agent_example_names())
@pytest.mark.capability("I05", "C15")
def test_a_small_example_of_an_agent_is_read_and_says_what_it_shows(name: str) -> None:
    loaded = load_file(example_path(name), step_types=STEP_TYPES)
    assert (loaded.warnings, loaded.workflow.name) == ((), name)
    assert loaded.workflow.metadata.description
    header = example_path(name).read_text(encoding="utf-8").partition("apiVersion:")[0]
    assert header.startswith("# A-") and f" {name}" in header
    again = load_workflow(dump_yaml(loaded.workflow), step_types=STEP_TYPES).workflow
    assert again.digest == loaded.workflow.digest


@pytest.mark.parametrize("name", agent_example_names())
def test_every_model_of_a_small_example_is_the_one_who_speaks(name: str) -> None:
    """Its scripts are there, and a real model takes the place of each."""
    known = {f"scripted:{script.name}" for script in scripts()}
    assert set(_models(example(name).as_document())) <= known
    assert set(_models(example(name, Voice(real="openai:mine")).as_document())) <= {"openai:mine"}


def _models(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (item for key, item in value.items() if key == "model")
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in inside:
        yield from _models(item)


def test_an_unknown_example_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'report_generation'"):
        example_path("report_generaton")


def test_a_name_is_never_part_of_a_path() -> None:
    with pytest.raises(NotFoundError):
        example_path("../library/report_generation")
