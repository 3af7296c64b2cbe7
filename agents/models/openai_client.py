"""OpenAI's models, and the HTTP client under them. Loaded through `agents.loading`: openai is slow to import.

langchain-openai would share one client among all models of the process and never close it: connections of a closed
event loop would be tried again in the next one. Ours belongs to one `Models` and is closed with it.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import AzureChatOpenAI, ChatOpenAI
from langchain_openai.chat_models.base import BaseChatOpenAI
from openai import DefaultAsyncHttpxClient


class _HearsRefusals(BaseChatOpenAI):
    """langchain-openai keeps what a model says in place of an answer only where that comes in one piece; this, also
    where it comes word by word."""

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices") or [{}]
        if made is not None and (words := (choices[0].get("delta") or {}).get("refusal")):
            made.message.additional_kwargs["refusal"] = words
        return made


class HearsRefusals(_HearsRefusals, ChatOpenAI):
    """Models of OpenAI, and of servers that speak as it does."""


class AzureHearsRefusals(_HearsRefusals, AzureChatOpenAI):
    """OpenAI's models at Azure."""


OWN: Final[Mapping[str, type[BaseChatOpenAI]]] = {"openai": HearsRefusals, "azure_openai": AzureHearsRefusals}
"""By provider."""


def own_client(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for a model that is to have a client of its own: the client, and what a given client switches off.

    Token counts in streams are asked for at OpenAI itself only; servers that merely speak its language may refuse.
    """
    elsewhere = "base_url" in settings or "OPENAI_BASE_URL" in os.environ or "OPENAI_API_BASE" in os.environ
    client = DefaultAsyncHttpxClient(follow_redirects=False)  # a redirect would carry what is said to another host
    return {"http_async_client": client, **({} if elsewhere else {"stream_usage": True})}
