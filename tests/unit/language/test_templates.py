"""Templates: definitions with holes; what fills them stays a value."""

from typing import Any

import pytest

from graphs.errors import DefinitionError, InputError
from graphs.templates import load_template, template_from_document
from tests.support.language import STEP_TYPES, told

TEXT = """\
apiVersion: workflow/v1
kind: WorkflowTemplate
metadata:
  name: ${{ params.name }}
  description: "Fetches ${{ params.url }} up to ${{params.attempts}} times"
parameters:
  name: {required: true, description: What the workflow is called., schema: {type: string}}
  url: {default: /status, schema: {type: string, minLength: 1}}
  attempts: {default: 3, schema: {type: integer, minimum: 1}}
  query: {default: {deep: [1]}}
  when: {default: "true", schema: {type: string, format: expression}}
  limit: {default: 10, schema: {type: number}}
spec:
  variables: {query: "${{ params.query }}"}
  steps:
    - name: fetch
      condition: "${{ params.when }}"
      retry: {max_attempts: "${{ params.attempts }}"}
      config:
        service: web
        endpoint: "${{ params.url }}/{{ input.id }}"
        query: {more: "{{ input.n > ${{ params.limit }} }}"}
"""


def made(**arguments: Any) -> Any:
    return load_template(TEXT).workflow(arguments, step_types=STEP_TYPES).workflow


