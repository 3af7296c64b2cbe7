"""Replays: what would act on the world outside is served from the record of the execution that is replayed."""

from typing import cast

from graphs.errors import StepError
from graphs.flow import Flow
from graphs.nodes.body import Body
from graphs.state import FINALLY, Result


def served(body: Body) -> Result | None:
    """A step's result without performing it; None when it is to be performed: this is no replay,
    it computes only, or it asks what the recorded execution did not ask, and changes nothing."""
    recording = body.host.recording
    if recording is None:
        return None
    kind, step = body.prepared.kind, body.planned.step
    if kind.computes(step) or step.name in recording.performed:
        return None
    found = recording.find(body.path, lambda path: _so_far(body, path))
    if found is not None:
        path, result = found
        return cast(Result, {**result, "served": path})
    if kind.acts(step) is False:  # it asks, and changes nothing
        return None
    if FINALLY in body.path:  # what tidies up has nothing to tidy up
        return body.skipped("unneeded", "a replay calls nothing, and the record has no such step")
    return body.failed(
        StepError(
            f"step '{body.path}' was not carried out: this is a replay, and the record has no such call.",
            category="validation",
            retryable=False,
            code="not_recorded",
            hint="A replay serves side effects from the record, and makes none.",
        ),
        attempts=0,
    )


def _so_far(body: Body, path: str) -> Result | None:
    """The result of a step of a plan around this one, as far as there is one."""
    flow: Flow | None = body.context.flow
    while flow is not None:
        name = path[len(flow.path) :].removeprefix(".")
        if path.startswith(flow.path) and name in flow.board.results:
            return flow.board.results[name]
        flow = flow.parent
    return None
