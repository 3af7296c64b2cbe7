"""What is asked, in words; and words as answers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.errors import InputError
from orchestrator.chat.conversation import divided, name_of
from orchestrator.chat.inputs import input_of
from orchestrator.chat.questions import Question, answers, wording

_CONSENT = {"approve", "approved", "accept", "yes", "y", "ok", "okay", "confirm", "👍"}


def approval(*allow: str, name: str = "a") -> Question:
    value = {
        "kind": "approval",
        "path": name,
        "action_request": {"action": name, "args": {"amount": 5}},
        "description": f"{name}?",
        "allow": list(allow or ("approve", "reject", "edit")),
    }
    return Question(name, value)


def answer(words: str, *questions: Question) -> Any:
    return answers(questions or (approval(),), words)


@given(st.text(max_size=60))
def test_only_a_word_that_says_yes_and_nothing_else_approves(words: str) -> None:
    found = answer(words)
    if found is not None and found["a"]["decision"] == "approve":
        bare = words.strip().rstrip(" .!").lower()
        assert bare in _CONSENT or bare.partition(":")[0].strip() == "approve"


@pytest.mark.parametrize(
    "words", ["yes but less", "no problem", "approve and send", "ok?", "I do not approve", "maybe", ""]
)
def test_what_could_mean_either_decides_nothing(words: str) -> None:
    assert answer(words) is None


@pytest.mark.parametrize(
    ("words", "decided"),
    [
        ("Approve.", {"decision": "approve"}),
        ("approve: as agreed", {"decision": "approve", "reason": "as agreed"}),
        ("no", {"decision": "reject"}),
        ("No, it is too much", {"decision": "reject", "reason": "it is too much"}),
        ("reject because of the price", {"decision": "reject", "reason": "because of the price"}),
        ('edit: {"amount": 3}', {"decision": "edit", "data": {"amount": 3}}),
    ],
)
def test_decisions_are_understood(words: str, decided: dict[str, Any]) -> None:
    assert answer(words) == {"a": decided}


def test_what_takes_an_answer_takes_any_words() -> None:
    assert answer("Tuesday, at nine", approval("respond")) == {"a": {"decision": "respond", "data": "Tuesday, at nine"}}
    assert answer("approve", approval("respond")) is None
    assert answer('{"day": 2}', Question("q", "When?")) == {"q": {"day": 2}}


def test_several_are_answered_by_their_numbers_and_only_those_that_words_can_answer() -> None:
    event = Question("e", {**approval().value, "kind": "event", "description": "waits for the event paid"})
    both = (approval(name="a"), event, approval(name="b"))
    assert answer("1 approve\n3: reject: no", *both) == {
        "a": {"decision": "approve"},
        "b": {"decision": "reject", "reason": "no"},
    }
    assert answer("2 approve", *both) is None
    assert answer("4 approve", *both) is None
    assert answer("approve", *both) is None
    assert "2. It waits for the event paid." in wording(both)


@pytest.mark.parametrize(
    ("value", "words", "resumed"),
    [
        ([{"action_request": {"action": "send", "args": {}}, "config": {}}], "yes", [{"type": "accept", "args": None}]),
        ([{"action_request": {"action": "send", "args": {}}}], "why?", [{"type": "response", "args": "why?"}]),
        ({"action_requests": [{"name": "send"}], "review_configs": []}, "yes", {"decisions": [{"type": "approve"}]}),
        (
            {"action_requests": [{"name": "send"}], "review_configs": []},
            "reject: not now",
            {"decisions": [{"type": "reject", "message": "not now"}]},
        ),
        (
            {"action_requests": [{"name": "send"}], "review_configs": []},
            'edit {"to": "ben"}',
            {"decisions": [{"type": "edit", "edited_action": {"name": "send", "args": {"to": "ben"}}}]},
        ),
    ],
)
def test_questions_of_other_makers_are_answered_in_their_shapes(value: Any, words: str, resumed: Any) -> None:
    assert answers([Question("q", value)], words) == {"q": resumed}


def said(*words: str) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(words)]


def test_a_conversation_is_known_by_what_was_said_and_by_whom() -> None:
    name = name_of("m", "ann", said("hello", "hi"))
    assert name == name_of("m", "ann", [{"role": "system", "content": "It is noon."}, *said("hello ", "\nhi")])
    others = [name_of("m", "ben", said("hello", "hi")), name_of("n", "ann", said("hello", "hi"))]
    others += [name_of("m", "ann", said("hello", "hi", "x")), name_of("m", "ann", said("hello", "ho"))]
    assert len({name, *others}) == 5
    before, new = divided(said("a", "b", "c"))
    assert ([one["content"] for one in before], [one["content"] for one in new]) == (["a", "b"], ["c"])


def test_a_message_becomes_the_input_that_its_reader_takes() -> None:
    text, number = {"type": "string"}, {"type": "number"}

    def made(words: str, fields: Any, **more: Any) -> Any:
        return input_of("w", {"properties": fields, **more} if fields else None, said(words), whole=True)

    assert made("hello", None) == {"message": "hello"}
    assert made("hello", {"question": text, "depth": number}) == {"question": "hello"}
    assert made("hello", {"topic": text, "depth": number}, required=["topic"]) == {"topic": "hello"}
    assert made('{"amount": 5}', {"amount": number}) == {"amount": 5}
    assert made('{"amount": 5}', {"message": text}) == {"message": '{"amount": 5}'}
    assert made("hello", {"messages": {"type": "array"}}) == {"messages": said("hello")}
    with pytest.raises(InputError, match="'w' takes amount, unit, and no message in plain words"):
        made("hello", {"amount": number, "unit": text}, required=["amount", "unit"])
