"""Workflows under /v1: checked, published, shown, taken out, filled in."""

import httpx
import pytest

from tests.support.gateway.calls import YAML, publish, start, until_rest
from tests.support.gateway.definitions import REFUND, asks, workflow
from tests.support.gateway.serving import Served


@pytest.mark.capability("I14", "O03", "C12", "A61", "I21", "R05")
async def test_a_workflow_is_checked_published_started_shown(served: Served, client: httpx.AsyncClient) -> None:
    checked = (await client.post("/v1/workflows/validate", content=REFUND, headers=YAML)).json()
    assert (checked["ok"], checked["problems"]) == (True, [])
    published = await publish(client, REFUND)
    assert (published["name"], published["version"], published["status"]) == ("refund", "1.0", "published")
    assert published["digest"] == checked["digest"]

    started = await client.post("/v1/executions", json={"workflow": "refund", "input": {"amount": 20}})
    assert started.headers["location"] == f"/v1/executions/{started.json()['id']}"
    execution_id = started.json()["id"]
    await until_rest(served, execution_id)
    shown = (await client.get(f"/v1/executions/{execution_id}")).json()
    assert shown["execution"]["status"] == "waiting"
    assert [(step["path"], step["status"]) for step in shown["steps"]] == [("ask", "waiting"), ("announce", "pending")]
    assert [wait["path"] for wait in shown["waits"]] == ["ask"]
    diagram = (await client.get(f"/v1/executions/{execution_id}/diagram")).text
    assert diagram.startswith("flowchart")
    assert "ask" in diagram


async def test_what_is_wrong_with_a_definition_is_said_with_line_and_column(client: httpx.AsyncClient) -> None:
    text = (
        "apiVersion: workflow/v1\nkind: Workflow\nmetadata: {name: w, version: '1'}\n"
        "spec:\n  steps:\n    - name: a\n      type: nope\n"
    )
    checked = (await client.post("/v1/workflows/validate", content=text, headers=YAML)).json()
    assert checked["ok"] is False
    [problem] = checked["problems"]
    assert (problem["line"], problem["column"], problem["where"]) == (7, 13, "steps.a.type")
    refused = await client.post("/v1/workflows", content=text, headers=YAML)
    assert (refused.status_code, refused.json()["code"]) == (422, "definition_invalid")
    assert refused.json()["problems"][0]["column"]


@pytest.mark.capability("C09", "C10")
async def test_versions_live_side_by_side_and_are_taken_out(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "2.0"):
        await publish(client, workflow("w", asks(), version=version))
    again = await client.post("/v1/workflows", content=workflow("w", asks("other"), version="1.0"), headers=YAML)
    assert (again.status_code, again.json()["code"]) == (409, "version_taken")
    versions = (await client.get("/v1/workflows/w")).json()["versions"]
    assert [one["version"] for one in versions] == ["2.0", "1.0"]
    assert (await start(client, workflow="w"))["version"] == "2.0"
    await client.post("/v1/workflows/w/versions/2.0/deprecate")
    assert (await start(client, workflow="w"))["version"] == "1.0"
    restored = await client.post("/v1/workflows/w/versions/2.0/restore")
    assert restored.json()["status"] == "published"
    definition = (await client.get("/v1/workflows/w/versions/1.0")).json()["definition"]
    assert definition["spec"]["steps"][0]["name"] == "ask"
    assert "name: ask" in (await client.get("/v1/workflows/w/versions/1.0/yaml")).text
    assert (await client.get("/v1/workflows/w/diagram")).text.startswith("flowchart")
    assert (await client.get("/v1/workflows/none")).status_code == 404


async def test_the_schemas_of_a_workflow_and_of_the_language(client: httpx.AsyncClient) -> None:
    await publish(client, REFUND)
    schemas = (await client.get("/v1/workflows/refund/schema")).json()
    assert schemas["input"]["required"] == ["amount"]
    assert (await client.get("/v1/workflows/schema")).json()["title"] == "Workflow"


@pytest.mark.capability("C11")
async def test_a_template_is_filled_in(client: httpx.AsyncClient) -> None:
    template = (
        'apiVersion: workflow/v1\nkind: WorkflowTemplate\nmetadata: {name: "${{ params.name }}", version: "1"}\n'
        "parameters:\n  name: {required: true, schema: {type: string}}\n"
        "spec:\n  steps:\n    - {name: ask, type: approval, config: {message: Well?}}\n"
    )
    body = {"template": template, "parameters": {"name": "filled"}}
    filled = (await client.post("/v1/workflows/templates/fill", json=body)).json()
    assert (filled["ok"], filled["name"]) == (True, "filled")
    await publish(client, filled["definition"])
    missing = await client.post("/v1/workflows/templates/fill", json={"template": template})
    assert (missing.status_code, missing.json()["code"]) == (422, "parameters_invalid")


@pytest.mark.capability("C12", "F24")
async def test_workflows_that_are_named_are_looked_for_among_the_published(client: httpx.AsyncClient) -> None:
    """One that is not there yet is a warning: it may be published next."""
    text = """metadata: {name: uses}
spec:
  steps:
    - {name: a, type: workflow, config: {workflow: refnd}}
    - {name: b, type: workflow, config: {workflow: baton, input: {message: hello}}}
"""
    await publish(client, REFUND)
    for wanted, expected in (
        ("refnd", [("workflow_unknown", "warning", 4)]),
        ("refund", [("input_not_given", "error", 4)]),
    ):
        answer = await client.post("/v1/workflows/validate", content=text.replace("refnd", wanted), headers=YAML)
        problems = answer.json()["problems"]
        assert [(one["code"], one["severity"], one["line"]) for one in problems] == expected
    assert (await client.post("/v1/workflows", content=text, headers=YAML)).status_code == 201
