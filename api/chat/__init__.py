"""`/v1/chat/completions` and `/v1/models` in OpenAI's shape: any chat client starts agent runs."""

from api.chat.routes import router

__all__ = ["router"]
