"""`baton replay` and `baton compare`."""

import pytest

from tests.unit.cli.support import Cli

AGENTS = '''
from agents import Call, Models, Script, Tools, Turn, tool
from agents.models.prices import Prices


@tool
def refund(amount: int) -> str:
    """Pay back."""
    with open("effects", "a") as effects:
        effects.write(f"refund {amount}\\n")
    return "done"


def resources():
    first = Script("first", turns=(Turn(calls=(Call("refund", {"amount": 5}),)), Turn("Paid 5.")))
    calls = (Call("refund", {"amount": 5}), Call("refund", {"amount": 7}))
    second = Script("second", turns=(Turn(calls=calls), Turn("Paid 12.")))
    prices = Prices.from_mapping({"scripted:first": {"call": 1}, "scripted:second": {"call": 0.5}})
    return [Models(allow_real=False, scripts=[first, second]), Tools([refund]), prices]
'''
STEPS = """
    - {name: ask, type: agent, config: {model: "scripted:first", message: Go, tools: [refund]}}
"""


@pytest.fixture
def asked(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    cli.write("helpers.py", AGENTS)
    monkeypatch.setenv("BATON_MODULES", "helpers.py")
    assert cli("run", cli.flow("paying", STEPS), "--id", "pay-1").code == 0
    assert cli.read("effects") == ["refund 5"]
    return cli


@pytest.mark.capability("D03")
def test_another_model_is_tried_out_and_what_differs_is_shown(asked: Cli) -> None:
    told = asked("replay", "pay-1", "--from", "ask", "--model", "scripted:second")
    assert told.code == 0, told.err
    assert asked.read("effects") == ["refund 5"], "nothing is done"
    said = told.out.split("path      ")[1]
    assert "+ ask[0].refund-1" in said
    assert "- output.answer Paid 5." in said and "+ output.answer Paid 12." in said, "and not all that is the same"
    assert "result    - output.answer Paid 5.\n          + output.answer Paid 12.\n" in said
    assert "cost      - 2 calls of scripted:first" in said
    assert "+ 2 calls of scripted:second" in said and "1 spent" in said
    assert "\ntime      - " in said


@pytest.mark.capability("D03", "O22")
def test_what_both_sides_have_in_common_costs_neither(asked: Cli) -> None:
    """A replay from inside of an agent takes over what the model had said before, and pays nothing for it."""
    told = asked("replay", "pay-1", "--from", "ask[1].model", "--model", "scripted:first")
    assert "cost      - 1 call of scripted:first" in told.out and "+ 1 call of scripted:first" in told.out


@pytest.mark.capability("D03", "I08")
def test_whoever_is_asked_in_a_replay_is_told_that_it_is_one(asked: Cli) -> None:
    steps = f"""{STEPS}
    - name: sure
      type: conditional
      depends_on: [ask]
      config: {{if: "steps.ask.output.answer == 'Paid 12.'"}}
      then: [{{name: sure, type: approval, config: {{message: "Really?", allow: [respond]}}}}]
"""
    assert asked("run", asked.flow("asking", steps), "--id", "ask-1").code == 0
    replayed = asked("replay", "ask-1", "--from", "ask", "--model", "scripted:second", "--until-rest")
    assert replayed.code == 4 and "asks: (A replay: nothing outside is changed.) Really?" in replayed.out
    assert "(A replay: nothing outside is changed.) Really?" in asked("inbox").out
    assert "--text ..." in asked("inbox").out, "it is answered in words"
    replay = asked("list", "--json").json["executions"][0]["id"]
    assert "replay of ask-1 at ask" in asked("list").out
    assert "replay of ask-1 at ask" in " ".join(asked("show", replay).out.split())
    assert f"replay    {replay} at ask, waiting" in asked("show", "ask-1").out


def test_for_programs_it_is_one_document(asked: Cli) -> None:
    told = asked("replay", "pay-1", "--from", "ask[1].model", "--json").json
    replay = told["execution"]
    assert (replay["parent"], replay["status"], told["interrupted"]) == ("pay-1", "completed", False)
    assert told["compared"]["facts"].keys() <= {"active_seconds", "parent", "forked_at"}
    other = asked("compare", "pay-1", replay["id"], "--json").json
    assert other == told["compared"]
    assert "result    the same" in asked("compare", "pay-1", replay["id"]).out
    lines = asked("replay", "pay-1", "--from", "ask", "--json", "--watch").out.splitlines()
    assert len(lines) > 3


def test_what_makes_no_sense_says_what_there_is(asked: Cli) -> None:
    told = asked("replay", "pay-1", "--from", "nowhere")
    assert told.code == 8
    assert told.err == "error: There is no step 'nowhere' in this execution.\nhint: Steps: ask.\n"
    assert asked("compare", "pay-1", "pay-2").code == 8
