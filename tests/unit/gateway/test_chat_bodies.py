"""What a chat request may say: words of OpenAI's have OpenAI's types, and others are let by."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.chat.bodies import ChatBody

_SAID = {"model": "agent", "messages": [{"role": "user", "content": "hello"}]}

pytestmark = pytest.mark.capability("I14")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "hot"),
        ("temperature", True),
        ("top_p", "0.5"),
        ("presence_penalty", []),
        ("frequency_penalty", {}),
        ("max_tokens", "many"),
        ("max_completion_tokens", 1.5),
        ("seed", "7"),
        ("logprobs", 1),
        ("top_logprobs", True),
        ("stop", 3),
        ("stop", [3]),
        ("logit_bias", {"50256": "much"}),
        ("parallel_tool_calls", "yes"),
        ("tool_choice", 1),
        ("reasoning_effort", 5),
        ("stream", "yes"),
    ],
)
def test_a_word_of_openai_with_another_type_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        ChatBody.model_validate({**_SAID, name: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {name}


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 1, "top_p": 0.5, "max_tokens": 100, "stop": "END", "seed": -1},
        {"temperature": None, "stream": None, "stop": None, "max_completion_tokens": None, "logit_bias": None},
        {"stop": ["a", "b"], "logit_bias": {"50256": -100}, "tool_choice": "auto", "logprobs": False, "store": True},
        {"a_word_of_tomorrow": object()},
    ],
)
def test_what_openai_takes_is_let_by(more: dict[str, Any]) -> None:
    assert ChatBody.model_validate({**_SAID, **more}).model == "agent"
