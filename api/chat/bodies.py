"""What chat clients send, as far as it is read.

How a model is to speak (`temperature`, `max_tokens` and the like) is an agent's own matter: it must be of the type that
OpenAI takes, and is let by. What would have to change the answer's form, and cannot, is refused.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]

Number = StrictFloat | None
Whole = StrictInt | None
Flag = StrictBool | None


class MessageBody(BaseModel):
    """A message of the conversation; what is not named here goes with it to graphs that take messages."""

    model_config = ConfigDict(extra="allow")

    role: Role
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """What a stream shows besides the words."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool = False


class SpeakingBody(BaseModel):
    """How a model is to speak, in OpenAI's words: looked at, so that a slip is told, and left to the agent."""

    model_config = ConfigDict(extra="ignore")

    temperature: Number = None
    top_p: Number = None
    frequency_penalty: Number = None
    presence_penalty: Number = None
    max_tokens: Whole = None
    max_completion_tokens: Whole = None
    seed: Whole = None
    top_logprobs: Whole = None
    logprobs: Flag = None
    parallel_tool_calls: Flag = None
    store: Flag = None
    logit_bias: dict[str, StrictFloat] | None = None
    stop: StrictStr | list[StrictStr] | None = None
    tool_choice: StrictStr | dict[str, Any] | None = None
    function_call: StrictStr | dict[str, Any] | None = None
    modalities: list[StrictStr] | None = None
    reasoning_effort: StrictStr | None = None
    verbosity: StrictStr | None = None
    service_tier: StrictStr | None = None


class ChatBody(SpeakingBody):
    """A conversation that is to go on by one answer."""

    model: Annotated[str, Field(min_length=1, max_length=255)]
    messages: Annotated[list[MessageBody], Field(min_length=1, max_length=10_000)]
    stream: Flag = False
    stream_options: StreamOptions | None = None
    user: Annotated[str, Field(max_length=255)] | None = None
    metadata: dict[str, Any] | None = None
    n: Literal[1] | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    on_disconnect: Literal["cancel", "continue"] | None = None
    """Not OpenAI's: as in runs of langgraph-sdk. Clients send it as `extra_body`."""

    @model_validator(mode="after")
    def _answers_are_words(self) -> Self:
        if self.response_format is not None and self.response_format.get("type") != "text":
            raise ValueError("response_format: answers are text; give the agent an output_schema instead")
        return self

    @field_validator("tools", "functions")
    @classmethod
    def _tools_are_the_agents(cls, given: list[Any] | None) -> list[Any] | None:
        if given:
            raise ValueError("who answers has tools of its own and calls them itself; send none")
        return given
