"""What models cost, as `baton show` tells it: by step, agent and model, and in all."""

import pytest

from tests.unit.cli.support import Cli

AGENTS = """
from agents import Agent, Agents, Call, Models, Script, Turn
from agents.models.prices import Prices


def resources():
    scripts = [Script(name, turns=(Turn("Done."),)) for name in ("cheap", "dear")]
    prices = Prices.from_mapping({"scripted:cheap": {"call": 1}, "scripted:dear": {"call": 10}})
    agents = Agents([Agent(name="ann", model="scripted:cheap"), Agent(name="bob", model="scripted:dear")])
    return [Models(allow_real=False, scripts=scripts), prices, agents]
"""
STEPS = """
    - {name: one, type: agent, config: {agent: ann, message: Go}}
    - {name: two, type: agent, config: {agent: ann, message: Go}}
    - {name: three, type: agent, config: {agent: bob, message: Go}}
"""


@pytest.mark.capability("I05", "O01")
def test_usage_and_cost_by_step_agent_model_and_in_all(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write("helpers.py", AGENTS)
    monkeypatch.setenv("BATON_MODULES", "helpers.py")
    assert cli("run", cli.flow("asking", STEPS), "--id", "e").code == 0
    shown = cli("show", "e").out
    for line in (
        "model     one: 1 call of scripted:cheap by ann, ",
        "model     three: 1 call of scripted:dear by bob, ",
        "in all    agent ann: 2 calls, ",
        "in all    model scripted:cheap: 2 calls, ",
        "in all    3 calls, ",
    ):
        assert line in shown
    assert "12 spent" in shown
    cost = cli("show", "e", "--json").json["cost"]
    assert {name: one["cost"] for name, one in cost["agent"].items()} == {"ann": 2.0, "bob": 10.0}
    assert {name: one["cost"] for name, one in cost["model"].items()} == {"scripted:cheap": 2.0, "scripted:dear": 10.0}
    assert (cost["execution"][""]["calls"], cost["execution"][""]["cost"]) == (3, 12.0)
