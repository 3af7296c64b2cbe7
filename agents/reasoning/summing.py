"""Summing up the older part of a conversation. Loaded through `agents.loading`: LangChain is slow to import."""

from collections.abc import Sequence
from typing import Any

from langchain.agents.middleware.summarization import DEFAULT_SUMMARY_PROMPT
from langchain_core.messages import HumanMessage, get_buffer_string

from agents.models.refusals import refusal_of, refused
from agents.reasoning.messages import MAX_WORDS, messages_of, usage_of
from agents.reasoning.paying import paid
from agents.reasoning.spending import Spending
from agents.reasoning.trimming import Message
from agents.values import shorten, tokens_of
from graphs.errors import StepError
from graphs.steps import StepContext


async def sum_up(
    context: StepContext, model: Any, told: Sequence[Message], model_name: str, spending: Spending
) -> dict[str, Any]:
    """What was said so far, in the model's own words: `summary`, `usage`.

    Raises:
        StepError: the model failed, refused, or said nothing.
    """
    asked = DEFAULT_SUMMARY_PROMPT.format(messages=get_buffer_string(messages_of(told)))
    said, took = await paid(context, model_name, spending, model.ainvoke([HumanMessage(asked)]))
    usage = spending.note(usage_of(said), took, tokens_of([said.content]))
    if words := refusal_of(said):
        raise refused(model_name, words)
    text = str(said.text).strip()
    if not text:
        raise StepError(f"model '{model_name}' gave an empty summary.", category="dependency", code="answer_empty")
    return {"summary": shorten(text, MAX_WORDS), "usage": usage}
