"""Workflows that definitions name: looked for in the files that come together, in modules, and in the catalogue."""

import pytest

from tests.unit.cli.support import Cli

NAP = "    - {name: nap, type: delay, config: {duration: 1ms}}\n"
USES = """
    - {name: one, type: workflow, config: {workflow: nap}}
    - {name: two, type: workflow, config: {workflow: nap, version: "2.0"}}
"""
UNKNOWN = "uses.yaml:7:54: {}: step 'one', config.workflow: there is no workflow 'nap'. Publish it first, or correct"
LATER = "uses.yaml:8:54: {}: step 'two', config.workflow: there is no workflow 'nap' in version 2.0. Publish it first"


@pytest.fixture
def uses(cli: Cli) -> Cli:
    """`uses.yaml` names `nap` in two versions, and there is a database in which nothing is published so far."""
    cli.flow("uses", USES)
    cli("publish", cli.flow("other", NAP))
    return cli


@pytest.mark.capability("F24", "C12")
@pytest.mark.parametrize("command", ["validate", "publish"])
def test_what_is_not_published_yet_is_a_warning_and_with_strict_an_error(uses: Cli, command: str) -> None:
    """Who publishes one file after the other begins with one of them."""
    strict = uses(command, "uses.yaml", "--strict")
    assert strict.code == 1 and uses("workflows", "show", "uses").code == 8
    done = uses(command, "uses.yaml")
    said = done.out + done.err
    assert done.code == 0 and UNKNOWN.format("warning") in said and LATER.format("warning") in said


@pytest.mark.capability("F24", "C12")
@pytest.mark.parametrize("command", ["validate", "publish"])
def test_files_that_come_together_know_of_each_other(uses: Cli, command: str) -> None:
    """In any order. A file that is no definition says so itself, and hides nothing of the others."""
    both = (command, "uses.yaml", uses.flow("nap", NAP), "--strict")
    done = uses(*both)
    said = done.out + done.err
    assert (done.code, LATER.format("warning") in said, UNKNOWN.format("warning") in said) == (1, True, False)
    text = (uses.folder / "nap.yaml").read_text()
    second = uses.write("second.yaml", text.replace("name: nap}", 'name: nap, version: "2.0"}', 1))
    wrong = uses(*both, second, uses.write("wrong.yaml", "spec: 1"))
    assert wrong.code == 1 and "warning" not in wrong.out + wrong.err
    assert uses(*both, second).code == 0


@pytest.mark.capability("F24", "C12", "C09")
def test_what_runs_here_must_be_there(uses: Cli) -> None:
    """Also under its own name; and it then runs with what is published."""
    refused = uses("run", "uses.yaml")
    assert refused.code == 1 and UNKNOWN.format("error") in refused.err and LATER.format("error") in refused.err
    uses("publish", "uses.yaml", uses.flow("nap", NAP))
    by_name = uses("run", "uses")
    assert by_name.code == 1 and "there is no workflow 'nap' in version 2.0" in by_name.err
    text = (uses.folder / "nap.yaml").read_text().replace("name: nap}", 'name: nap, version: "2.0"}', 1)
    uses("publish", uses.write("second.yaml", text))
    assert uses("run", "uses").code == 0


@pytest.mark.capability("F24", "C12")
def test_without_a_database_nobody_can_say(cli: Cli) -> None:
    """Nor is one made to find out."""
    done = cli("validate", cli.flow("uses", USES), "--strict")
    assert done.code == 0
    assert "not checked: workflow nap. Check with --database FILE, or name the files of both." in done.out
    beside = cli("validate", "uses.yaml", cli.flow("nap", NAP))
    assert "not checked: workflow nap." in beside.out, "its version 2.0"
    assert cli("list").code == 8, "there is no database yet"


@pytest.mark.capability("F24", "X10")
def test_what_a_workflow_is_given_and_gives_is_held_against_what_is_published(cli: Cli) -> None:
    more = "  input: {schema: {type: object, properties: {a: {type: integer}}, required: [a]}}\n"
    cli("publish", cli.flow("nap", NAP, more))
    read = "    - {name: two, type: delay, config: {duration: '{{ steps.one.output.b }}'}, depends_on: [one]}\n"
    done = cli("validate", cli.flow("uses", "    - {name: one, type: workflow, config: {workflow: nap}}\n" + read))
    assert done.code == 1 and "the workflow 'nap' needs 'a', which is not given." in done.out


@pytest.mark.capability("I05", "C12")
def test_a_published_agent_is_known(cli: Cli) -> None:
    agent = "kind: Agent\nmetadata: {name: clerk}\nspec: {model: scripted:echo, instructions: Be kind.}\n"
    cli("publish", cli.write("clerk.yaml", agent))
    step = "    - {name: ask, type: agent, config: {agent: CLERK, message: Hello}}\n"
    for name, said in (("clerk", ""), ("clerk@1.0", ""), ("clerk@2.0", "there is no agent 'clerk' in version 2.0")):
        done = cli("validate", cli.flow("asks", step.replace("CLERK", name)))
        assert ("no agent" in done.out, "not checked: agent" in done.out) == (bool(said), False)
        assert said in done.out


@pytest.mark.capability("I10", "C12")
def test_a_capability_that_nobody_has_is_told_with_the_nearest(cli: Cli) -> None:
    """Of agents of the modules, of files that come together, and of published ones; where none is known, of none."""
    step = "    - {name: ask, type: agent, config: {agent_capability: CAN, message: Hello}}\n"
    wanted = "step 'ask', config.agent_capability: no agent that is known here has the capability 'refundz'."
    flow = cli.flow("asks", step.replace("CAN", "refundz"))
    assert wanted not in cli("validate", flow).out
    agent = "kind: Agent\nmetadata: {name: clerk}\nspec: {model: scripted:echo, capabilities: [refunds]}\n"
    done = cli("validate", flow, cli.write("clerk.yaml", agent))
    assert done.code == 0 and f"{wanted} Did you mean 'refunds'?" in " ".join(done.out.split())
    assert "capability" not in cli("validate", cli.flow("right", step.replace("CAN", "refunds")), "clerk.yaml").out
    cli("publish", "clerk.yaml")
    assert wanted in cli("validate", flow).out and wanted in cli("publish", flow).err
    module = "from agents import Agent, Agents\n\ndef resources():\n"
    cli.write("team.py", f"{module}    return [Agents([Agent(name='bob', capabilities=['refundz'])])]\n")
    assert wanted not in cli("validate", flow, "--module", "team.py").out
    assert wanted in cli("validate", flow, "--strict").out and cli("validate", flow, "--strict").code == 1
