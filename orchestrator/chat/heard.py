"""What a chat client sends, and what its conversation is known by."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.chat.conversation import Message, name_of, named
from orchestrator.serving.served import Caller

Linking = Callable[[str, str, Any], Awaitable[str | None]]
"""Where a question of a thread can be answered besides: the thread's id, the interrupt's, and what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a client sends.

    Attributes:
        model: An assistant's id, or the name of a graph, an agent or a workflow.
        messages: The whole conversation.
        by: Who asks.
        whose: What sets conversations with the same words apart: the key, and the user the client names.
        thread: The name the client gave the conversation; without it, it is known by what was said.
        again: Whether the client repeats a request it got no answer to: it gets the run of the first.
        link: Where questions can be answered besides.
    """

    model: str
    messages: Sequence[Message]
    by: Caller
    link: Linking
    whose: str = ""
    thread: str | None = None
    again: bool = False
    idempotency_key: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wish(self) -> dict[str, Any]:
        """What has to be the same when the idempotency key is."""
        return {"model": self.model, "messages": list(self.messages), "thread": self.thread, "whose": self.whose}

    @property
    def place(self) -> str | None:
        """What the conversation is known by, if the client has named it."""
        if self.thread is None:
            return None
        return named(self.thread, self.by.consent.user["identity"] if self.by.consent is not None else None)

    @property
    def name(self) -> str:
        """What the conversation is known by, as it stands now."""
        return name_of(self.model, self.whose, self.messages)
