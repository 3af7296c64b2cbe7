"""What commands print for people."""

import pytest

from tests.unit.cli.support import Cli

FLOW = """
    - {name: note, type: function, config: {function: note, args: {path: effects, text: "{{ input.word }}"}}}
    - name: ask
      type: approval
      depends_on: [note]
      config: {message: "Send it?", payload: {to: Ada}, assignees: [grace], allow: [approve, reject, edit, respond]}
    - {name: last, type: function, depends_on: [ask],
       config: {function: note, args: {path: effects, text: "{{ steps.ask.output.decision }}"}}}
"""
WORD = "  input: {schema: {type: object, properties: {word: {type: string, default: hello}}}}\n"


@pytest.fixture
def asked(cli: Cli) -> Cli:
    """An execution that asks."""
    cli("run", cli.flow("letter", FLOW, WORD), "--id", "letter-1")
    return cli


@pytest.mark.capability("C12")
def test_validate_names_every_problem_with_its_place(cli: Cli) -> None:
    good = cli.flow("good", "    - {name: nap, type: delay, config: {duration: 1s}}\n")
    broken = cli.flow(
        "broken",
        "    - {name: nap, type: dealy, config: {duration: 1s}}\n    - {name: nop, type: delay, depends_on: [nip]}\n",
    )
    done = cli("validate", good, broken)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "good.yaml: ok  good@1.0, 1 step"
    assert [line.split(" ")[0] for line in lines[1:]] == ["broken.yaml:6:25:", "broken.yaml:7:7:", "broken.yaml:7:45:"]
    assert all(": error: " in line for line in lines[1:])


def test_validate_knows_templates_and_warnings(cli: Cli) -> None:
    template = cli.write(
        "t.yaml",
        "apiVersion: workflow/v1\nkind: WorkflowTemplate\nmetadata: {name: t}\nparameters: {n: {default: 1s}}\n"
        'spec: {steps: [{name: nap, type: delay, config: {duration: "${{ params.n }}"}}]}\n',
    )
    assert cli("validate", template).out == "t.yaml: ok  a template\n"
    empty = cli.write("e.yaml", "apiVersion: workflow/v1\nkind: Workflow\nmetadata: {name: e}\nspec: {}\n")
    warned = cli("validate", empty)
    assert (warned.code, "warning: " in warned.out, "ok  e@1.0" in warned.out) == (0, True, True)
    assert cli("validate", empty, "--strict").code == 1


@pytest.mark.capability("C09", "C10", "C15")
def test_a_published_workflow_is_run_by_name(cli: Cli) -> None:
    """Versions live side by side; a deprecated one is run only when it is asked for."""
    nap = "    - {name: nap, type: delay, config: {duration: 1ms}}\n"
    cli("publish", cli.flow("nap", nap))
    cli.write("nap2.yaml", (cli.folder / "nap.yaml").read_text().replace("{name: nap}", '{name: nap, version: "2.0"}'))
    assert cli("publish", "nap2.yaml").out.startswith("nap@2.0  published ")
    assert cli("run", "nap", "--json").json["execution"]["version"] == "2.0"
    assert cli("workflows", "deprecate", "nap", "2.0").out == "nap@2.0 is deprecated.\n"
    assert cli("run", "nap", "--json").json["execution"]["version"] == "1.0"
    assert cli("run", "nap", "--version", "2.0", "--json").json["execution"]["version"] == "2.0"
    assert cli("workflows", "deprecate", "nap", "2.0", "--undo").code == 0
    listed = cli("workflows").out.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [["nap", "2.0", "published"], ["nap", "1.0", "published"]]
    assert cli("run", "nap.yaml", "--version", "3").code == 1


def test_nothing_is_published_when_one_file_is_broken(cli: Cli) -> None:
    nap = cli.flow("nap", "    - {name: nap, type: delay, config: {duration: 1ms}}\n")
    assert cli("publish", nap, cli.flow("broken", "    - {name: x, type: nope}\n")).code == 1
    assert not (cli.folder / "baton.db").exists()


@pytest.mark.capability("D10", "D18", "D22")
def test_run_takes_input_metadata_and_a_key(cli: Cli) -> None:
    """The same key again shows the older execution, and does nothing twice; another wish under it is refused."""
    file = cli.flow("letter", FLOW, WORD)
    cli.write("word.json", '{"word": "from a file"}')
    first = cli("run", file, "-i", "@word.json", "--key", "k-1", "--metadata", "who=Ada", "--json").json["execution"]
    assert "is known" not in cli("run", file, "--key", "k-0").err
    other = cli("run", file, "-i", "word=other", "--key", "k-1")
    assert other.code == 1 and "The idempotency key 'k-1' was sent before, with something else." in other.err
    second = cli("run", file, "-i", "@word.json", "--key", "k-1", "--metadata", "who=Ada", "--json")
    again = second.json["execution"]
    assert "The key 'k-1' is known: this is the execution that was begun with it" in second.err
    assert (first["id"], first["metadata"]) == (again["id"], {"who": "Ada"})
    piped = cli("run", file, "-i", "-", "--json", stdin='{"word": "piped"}').json["execution"]
    assert piped["input"] == {"word": "piped"}
    assert cli.read("effects") == ["from a file", "hello", "piped"]


