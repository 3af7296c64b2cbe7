"""What `baton show` says of the orchestrator's analysis and choices."""

import pytest

from tests.unit.cli.support import Cli

FAST = """
from agents import Agent, Agents, Models, Rule, Script, Turn

def resources():
    script = Script("s", rules=(Rule(".", Turn("Done.")),))
    agents = [Agent(name=name, model="scripted:s", capabilities=("refunds",)) for name in ("ann", "bob")]
    return [Models(allow_real=False, scripts=[script]), Agents(agents)]
"""


@pytest.mark.capability("O22", "A51", "I10", "M16")
def test_the_analysis_the_strategy_and_every_choice_are_shown(cli: Cli) -> None:
    cli.write("team.py", FAST)
    cli.flow("w", "    - {name: ask, type: agent, config: {agent_capability: refunds, message: Go}}")
    assert cli("run", "w.yaml", "--id", "x", "--module", "team.py").code == 0
    out = " ".join(cli("show", "x").out.split())
    assert (
        "analysis complexity 0.8 (size 0.1, width 0.1, depth 0.1, kinds 0.2, side effects 0.1, capabilities 0.2); "
        "may change the world outside: ask; needs agents for: refunds" in out
    )
    assert "strategy react, dataflow: in 1 of 1 steps an agent reasons; every step is sent at once" in out
    assert (
        "chosen ask: ann for 'refunds': nothing is known of any of the 2 that have it, and it was registered first"
        in out
    )
    found = cli("show", "x", "--json").json
    assert found["analysis"]["complexity_score"] == 0.8 and found["strategy"]["pattern"] == "react"
    assert [(one["path"], one["agent"]) for one in found["choices"]] == [("ask", "ann")]
    assert cli("run", "w.yaml", "--id", "y", "--module", "team.py").code == 0
    assert "of the last 1 executions 0 failed" in " ".join(cli("show", "y").out.split())


@pytest.mark.capability("I10", "C09")
def test_what_a_command_begins_is_pinned_to_the_agents_of_python_too(cli: Cli) -> None:
    """Otherwise a published agent with the capability would be the only one that was there when it began."""
    cli.write("team.py", FAST)
    agent = "apiVersion: workflow/v1\nkind: Agent\nmetadata: {name: cleo, tags: [refunds]}\nspec: {model: 'scripted:s'}"
    cli.write("cleo.yaml", agent)
    assert cli("publish", "cleo.yaml").code == 0
    cli.flow("w", "    - {name: ask, type: agent, config: {agent_capability: refunds, message: Go}}")
    assert cli("run", "w.yaml", "--id", "x", "--module", "team.py").code == 0
    found = cli("show", "x", "--json").json
    assert {*found["execution"]["pins"]} == {"ann", "bob", "cleo"}
    assert "came_later" not in found["choices"][0] and "any of the 3 that have it" in cli("show", "x").out


@pytest.mark.capability("O16")
def test_advice_is_given_from_what_happened(cli: Cli) -> None:
    flow = cli.flow("late", "    - {name: tell, type: emit_event, timeout: 1h, config: {event_type: late}}")
    assert cli("publish", flow).code == 0
    assert cli("advise", "late").out == "Nothing to advise about 'late' so far.\n"
    for _ in range(5):
        assert cli("run", "late").code == 0
    said = cli("advise", "late")
    assert "tell  it may take 1h, and 95 % of its runs were done in" in said.out and "  timeout: 10\n" in said.out
    assert cli("advise", "late", "--json").json["advice"][0]["step"] == "tell"
    assert cli("advise", "nothing").code != 0
