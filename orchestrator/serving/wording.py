"""What a run left, as the words of an answer. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from agents.reasoning.conversation import text_of
from graphs.spec import Workflow

FIELDS: Final = ("answer", "message", "text", "response", "reply", "content", "summary")
"""Names of fields that hold an answer in words, the likeliest first."""

OF_STATE: Final = ("answer", "response", "reply", "output")
"""Those of a graph's state that are not as likely to hold what it was given."""

SPOKEN: Final = ("ai", "AIMessageChunk")
"""Types of the messages that models say."""

_ANSWER: Final = re.compile(r"\{\{\s*steps\.(\w+)\.output\.answer\s*\}\}")


def answer_of(value: Any, fields: Sequence[str] = FIELDS) -> str:
    """The words in a graph's state, or in a workflow's output; what holds none is shown as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        if isinstance(messages := value.get("messages"), list):
            spoken = [one for one in messages if isinstance(one, Mapping) and one.get("type") in SPOKEN]
            return text_of(spoken[-1].get("content")) if spoken else ""
        for field in fields:
            if isinstance(value.get(field), str) and value[field]:
                return str(value[field])
    if value is None or value == {}:
        return "Done."
    return f"```json\n{orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()}\n```"


def speaker_of(workflow: Workflow) -> str | None:
    """The step whose answer, unchanged, is the workflow's own: what it says can be shown while it says it."""
    values = workflow.spec.output.values
    if values is None:
        only = workflow.spec.steps[0] if len(workflow.spec.steps) == 1 else None
        return only.name if only is not None and only.type == "agent" and workflow.spec.output.schema_ is None else None
    field = next((values[field] for field in FIELDS if field in values), None)
    found = _ANSWER.fullmatch(field.strip()) if isinstance(field, str) else None
    return found[1] if found else None
