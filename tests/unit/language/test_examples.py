"""The requirement document's workflow, restored, and the library: they are read, hold, and survive being written."""

from pathlib import Path

import pytest

from graphs.durations import format_duration
from graphs.loader import dump_yaml, examine_text, load_document, load_file, load_workflow
from graphs.loading.nodes import value_of
from graphs.loading.reading import read_tree
from graphs.spec import Workflow
from tests.support.language import STEP_TYPES, told

HERE = Path(__file__).parent
REGISTRATION = HERE / "definitions" / "user-registration.yaml"
LIBRARY = sorted((HERE.parents[2] / "graphs" / "library").glob("*.yaml"))
ALL = [REGISTRATION, *LIBRARY]


def registration() -> Workflow:
    return load_file(REGISTRATION, step_types=STEP_TYPES).workflow


@pytest.mark.capability("C01", "C12", "X06", "X35", "Y01", "Y02", "Y06", "Y07", "Y08", "Y09", "Y10", "Y13", "Y14")
def test_the_document_of_the_requirements_holds_with_two_warnings() -> None:
    report = examine_text(REGISTRATION.read_text(encoding="utf-8"), step_types=STEP_TYPES)
    assert [told(problem) for problem in report.problems] == [
        "32:9 warning secret_not_marked: input.schema.properties.password: 'password' sounds like a secret and is not "
        "marked as one, so it is kept and shown in the clear. Add `format: password` (or `x-secret: true`), or "
        "`x-secret: false` if it is none.",
        "109:20 warning wait_after_tolerated_failure: step 'wait_for_verification' waits for an event even when "
        "'send_welcome_email' has failed, because that one says `on_failure: continue`. If 'send_welcome_email' "
        "causes the event, remove its `on_failure: continue`, or give it a fallback that causes it in another way.",
    ]
    assert report.workflow is not None


@pytest.mark.capability("Y01", "Y02", "Y03", "Y04", "Y06", "Y11", "Y12", "Y16", "C14")
def test_what_the_document_says_is_what_the_model_holds() -> None:
    workflow = registration()
    assert (workflow.name, workflow.version) == ("user-registration-workflow", "1.2.0")
    assert workflow.metadata.tags == ("user-management", "registration", "onboarding")
    config = workflow.spec.config
    assert config.timeout is not None and format_duration(config.timeout) == "30m"
    assert config.retry_policy is not None
    policy = config.retry_policy
    assert (policy.max_attempts, policy.backoff, policy.initial_delay, policy.max_delay) == (3, "exponential", 5, 300)
    steps = {step.name: step for step in workflow.spec.steps}
    assert [need.step for need in steps["activate_user_account"].depends_on] == [
        "wait_for_verification",
        "create_user_profile",
    ]
    assert steps["create_user_account"].on_failure.max_attempts == 3
    assert steps["send_welcome_email"].on_failure.action == "continue"
    timeout = steps["wait_for_verification"].on_timeout
    assert timeout is not None and timeout.compensation_workflow == "user-cleanup-workflow"
    assert [step.name for step in workflow.spec.compensation.steps] == ["cleanup_user_account", "cleanup_user_profile"]


@pytest.mark.capability("X10", "Y14")
def test_without_values_it_is_said_where_the_output_would_come_from() -> None:
    text = REGISTRATION.read_text(encoding="utf-8")
    report = examine_text(text[: text.index("    # Not in the requirement")], step_types=STEP_TYPES)
    assert [problem.code for problem in report.problems if problem.code.startswith("output")] == [
        "output_undeclared",  # status
        "output_undeclared",  # activation_date; user_id is the output of the one step that declares it
    ]


@pytest.mark.capability("X12")
def test_a_marked_password_is_not_to_be_hashed_fast() -> None:
    text = REGISTRATION.read_text(encoding="utf-8").replace("minLength: 8", "format: password")
    report = examine_text(text, step_types=STEP_TYPES)
    assert [told(problem) for problem in report.errors] == [
        "67:30 error fast_hash_of_secret: step 'create_user_account', config.payload.password_hash "
        "'{{ hash(input.password) }}': hash() is a fast digest, easily guessed back, and 'input.password' is a secret. "
        "Use password_hash(input.password)."
    ]


@pytest.mark.capability("C01", "C12")
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_definition_of_the_library_holds(path: Path) -> None:
    loaded = load_file(path, step_types=STEP_TYPES)
    assert loaded.workflow.spec.steps


@pytest.mark.capability("C01", "C02", "C15")
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_writing_and_reading_gives_the_same_workflow(path: Path) -> None:
    workflow = load_file(path, step_types=STEP_TYPES).workflow
    written = dump_yaml(workflow)
    assert load_workflow(written, step_types=STEP_TYPES).workflow.digest == workflow.digest
    assert dump_yaml(load_workflow(written, step_types=STEP_TYPES).workflow) == written


@pytest.mark.capability("C02")
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_yaml_json_and_values_give_the_same_workflow(path: Path) -> None:
    workflow = load_file(path, step_types=STEP_TYPES).workflow
    root = read_tree(path.read_text(encoding="utf-8")).root
    assert root is not None
    document = value_of(root)
    assert load_document(document, step_types=STEP_TYPES).workflow.digest == workflow.digest
    assert load_document(workflow.as_document(), step_types=STEP_TYPES).workflow.digest == workflow.digest
