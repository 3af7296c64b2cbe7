"""Summing up the older part of a conversation. Loaded through `agents.loading`: LangChain is slow to import."""

from collections.abc import Sequence
from typing import Any

from langchain.agents.middleware.summarization import DEFAULT_SUMMARY_PROMPT
from langchain_core.messages import HumanMessage, get_buffer_string

from agents.models.apart import apart
from agents.models.providers import explain
from agents.reasoning.messages import MAX_WORDS, messages_of, usage_of
from agents.reasoning.spending import Spending
from agents.reasoning.trimming import Message
from agents.values import shorten
from graphs.errors import StepError
from graphs.steps import StepContext


async def sum_up(
    context: StepContext, model: Any, told: Sequence[Message], model_name: str, spending: Spending
) -> dict[str, Any]:
    """What was said so far, in the model's own words: `summary`, `usage`.

    Raises:
        StepError: the model failed, or said nothing.
    """
    began = context.clock.monotonic()
    asked = DEFAULT_SUMMARY_PROMPT.format(messages=get_buffer_string(messages_of(told)))
    try:
        said = await apart(model.ainvoke([HumanMessage(asked)]))
    except Exception as error:
        spending.note({}, context.clock.monotonic() - began)
        raise explain(error, model_name, context.clock.now()) or error from error
    usage = spending.note(usage_of(said), context.clock.monotonic() - began)
    text = str(said.text).strip()
    if not text:
        raise StepError(f"model '{model_name}' gave an empty summary.", category="dependency", code="answer_empty")
    return {"summary": shorten(text, MAX_WORDS), "usage": usage}
