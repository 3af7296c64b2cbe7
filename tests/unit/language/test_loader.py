"""Reading and writing definitions: what is understood, what is kept, what comes back."""

import json
from pathlib import Path
from typing import Any

import pytest

from graphs.errors import DefinitionError
from graphs.loader import dump_yaml, examine_document, load_document, load_file, load_workflow
from graphs.loading.findings import MOST
from graphs.spec import FromState, Step, Workflow
from tests.support.language import STEP_TYPES, examine, told, with_steps, workflow


def document(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "w"}, "spec": {"steps": [], **spec}}


@pytest.mark.capability("X01", "X03", "A22")
def test_retries_count_the_tries_after_the_first() -> None:
    read = workflow(
        """
metadata: {name: w}
spec:
  config: {retry_policy: {max_retries: 0}}
  steps:
    - {name: a, type: delay, config: {seconds: 1}, retry: {max_retries: 3}}
    - {name: b, type: delay, config: {seconds: 1}, retry: {max_attempts: 3}}
    - name: c
      type: sequence
      steps:
        - {name: d, type: delay, config: {seconds: 1}, on_failure: {action: retry, max_retries: 1}}
"""
    )
    a, b, c = read.spec.steps
    assert a.retry is not None and a.retry.max_attempts == 4
    assert b.retry is not None and b.retry.max_attempts == 3
    assert c.steps[0].on_failure.max_attempts == 2
    assert read.spec.config.retry_policy is not None and read.spec.config.retry_policy.max_attempts == 1


@pytest.mark.capability("C09", "C14", "Y02")
@pytest.mark.parametrize(
    ("written", "version"),
    [
        ("1.2", "1.2"),
        ("1.20", "1.20"),
        ("1.20.0", "1.20.0"),
        ("3", "3"),
        ('"2.0"', "2.0"),
        ("2024-01-31", "2024-01-31"),
    ],
)
def test_a_version_is_the_text_that_was_written(written: str, version: str) -> None:
    assert workflow(f"metadata: {{name: w, version: {written}}}\nspec: {{steps: []}}").version == version


def test_labels_tags_and_descriptions_may_be_written_as_numbers_and_booleans() -> None:
    metadata = workflow(
        "metadata: {name: w, tags: [2024, 1.50, true, on], labels: {tier: 1, debug: TRUE}, description: 404}\n"
        "spec: {steps: []}"
    ).metadata
    assert metadata.tags == ("2024", "1.50", "true", "on")
    assert metadata.labels == {"tier": "1", "debug": "TRUE"}
    assert metadata.description == "404"


@pytest.mark.capability("C01")
def test_words_of_yaml_1_1_are_text() -> None:
    variables = workflow(
        "metadata: {name: w}\nspec: {variables: {a: on, b: off, c: yes, d: no, e: y, f: 0o17, g: 017, h: 12:30, "
        "i: 2024-01-31, j: ~, k: null, l: True, on: 1, 200: 2, m: 1_000, n: 0b11, o: 1e3, p: .5}, steps: []}"
    ).spec.variables
    assert variables == {
        "a": "on", "b": "off", "c": "yes", "d": "no", "e": "y", "f": 15, "g": 17, "h": "12:30",
        "i": "2024-01-31", "j": None, "k": None, "l": True, "on": 1, "200": 2, "m": "1_000", "n": "0b11",
        "o": 1000.0, "p": 0.5,
    }  # fmt: skip


@pytest.mark.capability("C01")
def test_anchors_aliases_and_merged_keys() -> None:
    read = workflow(
        """
metadata: {name: w}
spec:
  variables:
    base: &base {service: s, endpoint: /}
    more: &more {endpoint: /other, method: POST}
  steps:
    - name: a
      config: *base
    - name: b
      config: {<<: *base, endpoint: /own}
    - name: c
      config:
        <<: [*base, *more]
    - {name: d, config: {service: s, endpoint: /, query: {"<<": "not merged"}}}
"""
    )
    a, b, c, d = (step.config for step in read.spec.steps)
    assert a == {"service": "s", "endpoint": "/"}
    assert b == {"service": "s", "endpoint": "/own"}
    assert c == {"service": "s", "endpoint": "/", "method": "POST"}
    assert d["query"] == {"<<": "not merged"}
    assert a is not read.spec.variables["base"]


