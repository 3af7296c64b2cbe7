"""Answers to what a user's own graph asks: each question is answered once, and by what was said of it."""

from collections.abc import Sequence
from typing import Any

from graphs.errors import ConflictError
from orchestrator.ids import shown_id
from orchestrator.serving.answers import are_ids, no_longer_asked
from orchestrator.serving.asked import place
from orchestrator.store.served.values import Run, Thread
from orchestrator.store.sqlite import SqliteStore
from orchestrator.store.units import Beside


def answered_once(run: Run, store: SqliteStore) -> Sequence[Beside]:
    """What belongs to a run, so that nobody's answer is given to something else.

    LangGraph gives an answer without an id to whatever is asked when it comes to it: that of a second click, or of a
    second person, to the next question. So such a run is not kept beside one that answers already.

    Raises:
        ConflictError: what it answers is not asked any more, or is being answered.
    """
    resume = (run.request.get("command") or {}).get("resume")
    if resume is None or _goes_back(run, store) or run.request.get("strict_resume"):
        return ()  # with strict_resume the run itself fails, as clients that ask for it expect
    thread = store.thread(run.thread_id, run.tenant)
    if thread is not None and thread.status != "busy":
        _refuse_late(resume, thread)
    if run.multitask != "enqueue":  # it takes the other's place, or is refused
        return ()
    at_rest = thread is not None and thread.status != "busy"
    return [store.answered_once(run, are_ids, thread.state_updated_at if thread and at_rest else None)]


def _goes_back(run: Run, store: SqliteStore) -> bool:
    """Whether it answers what was asked once; clients also name the checkpoint at which the thread stands now."""
    named = place(run.request).checkpoint_id
    return named is not None and named != store.standing(run.thread_id)["checkpoint"]


def _refuse_late(resume: Any, thread: Thread) -> None:
    asked = {each["id"] for group in thread.interrupts.values() for each in group}
    if are_ids(resume):
        if asked.isdisjoint(resume):
            raise no_longer_asked(next(iter(resume)))
    elif thread.status == "idle" and not asked and thread.state is not None:
        raise ConflictError(
            f"Nothing is asked on thread '{shown_id(thread.id)}' that this could answer.",
            hint="It has been answered already. To go on, start a run with an input.",
            code="nothing_asked",
        )
