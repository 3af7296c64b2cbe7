"""Answers in a form: an agent that has an `output_schema` answers by calling a tool whose arguments are the answer."""

import json
from collections.abc import Mapping
from typing import Any, Final

from langchain.agents.structured_output import ToolStrategy

from agents import schemas
from agents.values import shorten
from graphs.errors import StepError

TOOL: Final = "final_answer"


class AnswerForm:
    """The form an answer must have.

    A tool's arguments are always an object, so a schema of another kind is put under the key `value`.
    """

    tool: Final = TOOL

    def __init__(self, schema: Mapping[str, Any]) -> None:
        """Raises:
        StepError: the schema is none.
        """
        schemas.check_schema(schema)
        self._schema = schema
        self._plain = schema.get("type") == "object" and "oneOf" not in schema

    def strategy(self) -> ToolStrategy[Any]:
        """For LangChain's agent. By a tool, not by a provider's own way: those accept a part of JSON Schema only."""
        named = {"title": TOOL, "description": "Give the final answer."}
        if self._plain:
            return ToolStrategy({**self._schema, **named})
        inner = {key: value for key, value in self._schema.items() if key != "$defs"}
        wrapped = {"type": "object", "properties": {"value": inner}, "required": ["value"], **named}
        # References count from the top.
        return ToolStrategy(wrapped | ({"$defs": self._schema["$defs"]} if "$defs" in self._schema else {}))

    def misfit(self, response: Any) -> str | None:
        """What keeps a response from fitting; None when nothing does."""
        if not self._plain and "value" not in response:
            return "value is missing"
        return schemas.misfit(self._schema, self._unwrapped(response), "answer")

    def value(self, response: Any, text: str, agent: str) -> Any:
        """The answer; a model that would not use the tool may have written it as JSON.

        Raises:
            StepError: `answer_unfit`.
        """
        if response is not None:
            return self._unwrapped(response)
        try:
            written = json.loads(text)
            problem = schemas.misfit(self._schema, written, "answer")
        except ValueError:
            problem = f"it is no JSON: {shorten(text, 100)!r}"
        if problem is None:
            return written
        raise StepError(
            f"agent '{agent}' gave an answer that does not fit its schema: {problem}.",
            category="dependency",
            code="answer_unfit",
        )

    def _unwrapped(self, response: Any) -> Any:
        return response if self._plain else response["value"]
