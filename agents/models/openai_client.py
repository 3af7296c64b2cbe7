"""The HTTP client under OpenAI's models. Loaded through `agents.loading`: openai is slow to import.

langchain-openai would share one client among all models of the process and never close it: connections of a closed
event loop would be tried again in the next one. Ours belongs to one `Models` and is closed with it.
"""

import os
from collections.abc import Mapping
from typing import Any

from openai import DefaultAsyncHttpxClient


def own_client(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for a model that is to have a client of its own: the client, and what a given client switches off.

    Token counts in streams are asked for at OpenAI itself only; servers that merely speak its language may refuse.
    """
    elsewhere = "base_url" in settings or "OPENAI_BASE_URL" in os.environ or "OPENAI_API_BASE" in os.environ
    client = DefaultAsyncHttpxClient(follow_redirects=False)  # a redirect would carry what is said to another host
    return {"http_async_client": client, **({} if elsewhere else {"stream_usage": True})}