@pytest.mark.capability("I08", "O08")
def test_the_story_of_an_execution(asked: Cli) -> None:
    """What it did, what it asks and how to answer; afterwards who answered, and what came of it."""
    story = asked("show", "lett").out
    assert story.startswith("letter@1.0  letter-1  … waiting")
    assert "├── ✓ note function" in story
    assert "├── … ask approval  waiting" in story
    assert "└── · last function" in story
    assert "ask asks: Send it? (asks grace)" in story
    assert "baton approve letter-1 ask\n" in story
    asked("approve", "letter-1", "--by", "grace")
    asked("resume", "letter-1")
    story = asked("show", "letter-1").out
    assert "by grace" in story
    assert asked.read("effects") == ["hello", "approved"]
    records = asked("show", "letter-1", "--records").out.splitlines()
    assert any("approval.decided ask" in line for line in records)


@pytest.mark.capability("O08", "D05")
def test_what_is_answered_and_nobody_drives_says_how_to_go_on(asked: Cli) -> None:
    """It still waits, as far as the file says, and its time must not seem to be somebody's fault."""
    assert "no engine" not in asked("list").out
    asked("approve", "letter-1", "--by", "grace")
    assert "no engine drives it; last heard of at " in asked("list").out
    assert "Go on: baton resume letter-1" in asked("show", "letter-1").out
    assert asked("list", "--json").json["executions"][0]["undriven_since"]
    asked("resume", "letter-1")
    assert "no engine" not in asked("list").out + asked("show", "letter-1").out


@pytest.mark.capability("I08")
@pytest.mark.parametrize(
    ("words", "decision", "data"),
    [
        (("approve", "letter-1", "ask", "--edit", "cc=Grace"), "edited", {"to": "Ada", "cc": "Grace"}),
        (("approve", "letter-1", "ask", "--edit", "@new.json"), "edited", {"to": "Bob"}),
        (("respond", "letter-1", "ask", "--text", "rather not"), "responded", "rather not"),
        (("respond", "letter-1", "ask", "--data", "n:=1"), "responded", {"n": 1}),
        (("reject", "letter-1", "ask", "--reason", "typo"), "rejected", None),
    ],
)
def test_ways_to_decide(asked: Cli, words: tuple[str, ...], decision: str, data: object) -> None:
    asked.write("new.json", '{"to": "Bob"}')
    decided = asked(*words, "--json").json["decision"]
    assert (decided["outcome"], decided["data"]) == (decision, data)
    assert decided["by"], "whoever sits here, when nobody is named"


def test_a_number_that_was_given_as_text_is_told_how_it_is_written(cli: Cli) -> None:
    form = "{type: object, properties: {n: {type: integer}}}"
    step = f"    - {{name: ask, type: approval, config: {{message: How many?, schema: {form}, allow: [respond]}}}}\n"
    cli("run", cli.flow("count", step), "--id", "count-1")
    refused = cli("respond", "count-1", "ask", "--data", "n=5")
    assert refused.code != 0 and "'5' is not a whole number" in refused.err
    assert "for numbers, true and lists write name:=value." in " ".join(refused.err.split())
    assert cli("respond", "count-1", "ask", "--data", "n:=5").code == 0


def test_a_question_that_is_not_asked_is_answered_with_what_is(asked: Cli) -> None:
    assert "asks nothing now" in asked("approve", "nope").err or asked("approve", "nope").code == 8
    asked("approve", "letter-1")
    none = asked("approve", "letter-1")
    assert (none.code, "asks nothing now" in none.err) == (8, True)


def test_the_inbox_lists_what_is_waited_for(asked: Cli) -> None:
    asked("run", asked.flow("nap", "    - {name: nap, type: delay, config: {duration: 1h}}\n"), "--until-rest")
    inbox = asked("inbox").out
    assert "ask asks: Send it?" in inbox
    assert "letter@1.0  letter-1" in inbox
    assert "nap waits until " in inbox
    assert "baton reject letter-1 ask" in inbox


@pytest.mark.capability("D03")
def test_retry_and_fork_go_on_from_a_step(asked: Cli) -> None:
    """A waiting execution too: what was finished before the step stays."""
    assert asked("approve", "letter-1").code == 0
    assert asked("resume", "letter-1").code == 0
    assert asked("retry", "letter-1", "--from", "ask").code == 4, "it asks again"
    assert asked("retry", "letter-1", "--from", "note", "--again").code == 4
    forked = asked("fork", "letter-1", "--at", "note", "--edit", "word=forked", "--json")
    assert forked.code == 4
    fork = forked.json["execution"]
    assert (fork["parent"], fork["input"]) == ("letter-1", {"word": "forked"})
    assert asked.read("effects") == ["hello", "approved", "hello", "forked"]
    assert f"fork      {fork['id']} at note, waiting" in asked("show", "letter-1").out
    retried = asked("retry", "letter-1", "--from", "note", "--edit", "word=other", "--edit-step", "text=edited")
    assert retried.code == 4 and "Their idempotency keys are new" in retried.err
    assert asked("fork", "letter-1", "--from", "note", "--edit-step", "text=again").code == 4
    assert asked.read("effects")[-2:] == ["edited", "again"]
    pointless = asked("retry", "letter-1", "--from", "note", "--model", "scripted:echo")
    assert pointless.code != 0 and "another model changes nothing" in pointless.err
    assert "fork of   letter-1 at note" in asked("show", fork["id"][:6]).out


