"""What is slow to import waits behind one door, and the face of the package is what it says."""

import subprocess
import sys

import agents
from agents.loading import load
from graphs.steps import StepTypes

HEAVY = ("langchain", "langchain_core", "langgraph", "openai", "httpx", "jsonschema")


def test_importing_agents_imports_nothing_slow() -> None:
    code = f"import agents, sys; agents.step_types(); print([one for one in {HEAVY!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_door_gives_one_module_to_all() -> None:
    assert (
        await load("agents.services.http") is await load("agents.services.http") is sys.modules["agents.services.http"]
    )


def test_the_built_in_step_types() -> None:
    types = StepTypes(agents.step_types())
    assert {name: kind.node for name, kind in types.items()} == {
        "service_call": "parallel_executor",
        "validation": "parallel_executor",
        "function": "parallel_executor",
        "tool": "parallel_executor",
        "endpoint_call": "parallel_executor",
        "emit_event": "parallel_executor",
        "approval": "human_approval",
        "wait_for_event": "human_approval",
        "delay": "human_approval",
    }
    assert all(kind.summary for kind in types.values())
    for kind in types.values():
        kind.Config.model_json_schema()


def test_everything_public_is_there() -> None:
    assert all(hasattr(agents, name) for name in agents.__all__)
