"""A graph that says who runs it."""

from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph


class Who(TypedDict, total=False):
    """Who, and what is known of them."""

    name: str
    user: dict[str, Any]


def _say(state: Who, config: RunnableConfig) -> Who:
    asked = config["configurable"]
    return {"name": asked["langgraph_auth_user_id"], "user": asked["langgraph_auth_user"]}


who = StateGraph(Who).add_node("say", _say).add_edge(START, "say").compile()