@pytest.mark.capability("C02")
def test_json_is_read_as_it_is() -> None:
    spec = '{"variables":{"a":"\\ud83d\\ude00\\/ \\u00e4","b":1.5e3,"c":[],"d":{}},\n"steps":[]}'
    text = '\ufeff{"metadata":{"name":"w"},\t"spec":' + spec + "}"
    assert workflow(text).spec.variables == {"a": "😀/ ä", "b": 1500.0, "c": [], "d": {}}


def test_json_with_yaml_in_it_is_read_as_yaml() -> None:
    assert workflow("{metadata: {name: w}, spec: {steps: []}}").name == "w"


def test_a_callers_document_is_not_changed() -> None:
    given = document(steps=[{"name": "a", "type": "delay", "config": {"seconds": 1}, "retry": {"max_retries": 1}}])
    before = json.dumps(given)
    loaded = load_document(given, step_types=STEP_TYPES)
    assert loaded.workflow.spec.steps[0].retry is not None
    assert json.dumps(given) == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1], "- error not_a_definition: The definition is a list, not a mapping. A workflow begins with "
              "`apiVersion: workflow/v1` and `kind: Workflow`."),
        (document(variables={1: 2}), "- error key_not_text: The key 1 is not text. Put it in quotes."),
        (document(variables={"a": float("nan")}),
         "- error bad_scalar: 'nan' is not a number that JSON knows. Give another value, or the number as text."),
        (document(variables={"a": 2**70}),
         "- error bad_scalar: A number does not fit into 64 bits. Give another value, or the number as text."),
        (document(variables={"a": "x\0"}),
         "- error bad_scalar: A text holds the character NUL (U+0000). Give another value, or the number as text."),
    ],
)  # fmt: skip
def test_documents_that_are_none(given: Any, said: str) -> None:
    report = examine_document(given, step_types=STEP_TYPES)
    assert [told(problem) for problem in report.errors] == [said]


def test_a_document_that_holds_itself() -> None:
    given = document()
    given["spec"]["variables"] = {"x": given}
    report = examine_document(given, step_types=STEP_TYPES)
    assert [told(problem) for problem in report.problems] == [
        "- error definition_too_deep: The definition is nested more than 100 deep. "
        "Move the inner part into a workflow of its own."
    ]


@pytest.mark.capability("C01")
def test_a_file_is_named_in_every_message(tmp_path: Path) -> None:
    path = tmp_path / "refund.yaml"
    path.write_text(
        with_steps("""
        - {name: look_up, type: delay, config: {seconds: 1}}
        - name: pay
          depends_on: [looks_up]
          type: delay
          config: {seconds: 1}
        """),
        encoding="utf-8",
    )
    with pytest.raises(DefinitionError) as caught:
        load_file(path, step_types=STEP_TYPES)
    assert str(caught.value) == (
        f"{path}:6:20: step 'pay' depends on 'looks_up', which is not a step. Did you mean 'look_up'?"
    )
    assert caught.value.problems[0].where == "steps.pay.depends_on[0]"


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "refund.yaml"
    path.write_bytes(b"metadata: {name: \xff}")
    with pytest.raises(DefinitionError) as caught:
        load_file(path, step_types=STEP_TYPES)
    assert str(caught.value) == f"{path}: The file is not UTF-8 text: byte 18 fits nowhere. Save it as UTF-8."
    assert caught.value.problems[0].code == "not_utf8"


