"""Answers in a form: an agent that has an `output_schema` answers by calling a tool whose arguments are the answer."""

import json
from collections.abc import Mapping
from typing import Any, Final

from langchain.agents.structured_output import ToolStrategy

from agents import schemas
from agents.models.accepted import COMBINING, accepted_schema
from agents.reasoning.assignment import ANSWER_TOOL
from agents.values import shorten, unfenced
from graphs.errors import InputError
from graphs.values import json_value

_REFERRED_TO: Final = frozenset({"$defs", "definitions"})


class AnswerForm:
    """The form an answer must have.

    A tool's arguments are always an object, so a schema of another kind is put under the key `value`.
    """

    tool: Final = ANSWER_TOOL

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raises:
        StepError: the schema is none.
        """
        schemas.check_schema(schema)
        self._schema = schema
        # Told as it is; one that combines others, which providers refuse at the top, is told a level below it.
        self._plain = schema.get("type") == "object" and not COMBINING & schema.keys()

    def strategy(self) -> ToolStrategy[Any]:
        """For LangChain's agent. By a tool, not by a provider's own way: those accept a part of JSON Schema only."""
        named = {"title": ANSWER_TOOL, "description": "Give the final answer."}
        if self._plain:
            return ToolStrategy({**accepted_schema(self._schema), **named})
        inner = {key: value for key, value in self._schema.items() if key not in _REFERRED_TO}
        wrapped = {"type": "object", "properties": {"value": inner}, "required": ["value"], **named}
        # References count from the top.
        return ToolStrategy(
            accepted_schema(wrapped | {key: self._schema[key] for key in _REFERRED_TO & {*self._schema}})
        )

    def misfit(self, response: Any) -> str | None:
        """What keeps a response from fitting; None when nothing does."""
        if not self._plain and "value" not in response:
            return "value is missing"
        return schemas.misfit(self._schema, self.unwrapped(response), "answer")

    def written(self, text: str) -> tuple[Any, str | None]:
        """The answer of a model that would not use the tool but wrote it as JSON, and what keeps it from fitting."""
        try:
            value = json_value(json.loads(unfenced(text)))
        except (ValueError, InputError):
            return None, f"it is no JSON: {shorten(text, 100)!r}"
        return value, schemas.misfit(self._schema, value, "answer")

    def unwrapped(self, response: Any) -> Any:
        """The answer itself, out of the tool's arguments."""
        return response if self._plain else response["value"]
