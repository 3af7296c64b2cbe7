"""`human_approval`: everything that waits for the world outside: approvals, events, timers. The only interrupter.

The tables are the truth for answers: a wait is kept before anybody rests on it, an answer is kept before it is
delivered, and on every resume the body looks there first. `interrupt()` only says that the thread is parked and
what is asked; nothing before it acts, because a body may be entered again for an answer that is another's.
"""

from dataclasses import replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphInterrupt
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from graphs.errors import BatonError
from graphs.nodes.action import step_context
from graphs.nodes.body import Body, Dispatch, PlanContext
from graphs.nodes.perform import Update, perform
from graphs.nodes.resting import rest
from graphs.nodes.served import served
from graphs.policies import as_step_error
from graphs.state import Result
from graphs.steps import Answer, StepContext, Wait, Waiting


async def human_approval(dispatch: Dispatch, runtime: Runtime[PlanContext], config: RunnableConfig) -> Update:
    """Perform one waiting step."""
    return await perform(dispatch, runtime.context, config, _act)


async def _act(body: Body) -> Result:
    kind = body.prepared.kind
    assert isinstance(kind, Waiting)
    if (result := served(body)) is not None:
        return result
    body.begin()
    config = await body.rendered_config()
    context = step_context(body, 1)
    wait = _of_replay(body, _with_step_policy(body, kind.wait(context, config)))
    wait, answer = await body.host.open_wait(body.path, wait, context.state)
    if answer is None:
        answer = await rest(body, wait, lambda: _parked(body, wait))
    if answer is None:
        return body.cancelled("halted", "the plan ended while it waited")
    return _settled(body, kind, context, config, wait, answer)


def _with_step_policy(body: Body, wait: Wait) -> Wait:
    on_timeout = body.planned.step.on_timeout
    if on_timeout is not None and on_timeout.action in ("approve", "reject", "continue"):
        return replace(wait, on_timeout=on_timeout.action)
    return wait


def _of_replay(body: Body, wait: Wait) -> Wait:
    """Who is asked in a replay is told so: they look at a question they know, and nothing comes of their answer."""
    if body.host.recording is None or "message" not in wait.question:
        return wait
    message = f"(A replay: nothing outside is changed.) {wait.question['message']}"
    return replace(wait, question={**wait.question, "message": message})


def _parked(body: Body, wait: Wait) -> GraphInterrupt:
    try:
        interrupt({"path": body.path, "kind": wait.kind, **wait.question})
    except GraphInterrupt as parked:
        return parked
    # A foreign hand resumed with a value of its own; answers come from the tables only.
    return GraphInterrupt(())


def _settled(body: Body, kind: Waiting, context: StepContext, config: Any, wait: Wait, answer: Answer) -> Result:
    more: dict[str, Any] = {"decided_by": answer.by} if answer.by else {}
    on_timeout = body.planned.step.on_timeout
    if answer.outcome == "elapsed" and wait.on_timeout == "continue" and on_timeout and on_timeout.output is not None:
        return body.completed(on_timeout.output, **more)
    try:
        return body.completed(kind.settle(context, config, wait, answer), **more)
    except BatonError as error:
        return body.failed(as_step_error(error), attempts=1, **more)