def test_warnings_come_with_the_workflow_and_not_with_errors() -> None:
    doubtful = "- {name: a, type: loop, config: {while: 'true'}, steps: [{name: b, type: delay, config: {seconds: 1}}]}"
    loaded = load_workflow(with_steps(doubtful), step_types=STEP_TYPES)
    assert [problem.code for problem in loaded.warnings] == ["loop_default_bound"]
    with pytest.raises(DefinitionError) as caught:
        load_workflow(with_steps(f"{doubtful}\n- {{name: c, type: nothing}}"), step_types=STEP_TYPES)
    assert [problem.code for problem in caught.value.problems] == ["step_type_unknown"]


def test_no_number_of_warnings_lets_an_error_pass() -> None:
    loops = [
        f"- {{name: s{n}, type: loop, config: {{while: 'true'}}, steps: [{{name: x, type: approval}}]}}"
        for n in range(MOST + 50)
    ]
    report = examine(with_steps("\n".join([*loops, "- {name: last, type: workflow, config: {workflow: 5}}"])))
    assert len(report.warnings) == MOST
    assert [problem.code for problem in report.errors] == ["wrong_type"]
    assert report.workflow is None


def test_problems_are_told_in_the_order_of_the_text_and_bounded() -> None:
    report = examine(with_steps("\n".join(f"- {{name: s{n}, type: nothing}}" for n in range(MOST + 50))))
    lines = [problem.line for problem in report.problems]
    assert len(lines) == MOST
    assert lines == sorted(line for line in lines if line is not None)


@pytest.mark.capability("C01", "C04")
def test_a_workflow_with_python_in_it_cannot_be_written() -> None:
    def approve(state: Any) -> bool:
        return bool(state)

    class Helper:
        """An agent, say."""

    made = Workflow.model_validate(
        {
            "metadata": {"name": "w"},
            "spec": {
                "steps": [
                    Step(name="a", condition=approve, config={"agent": Helper()}),
                    Step(name="b", type="sequence", steps=(Step(name="c", input=FromState(approve)),)),
                ]
            },
        }
    )
    with pytest.raises(DefinitionError) as caught:
        dump_yaml(made)
    assert [told(problem) for problem in caught.value.problems] == [
        "- error not_yaml: step 'a', condition: a Python function stands here, which YAML cannot say. "
        "Register it under a name and use the name, or write an expression.",
        "- error not_yaml: step 'a', config.agent: a Python Helper stands here, which YAML cannot say. "
        "Register it under a name and use the name, or write an expression.",
        "- error not_yaml: step 'b.c', input.function: a Python function stands here, which YAML cannot say. "
        "Register it under a name and use the name, or write an expression.",
    ]
    assert [problem.where for problem in caught.value.problems] == [
        "steps.a.condition",
        "steps.a.config.agent",
        "steps.b.steps.c.input.function",
    ]


def test_what_is_written_is_for_people() -> None:
    made = workflow(
        with_steps("""
        - {name: a, type: agent, config: {message: "Dear customer,\\n\\n  hello {{ input.name }}.\\n"}}
        - {name: b, type: delay, depends_on: [a], config: {duration: "1.2"}, labels: {on: "yes"}, condition: "1 < 2"}
        - {name: c, type: delay, depends_on: [{step: b, outcome: settled}], config: {seconds: 1}, retry: {}}
        """).replace('duration: "1.2"', "duration: 5m")
    )
    assert dump_yaml(made) == (
        "apiVersion: workflow/v1\n"
        "kind: Workflow\n"
        "metadata:\n"
        "  name: w\n"
        "spec:\n"
        "  steps:\n"
        "    - name: a\n"
        "      type: agent\n"
        "      config:\n"
        "        message: |\n"
        "          Dear customer,\n"
        "\n"
        "            hello {{ input.name }}.\n"
        "    - name: b\n"
        "      type: delay\n"
        "      depends_on:\n"
        "        - a\n"
        '      condition: "1 < 2"\n'
        "      config:\n"
        '        duration: "5m"\n'
        "      labels:\n"
        '        "on": "yes"\n'
        "    - name: c\n"
        "      type: delay\n"
        "      depends_on:\n"
        "        - step: b\n"
        "          outcome: settled\n"
        "      config:\n"
        "        seconds: 1\n"
        "      retry: {}\n"
    )
