"""Workflows: check a definition, publish it, look at what is published, take a version out; templates."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from api.security import Right, needs
from api.v1.common import Body, ExecutionId, Name, Version, View, WorkflowName
from api.v1.observed import OBSERVED
from api.v1.shapes import workflow_document
from graphs.draw import draw_workflow
from graphs.errors import DefinitionError, InputError, NotFoundError
from graphs.loader import Report, dump_yaml, examine_text
from graphs.schema import definition_schema
from graphs.templates import load_template
from orchestrator.store.port import PublishedWorkflow
from orchestrator.tenancy import TenantView

router = APIRouter(prefix="/v1/workflows", tags=["workflows"])

_TEXT = {
    "requestBody": {
        "required": True,
        "description": "A definition as YAML or JSON.",
        "content": {kind: {"schema": {"type": "string"}} for kind in ("application/yaml", "text/plain")}
        | {"application/json": {"schema": {"type": "object"}}},
    }
}


class TemplateBody(Body):
    """A template's text (`kind: WorkflowTemplate`) and values for its parameters."""

    template: str = Field(min_length=1)
    parameters: dict[str, Any] = Field(default_factory=dict)


class PlanBody(Body):
    """What a plan is published as: `NAME`, or `NAME@VERSION`."""

    save_as: Name


async def text_of(request: Request) -> str:
    """The body as text; a dependency of routes.

    Raises:
        InputError: it is not UTF-8.
    """
    body = await request.body()
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"The body is not UTF-8 text: byte {error.start + 1} fits nowhere.", code="not_utf8") from None


Definition = Annotated[str, Depends(text_of)]


PUBLISHES: Final = [needs(Right.EDIT)]


@router.post("/validate", dependencies=[needs(Right.READ)], openapi_extra=_TEXT)
async def validate(text: Definition, view: View) -> dict[str, Any]:
    """Everything that is wrong with a definition, each with line and column. 200 also when there is something."""
    return _report(await _examined(view, text))


@router.post("", status_code=201, dependencies=PUBLISHES, openapi_extra=_TEXT)
async def publish(text: Definition, view: View) -> dict[str, Any]:
    """Publish a version. 422 with all problems; 409 when the version exists and says something else."""
    report = await _examined(view, text)
    if report.workflow is None:
        raise DefinitionError(report.errors)
    return workflow_document(await view.publish(report.workflow))


@router.post("/plans/{execution_id}", status_code=201, dependencies=PUBLISHES)
async def save_plan(execution_id: ExecutionId, body: PlanBody, view: View) -> dict[str, Any]:
    """Publish the plan that the assistant made in an execution. 409 when it has made none."""
    name, _, version = body.save_as.partition("@")
    return workflow_document(await view.save_plan(execution_id, name, version or "1.0"))


@router.get("", dependencies=[OBSERVED])
async def list_workflows(view: View) -> dict[str, Any]:
    """Every published version, by name, newest first."""
    return {"workflows": [workflow_document(one) for one in await view.workflows()]}


@router.get("/schema", dependencies=[needs(Right.READ)])
async def language(view: View) -> dict[str, Any]:
    """The JSON Schema of definitions, for editors."""
    return definition_schema(view.baton.catalogue.library.step_types)


@router.post("/templates/fill", dependencies=[needs(Right.READ)])
async def fill(body: TemplateBody, view: View) -> dict[str, Any]:
    """A template with its parameters filled in: the definition as YAML, and all that is wrong with it."""
    types = view.baton.catalogue.library.step_types
    report = await asyncio.to_thread(lambda: load_template(body.template).examine(body.parameters, step_types=types))
    return _report(report) | {"definition": dump_yaml(report.workflow) if report.workflow else None}


@router.get("/{name}", dependencies=[needs(Right.READ)])
async def show(name: WorkflowName, view: View) -> dict[str, Any]:
    """The versions of a workflow, newest first."""
    return {"name": name, "versions": [workflow_document(one) for one in await _versions(view, name)]}


@router.get("/{name}/versions/{version}", dependencies=[needs(Right.READ)])
async def show_version(name: WorkflowName, version: Version, view: View) -> dict[str, Any]:
    """A version with its definition."""
    found = await _version(view, name, version)
    return workflow_document(found) | {"definition": found.document}


@router.get("/{name}/versions/{version}/yaml", dependencies=[needs(Right.READ)], response_class=Response)
async def show_yaml(name: WorkflowName, version: Version, view: View) -> Response:
    """A version's definition as YAML."""
    await _version(view, name, version)
    return Response(dump_yaml(await view.definition(name, version)), media_type="application/yaml")


@router.post("/{name}/versions/{version}/deprecate", dependencies=[needs(Right.EDIT)])
async def deprecate(name: WorkflowName, version: Version, view: View) -> dict[str, Any]:
    """No longer start this version by name alone; executions under way are not touched."""
    return workflow_document(await view.deprecate(name, version, deprecated=True))


@router.post("/{name}/versions/{version}/restore", dependencies=[needs(Right.EDIT)])
async def restore(name: WorkflowName, version: Version, view: View) -> dict[str, Any]:
    """Offer a deprecated version again."""
    return workflow_document(await view.deprecate(name, version, deprecated=False))


@router.get("/{name}/diagram", dependencies=[needs(Right.READ)], response_class=PlainTextResponse)
async def diagram(name: WorkflowName, view: View, version: Annotated[Name | None, Query()] = None) -> PlainTextResponse:
    """A workflow as Mermaid text; the newest version where none is named."""
    workflow = await view.definition(name, version)
    return PlainTextResponse(draw_workflow(workflow, step_types=view.baton.catalogue.library.step_types))


@router.get("/{name}/schema", dependencies=[needs(Right.READ)])
async def schemas(name: WorkflowName, view: View, version: Annotated[Name | None, Query()] = None) -> dict[str, Any]:
    """The JSON Schemas of a workflow's input and output; null where it has none."""
    spec = (await view.definition(name, version)).spec
    return {"input": spec.input.schema_, "output": spec.output.schema_}


async def _examined(view: TenantView, text: str) -> Report:
    """What is right and wrong with a definition. In another thread: a long text takes its time."""
    known = await view.may_name()
    types = view.baton.catalogue.library.step_types
    return await asyncio.to_thread(examine_text, text, step_types=types, known=known)


def _report(report: Report) -> dict[str, Any]:
    workflow = report.workflow
    return {
        "ok": workflow is not None,
        "name": workflow.name if workflow else None,
        "version": workflow.version if workflow else None,
        "digest": workflow.digest if workflow else None,
        "problems": [asdict(problem) for problem in report.problems],
    }


async def _versions(view: TenantView, name: str) -> list[PublishedWorkflow]:
    found = list(await view.workflows(name))
    if not found:
        raise _none(f"'{name}'")
    return found


async def _version(view: TenantView, name: str, version: str) -> PublishedWorkflow:
    for one in await view.workflows(name):
        if one.version == version:
            return one
    raise _none(f"'{name}' in version '{version}'")


def _none(what: str) -> NotFoundError:
    return NotFoundError(
        f"No workflow {what} is published.", hint="List what is: GET /v1/workflows.", code="workflow_not_found"
    )
