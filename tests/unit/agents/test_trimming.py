"""Leaving out the older part of a conversation."""

from hypothesis import given
from hypothesis import strategies as st

from agents.reasoning.trimming import Part, trimmed
from agents.values import tokens_of

NOTE = "(Earlier messages were left out.)"


def _part(*texts: str) -> Part:
    return Part([{"role": "user", "content": text} for text in texts])


def test_the_oldest_goes_first_and_the_gap_is_told() -> None:
    first, question, old, new = _part("hello"), _part("what?"), _part("a" * 400, "b"), _part("c")
    told = trimmed([first, question, old, new], [question, new], 60)
    assert [message["content"] for message in told] == [NOTE, "what?", NOTE, "c"]


@given(st.lists(st.tuples(st.lists(st.text(max_size=50), max_size=3), st.booleans()), max_size=12), st.integers(0, 300))
def test_what_stays_stays_and_what_is_told_fits(given_parts: list[tuple[list[str], bool]], most: int) -> None:
    """In order, parts whole; nothing is left out that need not be."""
    parts = [_part(*texts) for texts, _ in given_parts]
    stays = [part for part, (_, must) in zip(parts, given_parts, strict=True) if must]
    told = [
        message for message in trimmed(parts, stays, most) if message["content"] != "(Earlier messages were left out.)"
    ]
    kept = [part for part in parts if all(any(one is message for one in told) for message in part.messages)]
    assert [id(message) for part in kept for message in part.messages] == [id(message) for message in told]
    assert all(part in kept for part in stays)
    if sum(tokens_of(part.messages) for part in kept) > most:
        assert [part for part in kept if part.messages] == [part for part in stays if part.messages]
    if sum(tokens_of(part.messages) for part in parts) <= most:
        assert len(told) == sum(len(part.messages) for part in parts)