def test_list_filters_and_pages(asked: Cli) -> None:
    for number in (2, 3):
        asked("run", "letter.yaml", "--id", f"letter-{number}")
    asked("reject", "letter-2")
    asked("resume", "letter-2")
    assert [line.split()[0] for line in asked("list").out.splitlines()[1:]] == ["letter-3", "letter-2", "letter-1"]
    assert [one["id"] for one in asked("list", "--status", "failed", "--json").json["executions"]] == ["letter-2"]
    assert [one["id"] for one in asked("list", "--before", "letter-2", "--json").json["executions"]] == ["letter-1"]
    assert "The next page: --before letter-3" in asked("list", "--limit", "1").out
    assert asked("list", "--workflow", "nope").out == "No executions.\n"
    assert asked("list", "--since", "1h", "--json").json["executions"]


def test_ids_may_be_shortened_while_they_are_unique(asked: Cli) -> None:
    asked("run", "letter.yaml", "--id", "letter-2")
    several = asked("show", "letter")
    assert (several.code, "Several executions begin with 'letter'" in several.err) == (1, True)
    assert "at least 4" in asked("show", "let").err


def test_pruned_executions_are_gone(asked: Cli) -> None:
    asked("reject", "letter-1")
    asked("resume", "letter-1")
    assert asked("prune", "--older-than", "0s", "--keep", "failed").out == "0 executions deleted.\n"
    assert asked("prune", "--older-than", "0s", "--dry-run").out == "1 execution would be deleted.\n"
    assert asked("prune", "--older-than", "0s").out == "1 execution deleted.\n"
    assert asked("list").out == "No executions.\n"


def test_a_backup_can_be_used(asked: Cli) -> None:
    assert "whole and safe" in asked("backup", "copy.db").out
    assert asked("show", "letter-1", "--database", "copy.db").code == 0


@pytest.mark.capability("C16")
def test_drawings(asked: Cli) -> None:
    """Of a file, of an execution with its statuses, of what is published, of the graph with its six nodes."""
    assert asked("draw", "letter.yaml").out.startswith("flowchart TD")
    assert "classDef waiting" in asked("draw", "letter-1").out
    picture = asked("draw", "letter-1", "--svg").out
    assert picture.startswith("<svg ") and picture.count("<rect ") == 3 and "fill:#fcf3cf" in picture
    assert "fill:#fcf3cf" not in asked("draw", "letter.yaml", "--svg").out
    asked("publish", "letter.yaml")
    assert asked("draw", "letter").out == asked("draw", "letter.yaml").out
    graph = asked("draw", "--graph").out
    for node in ("orchestrator", "parallel_executor", "conditional_router", "react_agent", "human_approval"):
        assert node in graph
    assert "error_recovery" in graph


def test_an_unforeseen_error_is_a_sentence_and_with_debug_a_traceback(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever breaks: nobody is shown the inside who has not asked for it."""
    cli("run", cli.flow("nap", "    - {name: nap, type: delay, config: {duration: 1ms}}\n"))
    monkeypatch.setattr("orchestrator.cli.list.looking", lambda setting: 1 / 0)
    short, long = cli("list"), cli("list", "--debug")
    assert short.code == long.code == 1
    assert short.err.startswith("error: Something unforeseen: ZeroDivisionError: division by zero.\nhint: ")
    assert "Traceback" in long.err


def test_a_python_file_is_no_definition(cli: Cli) -> None:
    done = cli("run", "functions.py")
    assert (done.code, "--module functions.py" in done.err) == (1, True)


@pytest.mark.capability("I11")
def test_definitions_may_need_python_that_is_not_loaded(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workflows of a module go by name; without the module it is said what is missing."""
    cli.write(
        "flows.py",
        "from graphs.builder import WorkflowBuilder\n"
        "def double(state): return 2\n"
        "def workflows():\n"
        "    return [WorkflowBuilder('twice').function('twice', double).approval('ask').build()]\n",
    )
    done = cli("run", "twice", "--module", "flows.py", "--id", "twice-1")
    assert done.code == 4
    assert cli("approve", "twice-1").code == 0
    without = cli("resume", "twice-1")
    assert (without.code, "needs Python callables" in without.err) == (1, True)
    assert cli("resume", "twice-1", "--module", "flows.py").code == 0
