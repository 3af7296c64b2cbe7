"""The live side of a superstep: which bodies wait for which results, and when nobody can go on.

Every unfinished step of a plan is dispatched at once. Its body waits here until what it depends on has been
*committed*; when every live body waits, the flow parks, and the process may die. One `Flow` for each plan that is
being carried out; the plans of composite steps hang below it as children.

    active    dispatched, not settled, not resting: something will happen without help from outside
    resting   waits for another step, for the world outside, or for a child flow in which everybody rests

    board     what the bodies of one plan know together: results, who waits for them, how it ended
    flow      the bodies of one plan: who is at work, who rests, what wakes them
    roll      whether all that were dispatched have begun
    root      what a tree of flows asks of the drive it belongs to
    work      how long somebody of a plan had something to do

Rules that keep it whole: what was dispatched counts, not what has started; dependents are woken before the settled
step stops being active; a commit looks only at its own dependents.
"""

from graphs.errors import DeadlockError
from graphs.flow.board import Board, Woken
from graphs.flow.flow import Flow
from graphs.flow.roll import not_begun
from graphs.flow.root import Root
from graphs.flow.work import AtWork, seconds_before

__all__ = ["AtWork", "Board", "Flow", "Root", "Woken", "deadlock", "not_begun", "seconds_before"]


def deadlock(paths: list[str]) -> DeadlockError:
    """Nothing can go on, and nothing from outside is awaited (F27)."""
    return DeadlockError(
        f"nothing can go on: {', '.join(paths)} wait for each other, and nothing from outside is awaited.",
        remaining=paths,
    )
