"""Resting for the world outside: live while other branches run, parked when nobody does.

What is waited for stands in the tables before anybody rests, and an answer is kept before it is delivered, so the
process may die at any moment.
"""

from collections.abc import Callable

from langgraph.errors import GraphInterrupt

from graphs.flow import Woken
from graphs.nodes.body import Body
from graphs.steps import Answer, Wait


def _quietly() -> GraphInterrupt:
    return GraphInterrupt(())


async def rest(body: Body, wait: Wait, parked: Callable[[], GraphInterrupt] = _quietly) -> Answer | None:
    """Rest until a kept wait is over. None: it was called off (the plan has ended early), and nobody answered.

    Args:
        wait: As it is kept.
        parked: Makes what is raised when nobody goes on; only `human_approval` asks anything with it.

    Raises:
        GraphInterrupt: the flow parks; the body is run again on resume.
    """
    host, flow = body.host, body.context.flow
    answer = host.expect(body.path, wait, flow, body.planned.name)
    try:
        while answer is None:
            woken = await flow.outside(body.planned.name)
            if woken is Woken.PARK:
                raise parked()
            answer = host.expect(body.path, wait, flow, body.planned.name)
            if woken is Woken.HALT and answer is None:
                return await host.close_wait(body.path, elapsed=False)
    finally:
        host.unexpect(body.path)
    if answer.outcome == "elapsed":
        # Only one of an answer and the deadline wins, and the table says which.
        return await host.close_wait(body.path, elapsed=True)
    return answer
