"""`survey`: looks at a request that names no workflow, and at what there is to answer it with (O22)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from pydantic import Field

from agents.planning.acting import acts_of
from agents.planning.bounds import ASSISTANT, AssistantBounds
from agents.planning.language import LANGUAGE
from agents.planning.offer import Offered, harmless, likely, offered, told_of_all, told_of_workflows
from agents.reasoning.assignment import as_text
from agents.reasoning.conversation import text_of
from graphs.errors import StepError
from graphs.spec import Step, Workflow
from graphs.steps import Action, StepConfig, StepContext, StepTypes

ANSWER, PLAN, RUN = "answer", "plan", "run"
"""How a request can be carried out: answered at once, by a workflow made for it, by a published one (`run NAME`)."""

_ROLES: Final = {"human": "user", "ai": "assistant", "user": "user", "assistant": "assistant", "system": "system"}


class SurveyConfig(StepConfig):
    """What is asked.

    Attributes:
        message: The request; without it, the last of `messages` that a user said.
        messages: The conversation before it, in OpenAI's or LangChain's form.
        context: Further facts.
        route: `auto`, or the only way that is wanted.
    """

    message: Any = None
    messages: list[dict[str, Any]] = Field(default_factory=list)
    context: Any = None
    route: str = "auto"


class Survey(Action):
    """The response is what the steps after it hand to models.

    `request` and `conversation`; `form`, the JSON Schema of the decision between the routes; `offered` and `language`,
    what those who decide and who plan are told; `tools`, those that may be called without asking; `replans`, how often
    a plan may be made anew; and `workflows`, by route: name, the form of the input, and what it would change.
    """

    name: ClassVar[str] = "survey"
    summary: ClassVar[str] = "looks at a request that names no workflow, and at what there is to answer it with"
    written_in = frozenset({ASSISTANT})
    Config = SurveyConfig

    def acts(self, step: Step) -> bool | None:
        return False

    async def run(self, context: StepContext, config: SurveyConfig) -> Any:
        request, conversation = _request(config)
        offer = offered(context)
        workflows = likely(offer.workflows, request)
        every = [ANSWER, PLAN, *(_route(name) for name in workflows)]
        routes = every if config.route == "auto" else [config.route]
        return {
            "request": request,
            "conversation": conversation,
            "routes": routes,
            "form": _form(routes, offer),
            "offered": told_of_workflows(workflows),
            "language": f"{LANGUAGE}\n\n{told_of_all(offer, workflows)}".strip(),
            "tools": list(harmless(offer)),
            "replans": (context.resources.get(AssistantBounds) or AssistantBounds()).replans,
            "workflows": {_route(name): _told(context, name, one, offer) for name, one in workflows.items()},
        }


def _route(name: str) -> str:
    return f"{RUN} {name}"


def _told(context: StepContext, name: str, workflow: Workflow, offer: Offered) -> dict[str, Any]:
    schema = {"type": "object"} | (workflow.spec.input.schema_ or {})
    text = json.dumps(schema, ensure_ascii=False)
    # Nothing is required of the model: what the request does not say, it is to call missing and not to guess.
    said = {key: value for key, value in schema.items() if key != "required"}
    form = {
        "type": "object",
        "properties": {
            "input": {"type": "object", "description": f"As: {text}"} if "$ref" in text else said,
            "missing": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Required inputs that the request does not say. They are asked for: never guess them.",
            },
        },
        "required": ["input", "missing"],
    }
    acts = [act.as_dict() for act in acts_of(workflow, context.resource(StepTypes), offer)]
    return {"name": name, "version": workflow.version, "schema": schema, "form": form, "acts": acts}


def _form(routes: Sequence[str], offer: Offered) -> dict[str, Any]:
    """How the decision is told, so that nothing else can be decided (X25)."""
    needs: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    if offer.capabilities:
        needs["items"]["enum"] = offer.capabilities
    return {
        "type": "object",
        "properties": {
            "route": {"enum": list(routes)},
            "reason": {"type": "string", "description": "Why, in one sentence."},
            "complexity": {"type": "integer", "minimum": 1, "maximum": 5, "description": "1 is a question."},
            "tasks": {"type": "array", "items": {"type": "string"}, "description": "What it takes, in a few words."},
            "needs": needs | {"description": "Capabilities that agents must have for it."},
        },
        "required": ["route", "reason"],
    }


def _request(config: SurveyConfig) -> tuple[str, list[dict[str, str]]]:
    said = [_said(message) for message in config.messages]
    conversation = [message for message in said if message is not None]
    if config.message is not None:
        request = as_text(config.message)
    else:
        last = next((n for n in range(len(conversation) - 1, -1, -1) if conversation[n]["role"] == "user"), None)
        request = conversation[last]["content"] if last is not None else ""
        conversation = conversation[:last]
    if not request.strip():
        raise StepError(
            "nothing is asked.",
            category="validation",
            code="request_missing",
            hint="Give a 'message', or 'messages' with one of a user.",
        )
    if config.context is not None:
        request += f"\n\nContext:\n{as_text(config.context)}"
    return request, conversation


def _said(message: Mapping[str, Any]) -> dict[str, str] | None:
    """A message with a role and words; None for those of tools, which say nothing to people."""
    role = _ROLES.get(str(message.get("role") or message.get("type")))
    words = text_of(message.get("content"))
    return {"role": role, "content": words} if role is not None and words else None
