"""A step that an agent calls as a tool, of whatever type: it tells of itself as a tool does."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from agents.tools.offers import Offer
from agents.tools.undoing import announce
from graphs.composites.base import Composite, Opening
from graphs.steps import Action, StepContext, StepType


def told_by(kind: StepType, offer: Offer, turn: int, args: Mapping[str, Any]) -> StepType:
    """A type of steps as it is, that says which tool is called before it acts, and whether nothing undoes that."""

    async def tell(context: StepContext) -> None:
        context.progress({"kind": "tool", "turn": turn + 1, "tool": offer["name"], "args": dict(args)})
        if offer.get("effect") == "irreversible":
            await announce(offer["target"], context)

    told = copy(kind)
    if isinstance(kind, Composite):
        opened = kind.open

        async def open_(opening: Opening) -> Any:
            await tell(opening.context)
            return await opened(opening)

        vars(told)["open"] = open_
    elif isinstance(kind, Action):
        acted = kind.run

        async def run(context: StepContext, config: Any) -> Any:
            await tell(context)
            return await acted(context, config)

        vars(told)["run"] = run
    return told
