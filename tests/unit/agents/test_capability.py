"""Which of several agents a step gets that asks for a capability."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.reasoning.capability import AgentRouting, Track, choose

TRACKS = st.builds(
    Track,
    succeeded=st.integers(0, 50),
    failed=st.integers(0, 50),
    busy=st.integers(0, 20),
    cost=st.floats(0, 100),
    priced=st.integers(0, 50),
)
NEVER = AgentRouting(exploration=0)


@pytest.mark.capability("I10", "O17")
@given(
    tracks=st.dictionaries(st.sampled_from("abcdef"), TRACKS),
    routing=st.builds(AgentRouting, exploration=st.floats(0, 1), explore_after=st.integers(0, 9)),
    seed=st.text(max_size=8),
)
def test_the_best_is_taken_or_one_that_may_be_explored(
    tracks: dict[str, Track], routing: AgentRouting, seed: str
) -> None:
    names = list("abcdef")
    choice = choose(names, tracks, routing, seed)
    assert choice == choose(names, tracks, routing, seed), "the same dice for a step that is entered again"
    assert choice.reason
    best = max(choice.scores.values())
    if choice.explored:
        track = tracks.get(choice.agent, Track())
        assert track.results < routing.enough and track.success >= routing.floor
    else:
        assert choice.scores[choice.agent] == best


def test_success_cost_and_load_each_decide_where_the_others_are_equal() -> None:
    good, bad = Track(succeeded=9, failed=1), Track(succeeded=5, failed=5)
    assert choose(["bad", "good"], {"good": good, "bad": bad}, NEVER, "").agent == "good"
    dear, cheap = Track(9, 1, cost=10, priced=10), Track(9, 1, cost=1, priced=10)
    assert choose(["dear", "cheap"], {"dear": dear, "cheap": cheap}, NEVER, "").agent == "cheap"
    busy = good.busier().busier()
    choice = choose(["busy", "free"], {"busy": busy, "free": good}, NEVER, "")
    assert (choice.agent, choice.reason) == (
        "free",
        "the best score of 2 (0.833; next is 'busy' with 0.533): 9 of 10 steps succeeded, 0 at work",
    )


@pytest.mark.capability("O17")
def test_exploring_is_bounded_and_can_be_switched_off() -> None:
    """One in ten choices tries who is least known; an agent that mostly fails is not among them, and nobody is before
    the best is known."""
    tracks = {"best": Track(30, 1), "unknown": Track(), "hopeless": Track(1, 9), "known": Track(25, 5)}
    names = list(tracks)
    dice = random.Random(7)
    chosen = [choose(names, tracks, AgentRouting(), str(dice.random())) for _ in range(2000)]
    assert {one.agent for one in chosen if one.explored} == {"unknown"}
    assert 140 < sum(one.explored for one in chosen) < 260
    assert not any(choose(names, tracks, NEVER, str(n)).explored for n in range(500))
    young = {**tracks, "best": Track(4, 0), "known": Track(2, 0)}
    assert not any(choose(names, young, AgentRouting(), str(n)).explored for n in range(500))


def test_without_adaptive_routing_the_first_is_taken_whatever_is_known() -> None:
    choice = choose(["a", "b"], {"a": Track(0, 50)}, AgentRouting(adaptive=False), "")
    assert (choice.agent, choice.reason) == ("a", "adaptive routing is off: the first that has the capability")
    assert choose(["a"], {}, AgentRouting(), "").reason == "nobody else has the capability"


@pytest.mark.capability("I10")
def test_what_was_never_tried_is_not_taken_for_free() -> None:
    """By its model's price, in proportion to what others needed; where nobody said that, as the others on average."""
    tried = Track(1, 1, cost=2, priced=2)  # half of its steps succeeded, which is assumed of who was not tried, too
    priced = {"tried": 0.5, "dear": 5.0}
    choice = choose(["dear", "tried", "unsaid"], {"tried": tried}, NEVER, "", priced)
    assert {name: (one.each, one.by) for name, one in choice.costs.items()} == {
        "dear": (10.0, "price"),
        "tried": (1.0, "past"),
        "unsaid": (5.5, "average"),
    }
    assert choice.agent == "tried"
    assert choice.as_record("c")["costs"]["unsaid"] == {"each": 5.5, "by": "average"}
    cheap = choose(["tried", "cheap"], {"tried": tried}, NEVER, "", {"tried": 0.5, "cheap": 0.05})
    assert (cheap.agent, cheap.reason) == (
        "cheap",
        "the best score of 2 (0.47; next is 'tried' with 0.2): not tried yet, about 0.1 each by its price, 0 at work",
    )
    nothing = choose(["a", "b"], {}, NEVER, "")
    assert nothing.costs == {} and "costs" not in nothing.as_record("c")
