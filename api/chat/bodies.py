"""What chat clients send, as far as it is read.

How a model is to speak (`temperature`, `max_tokens` and the like) is an agent's own matter, and is let by. What would
have to change the answer's form, and cannot, is refused.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class MessageBody(BaseModel):
    """A message of the conversation; what is not named here goes with it to graphs that take messages."""

    model_config = ConfigDict(extra="allow")

    role: Role
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream shows besides the words."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool = False


class ChatBody(BaseModel):
    """A conversation that is to go on by one answer."""

    model_config = ConfigDict(extra="ignore")

    model: Annotated[str, Field(min_length=1, max_length=255)]
    messages: Annotated[list[MessageBody], Field(min_length=1, max_length=10_000)]
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: Annotated[str, Field(max_length=255)] | None = None
    metadata: dict[str, Any] | None = None
    n: Literal[1] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    functions: Annotated[list[Any], Field(max_length=0)] | None = None
    response_format: dict[str, Any] | None = None
    on_disconnect: Literal["cancel", "continue"] | None = None
    """Not OpenAI's: as in runs of langgraph-sdk. Clients send it as `extra_body`."""

    @model_validator(mode="after")
    def _answers_are_words(self) -> Self:
        if self.response_format is not None and self.response_format.get("type") != "text":
            raise ValueError("response_format: answers are text; give the agent an output_schema instead")
        return self
