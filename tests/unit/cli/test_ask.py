"""`baton ask` and `baton save`."""

import pytest

from tests.unit.cli.support import Cli

TEAM = '''
from agents import Models, Rule, Script, Tool, Tools, Turn

PLAN = """
apiVersion: workflow/v1
kind: Workflow
metadata: {name: write_both}
spec:
  input: {schema: {type: object, properties: {whom: {type: array}}, required: [whom]}}
  steps:
    - name: each
      type: map
      config: {items: "{{ input.whom }}"}
      steps:
        - {name: write, type: tool, config: {tool: write, args: {to: "{{ item }}"}}}
"""
DRAFT = {"workflow": PLAN, "input": {"whom": ["ann", "bob"]}, "summary": "Writes to both."}


class Model(Script):
    def turn(self, spoken, asked, form):
        wanted = (form or {}).get("properties", {})
        if "route" in wanted:
            return Turn(structured={"route": "plan" if "Write" in asked else "answer", "reason": "So it is."})
        return Turn(structured=DRAFT) if "summary" in wanted else Turn(f"Said: {asked[:60]}")


def resources():
    def write(to: str) -> str:
        with open("written.txt", "a") as file:
            file.write(to + chr(10))
        return to

    models = Models(allow_real=False, default="scripted:m", scripts=[Model("m")])
    return [models, Tools([Tool("write", "Writes to somebody.", write, effect="irreversible")])]
'''


@pytest.fixture
def team(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    cli.write("team.py", TEAM)
    monkeypatch.setenv("BATON_MODULES", "team.py")
    return cli


@pytest.mark.capability("I05")
def test_a_question_is_answered_in_words(team: Cli) -> None:
    done = team("ask", "What", "is", "this?", "--context", "tone=dry")
    assert done.code == 0
    assert 'Said: What is this?\n\nContext:\n{"tone": "dry"}\n(answer: So it is.)\n' in done.out
    assert team("ask", "-", stdin="And this?\n").out.count("Said: And this?") == 1
    found = team("ask", "What?", "--json").json
    assert found["execution"]["output"]["answer"] == "Said: What?" and found["execution"]["workflow"] == "baton"


@pytest.mark.capability("F22", "I08", "C11")
def test_a_plan_is_shown_approved_carried_out_and_saved(team: Cli) -> None:
    asked = team("ask", "Write to both", "--save", "write_all", "--id", "x")
    assert asked.code == 4 and not team.read("written.txt")
    assert "asks: May this plan run, which changes something in the world outside: Writes to both." in asked.out
    assert "    workflow:\n      apiVersion: workflow/v1\n" in asked.out, "the whole of it"
    assert "The plan is not saved yet. When it has run: baton save x write_all" in asked.err
    path = "route.draft[0].review"
    assert team("approve", "x", path, "--by", "ann").code == 0
    done = team("resume", "x")
    assert done.code == 0 and sorted(team.read("written.txt")) == ["ann", "bob"]
    shown = " ".join(team("show", "x").out.split())
    assert "plan write_both: complexity 0.9 (" in shown and "may change the world outside: write" in shown
    assert [one["workflow"] for one in team("show", "x", "--json").json["plans"]] == ["write_both"]
    assert "Saved as write_all@1.1" in team("save", "x", "write_all@1.1").out
    again = team("run", "write_all", "--input", 'whom:=["eve"]')
    assert again.code == 0 and team.read("written.txt")[-1] == "eve"


def test_it_is_saved_at_once_where_nobody_had_to_be_asked(team: Cli) -> None:
    team.write("team.py", TEAM.replace('effect="irreversible"', 'effect="none"'))
    done = team("ask", "Write to both", "--save", "write_all")
    assert done.code == 0 and "Saved as write_all@1.0. Run it: baton run write_all --input …" in done.out
    assert team("ask", "What?", "--save", "nothing", "--id", "y").code != 0, "there was no plan"


def test_a_plan_is_edited_and_talked_about(team: Cli) -> None:
    assert team("ask", "Write to both", "--id", "x").code == 4
    path = "route.draft[0].review"
    assert team("respond", "x", path, "--text", "Not bob.").code == 0
    assert team("resume", "x").code == 4, "the next draft is asked about again"
    path = "route.draft[1].review"
    assert team("approve", "x", path, "--edit", 'input:={"whom": ["ann"]}').code == 0
    assert team("resume", "x").code == 0 and team.read("written.txt") == ["ann"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ask", " "), "Nothing is asked."),
        (("ask", "x", "--save", "y", "--detach"), "--save and --detach do not go together: there is no plan yet."),
        (("ask", "x", "--save", "bad name"), "name: 'bad name' "),
        (("ask", "x", "--save", "fine@not so"), "version: 'not so' "),
        (("ask", "x", "--save", "fine@"), "'fine@' names no workflow."),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], told: str, team: Cli) -> None:
    done = team(*words)
    assert done.code != 0 and told in done.err
    assert not (team.folder / "baton.db").exists()
