"""The model by itself: what is a name, and which definitions are the same one."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from graphs.spec import Step, is_name
from tests.support.language import with_steps, workflow


def _accepted(text: str) -> bool:
    try:
        Step(name=text)
    except ValidationError:
        return False
    return True


@example("a\n")
@example("a" * 128)
@example("a" * 129)
@given(st.text(st.sampled_from("aZ_9-.\n ä"), max_size=4))
def test_a_name_is_what_the_model_takes_for_one(text: str) -> None:
    assert is_name(text) == _accepted(text)


@pytest.mark.capability("P07", "X14", "Y06")
@pytest.mark.parametrize(
    ("kind", "other", "word"),
    [
        ("parallel", "minimum_success_count: 1", "min_success: 1"),
        ("parallel_group", "parallel_failure_threshold: 0.5", "min_success_rate: 0.5"),
        ("map", "minimum_success_count: '{{ input.least }}'", "min_success: '{{ input.least }}'"),
    ],
)
def test_another_word_for_a_key_makes_no_other_definition(kind: str, other: str, word: str) -> None:
    items = "items: [1, 2], " if kind == "map" else ""
    inner = "[{name: x, type: delay, config: {seconds: 1}}]"
    told, ours = (
        workflow(with_steps(f"- {{name: g, type: {kind}, config: {{{items}{said}}}, steps: {inner}}}"))
        for said in (other, word)
    )
    assert told == ours
    assert told.digest == ours.digest


def test_a_type_of_ones_own_keeps_its_words() -> None:
    config = {"minimum_success_count": 2}
    assert Step(name="a", type="mine", config=config).config == config
