"""Answers in which a model says that it will not answer. They are no answers, and what they say is kept."""

from typing import Any

from agents.services.wording import excerpt
from agents.values import shorten
from graphs.errors import StepError

_KEPT = 10_000
"""Characters of what a model said that are kept."""


def refusal_of(message: Any) -> str:
    """What the model said in place of an answer, as OpenAI's interfaces tell it; nothing where it answered."""
    said = message.additional_kwargs.get("refusal")
    blocks = message.content if isinstance(message.content, list) else []
    parts = [block.get("refusal") for block in blocks if isinstance(block, dict) and block.get("type") == "refusal"]
    return str(said) if said else "".join(str(part) for part in parts if part)


def refused(model_name: str, said: str) -> StepError:
    """The failure: asking the same again would not help."""
    return StepError(
        f"model '{model_name}' refused to answer: {excerpt(said)}",
        category="validation",
        retryable=False,
        code="answer_refused",
        hint="Say what it is for, ask for something else, or ask another model.",
        refusal=shorten(said, _KEPT),
    )