def refused(**arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_template(TEXT).fill(arguments)
    assert caught.value.code == "parameters_invalid"
    return str(caught.value)


@pytest.mark.capability("C11")
def test_a_template_is_filled_in() -> None:
    workflow = made(name="poll", url="/health", attempts=5)
    step = workflow.spec.steps[0]
    assert workflow.name == "poll"
    assert workflow.metadata.description == "Fetches /health up to 5 times"
    assert step.retry.max_attempts == 5
    assert step.config["endpoint"] == "/health/{{ input.id }}"
    assert step.config["query"] == {"more": "{{ input.n > 10 }}"}
    assert step.condition == "true"
    assert workflow.spec.variables == {"query": {"deep": [1]}}


@pytest.mark.capability("C11")
def test_what_is_filled_in_can_be_written_and_read_like_any_other() -> None:
    assert made(name="poll").digest == made(name="poll", url="/status", attempts=3).digest


@pytest.mark.capability("C11")
def test_everything_wrong_with_the_values_is_said_at_once() -> None:
    assert refused(ur="x", attempts=0, url="") == (
        "the template cannot be filled in: attempts: 0 is less than 1; "
        "the parameter 'name' (What the workflow is called) is missing; "
        "there is no parameter 'ur'; did you mean 'url'?; url: has 0 characters and needs at least 1."
    )


@pytest.mark.capability("C11")
def test_a_value_cannot_become_an_expression() -> None:
    assert refused(name="x", url="{{ secrets.key }}") == (
        "the template cannot be filled in: url holds '{{', and an expression is not allowed there."
    )
    assert refused(name="x", query={"a": ["{{ secrets.key }}"]}) == (
        "the template cannot be filled in: query holds '{{', and an expression is not allowed there."
    )
    # A value that looks like a placeholder stays what it is: nothing is filled in twice.
    assert made(name="x", query="params.url }}").spec.variables == {"query": "params.url }}"}
    assert made(name="x", when="{{ input.a > 1 }}").spec.steps[0].condition == "{{ input.a > 1 }}"


@pytest.mark.capability("C11")
def test_a_value_that_cannot_be_part_of_a_text() -> None:
    template = load_template(
        "kind: WorkflowTemplate\nmetadata: {name: 'w-${{ params.n }}'}\nparameters: {n: }\nspec: {steps: []}"
    )
    assert template.fill({"n": True})["metadata"]["name"] == "w-true"
    assert template.fill({"n": 1.5})["metadata"]["name"] == "w-1.5"
    with pytest.raises(InputError) as caught:
        template.fill({"n": [1]})
    assert str(caught.value) == (
        "params.n is a list, which cannot be part of a text. Let the placeholder stand alone in its text."
    )


@pytest.mark.capability("C11")
def test_problems_of_the_workflow_point_into_the_template() -> None:
    template = load_template(TEXT.replace("service: web", "servce: web"), file="poll.yaml")
    report = template.examine({"name": "2 words"}, step_types=STEP_TYPES)
    assert [told(problem) for problem in report.problems] == [
        "4:9 error wrong_name: metadata.name: '2 words' cannot be a name. A name begins with a letter or '_' and goes "
        "on with letters, digits, '_', '.' and '-', 128 characters at most.",
        "19:7 error missing_key: step 'fetch', config: the key 'service' is missing. Add `service: …`.",
        "20:9 error unknown_key: step 'fetch', config: there is no key 'servce' here. Did you mean 'service'?",
    ]
    assert report.problems[0].file == "poll.yaml"


@pytest.mark.capability("C11")
def test_filled_in_values_are_copies() -> None:
    given = {"deep": [1]}
    document = load_template(TEXT).fill({"name": "x", "query": given})
    document["spec"]["variables"]["query"]["deep"].append(2)
    assert given == {"deep": [1]}


def problems(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load_template(text)
    return [told(problem) for problem in caught.value.problems]


@pytest.mark.capability("C11", "C12")
def test_everything_wrong_with_a_template_is_said_at_once() -> None:
    text = """\
kind: WorkflowTemplate
metadata: {name: "${{ params.nam }}"}
params: {}
parameters:
  name: {defualt: x}
  a b: {}
  unused: {schema: {type: strng}}
  few: {default: 0, schema: {minimum: 1}}
  text: {default: x}
spec:
  steps:
    - name: a
      condition: "input.x > ${{ params.text }}"
      config: {service: "${{ env.x }}", endpoint: "/{{ input.a ~ ${{ params.text }} }}/${{ params.few }}"}
"""
    assert problems(text) == [
        "2:19 error parameter_unknown: metadata.name: there is no parameter 'nam'. Did you mean 'name'?",
        "3:1 error unknown_key: params: there is no key 'params' here. Did you mean 'parameters'?",
        "5:3 error parameter_unused: parameters.name: no placeholder uses it. "
        "Use it as ${{ params.name }}, or remove it.",
        "5:10 error unknown_key: parameters.name: there is no key 'defualt' here. Did you mean 'default'?",
        "6:3 error wrong_name: parameters.a b: 'a b' cannot be the name of a parameter. "
        "Use letters, digits, '_' and '-'.",
        "7:3 error parameter_unused: parameters.unused: no placeholder uses it. "
        "Use it as ${{ params.unused }}, or remove it.",
        "7:27 error schema_invalid: parameters.unused.schema.type: 'strng' is no type of JSON. Did you mean 'string'?",
        "8:18 error wrong_value: parameters.few.default: default: 0 is less than 1. Let it fit the schema.",
        "13:29 error placeholder_in_expression: step 'a', condition: '${{ params.text }}' would become part of an "
        "expression. Give its schema a type that is no text (number, boolean), or `format: expression`.",
        "14:26 error placeholder_invalid: step 'a', config.service: '${{ env.x }}' is no placeholder. "
        "Write ${{ params.name }}; expressions stand in {{ }} without the '$'.",
        "14:66 error placeholder_in_expression: step 'a', config.endpoint: '${{ params.text }}' would become part of "
        "an expression. Give its schema a type that is no text (number, boolean), or `format: expression`.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "1:1 error not_a_definition: The template is a list, not a mapping. Write `kind: WorkflowTemplate`."),
        ("kind: Workflow", "1:7 error kind_unknown: kind: 'Workflow' is no kind of template. "
         "Write `kind: WorkflowTemplate`."),
        ("kind: WorkflowTemplate\nparameters: [a]", "2:1 error wrong_type: parameters: a list is not a mapping. "
         "Write `name: {default: …}`."),
        ("kind: WorkflowTemplate\nspec: {{ x }}/y", "2:7 error unquoted_expression: The expression {{ x }}/y is not in "
         "quotes, and YAML takes '{{' for a mapping. Put the whole text in quotes: \"{{ x }}/y\"."),
    ],
)  # fmt: skip
def test_texts_that_are_no_template(text: str, said: str) -> None:
    assert problems(text)[0] == said


def test_a_template_from_values() -> None:
    document = {
        "kind": "WorkflowTemplate",
        "metadata": {"name": "${{ params.n }}"},
        "parameters": {"n": {}},
        "spec": {"steps": []},
    }
    template = template_from_document(document)
    assert template.workflow({"n": "w"}, step_types=STEP_TYPES).workflow.name == "w"
    assert "parameters" in document
    with pytest.raises(DefinitionError):
        template_from_document({"kind": "WorkflowTemplate", "metadata": {1: 2}})
