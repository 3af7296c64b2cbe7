"""The catalogue on the command line: what is published, in which versions, and what it says."""

import re

import pytest

from graphs.clock import SystemClock
from orchestrator.store.locking import engine_lock
from tests.unit.cli.support import Cli

NAP = "    - {name: nap, type: delay, config: {duration: 1ms}}\n"


@pytest.fixture
def published(cli: Cli) -> Cli:
    """Two versions of a workflow, the older one deprecated."""
    for version in ("1.0", "2.0"):
        text = (cli.folder / cli.flow("nap", NAP)).read_text()
        more = f'{{name: nap, version: "{version}", description: Sleeps a little., tags: [rest]}}'
        cli("publish", cli.write("nap.yaml", text.replace("{name: nap}", more, 1)), "--by", "ann")
    cli("workflows", "deprecate", "nap", "1.0")
    return cli


@pytest.mark.capability("C09", "C10", "C14")
def test_show_tells_versions_lifecycle_description_and_source(published: Cli) -> None:
    shown = published("workflows", "show", "nap").out
    assert shown.startswith("nap@2.0  published\nabout     Sleeps a little.\ntags      rest\ndigest    ")
    rows = [line.split() for line in shown.splitlines()]
    assert ["2.0", "published"] in [row[:2] for row in rows] and ["1.0", "deprecated"] in [row[:2] for row in rows]
    assert all(row[-1] == "ann" for row in rows if row[:1] in (["2.0"], ["1.0"]))
    assert "apiVersion: workflow/v1" in shown
    older = published("workflows", "show", "nap", "--version", "1.0", "--json").json
    assert (older["workflow"]["status"], [one["version"] for one in older["versions"]]) == (
        "deprecated",
        ["2.0", "1.0"],
    )
    assert older["definition"]["metadata"]["description"] == "Sleeps a little."


@pytest.mark.capability("C14")
def test_the_source_reads_back_as_the_same_workflow(published: Cli) -> None:
    source = published("workflows", "show", "nap", "--version", "1.0", "--source").out
    assert source == published("workflows", "show", "nap", "--version", "1.0", "--json").json["source"]
    checked = published("validate", published.write("again.yaml", source), "--json").json["files"][0]
    assert (
        checked["digest"]
        == published("workflows", "show", "nap", "--version", "1.0", "--json").json["workflow"]["digest"]
    )


def test_what_is_not_published_is_told_with_what_is(published: Cli) -> None:
    unknown, version = published("workflows", "show", "nip"), published("workflows", "show", "nap", "--version", "3")
    assert (unknown.code, "No workflow 'nip' is published." in unknown.err) == (8, True)
    assert (version.code, "Versions of 'nap': 2.0, 1.0." in version.err) == (8, True)


def test_a_fork_may_be_given_its_id_and_resume_may_leave_the_work_to_others(published: Cli) -> None:
    published("run", "nap", "--id", "nap-1")
    forked = published("fork", "nap-1", "--at", "nap", "--id", "nap-2", "--detach", "--json")
    assert forked.json["execution"]["id"] == "nap-2"
    taken = published("fork", "nap-1", "--at", "nap", "--id", "nap-1")
    assert (taken.code, "There is an execution 'nap-1' already" in taken.err) == (9, True)
    left = published("resume", "nap-2", "--detach")
    assert (left.code, "No engine drives the database now. Go on: baton resume nap-2" in left.out) == (0, True)
    assert published("resume", "--detach").code == 1
    assert published("resume", "nap-2").code == 0


def test_who_names_a_step_inside_of_another_wrongly_is_told_its_path(cli: Cli) -> None:
    inside = "    - {name: outer, type: sequence, steps: [{name: inner, type: delay, config: {duration: 1ms}}]}\n"
    cli("run", cli.flow("deep", inside), "--id", "deep-1")
    wrong = cli("retry", "deep-1", "--from", "inner")
    assert (wrong.code, "Did you mean 'outer.inner'?" in wrong.err) == (8, True)
    paused = cli("continue", "deep-1")
    assert "Execution 'deep-1' has ended (completed" in paused.err


@pytest.mark.capability("C09", "C10")
def test_a_version_is_named_as_it_is_shown(published: Cli) -> None:
    """`NAME@VERSION`, wherever a workflow is named; a version beside it says the same or is refused."""
    assert published("workflows", "show", "nap@1.0").out.startswith("nap@1.0  deprecated")
    assert published("draw", "nap@1.0").code == 0 and published("advise", "nap@1.0").code == 0
    assert published("run", "nap@1.0", "--id", "nap-1").code == 0
    assert published("run", "nap@2.0", "--version", "2.0", "--id", "nap-2").code == 0
    assert [one["id"] for one in published("list", "--workflow", "nap@1.0", "--json").json["executions"]] == ["nap-1"]
    assert len(published("list", "--workflow", "nap", "--json").json["executions"]) == 2
    twice = published("run", "nap@2.0", "--version", "1.0")
    assert (twice.code, "'nap@2.0' is version 2.0, and 1.0 is asked for." in twice.err) == (1, True)
    for wrong in ("nap@", "@1.0"):
        done = published("workflows", "show", wrong)
        assert (done.code, f"'{wrong}' names no workflow." in done.err) == (1, True)


@pytest.mark.capability("C10")
def test_one_version_is_deprecated_and_what_takes_its_place_is_told(published: Cli) -> None:
    """Who starts it by name alone gets that; who starts the old one is told."""
    assert "note: nap@1.0 is deprecated. In its place nap@2.0 is offered." in published("run", "nap@1.0").err
    assert published("run", "nap").err == ""
    last = published("workflows", "deprecate", "nap")
    assert last.out == "nap@2.0 is deprecated.\n"
    assert last.err == "note: No other version is offered, so it is still what the name alone starts.\n"
    assert "note: nap@2.0 is deprecated." in published("run", "nap").err
    several = published("workflows", "deprecate", "nap", "--undo")
    assert (several.code, "Several versions of 'nap' are deprecated: 2.0, 1.0." in several.err) == (9, True)
    none = published("workflows", "deprecate", "nap")
    assert (none.code, "No version of 'nap' is offered." in none.err) == (9, True)
    again = published("workflows", "deprecate", "nap@1.0", "--undo")
    assert (again.out, again.err) == ("nap@1.0 is published.\n", "")
    changed = published("workflows", "deprecate", "nap", "1.0", "--json").json
    assert (changed["workflow"]["status"], changed["offered"]) == ("deprecated", None)
    for words in (("nip", "1.0"), ("nip",)):
        unknown = published("workflows", "deprecate", *words)
        assert (unknown.code, "Did you mean 'nap'?" in unknown.err) == (8, True)
    missing = published("workflows", "deprecate", "nap@3.0")
    assert (missing.code, "Versions of 'nap': 2.0, 1.0." in missing.err) == (8, True)


def test_what_was_published_before_is_told_as_unchanged(cli: Cli) -> None:
    cli.flow("nap", NAP)
    assert "  published " in cli("publish", "nap.yaml").out
    assert "  unchanged " in cli("publish", "nap.yaml").out
    assert cli("publish", "nap.yaml", "--json").json["workflows"][0]["unchanged"] is True


@pytest.mark.parametrize(
    "words",
    [("nonesuch",), ("nonesuch@2",), ("nonesuch.yaml",), ("asks.yaml", "--input", "n=x"), ("asks.yaml", "--id", "a b")],
)
def test_what_cannot_be_begun_leaves_no_database(cli: Cli, words: tuple[str, ...]) -> None:
    cli.flow("asks", NAP, "  input: {schema: {type: object, properties: {n: {type: integer}}}}\n")
    assert cli("run", *words).code != 0
    assert not list(cli.folder.glob("baton.db*"))


def test_that_an_engine_is_wanted_is_said_only_where_none_drives(cli: Cli) -> None:
    cli.flow("asks", '    - {name: ask, type: approval, config: {message: "Go on?"}}\n')
    cli("run", "asks.yaml", "--id", "ask-1")
    cli("run", "asks.yaml", "--id", "ask-2")
    assert "No engine drives the database now. Go on: baton resume ask-1" in cli("approve", "ask-1").err
    with engine_lock(cli.folder / "baton.db", SystemClock()):
        assert "resume" not in cli("approve", "ask-2").err


def test_what_was_answered_is_not_asked_again_by_whoever_goes_on(cli: Cli) -> None:
    cli.flow("waits", "    - {name: paid, type: wait_for_event, config: {event_type: paid}}\n")
    assert "baton event paid" in cli("run", "waits.yaml", "--id", "order-1").out
    cli("event", "paid")
    done = cli("resume", "order-1")
    assert done.code == 0
    assert "baton event" not in done.out


def test_after_a_second_drive_its_time_at_work_is_told_and_not_the_time_between(cli: Cli) -> None:
    cli.flow("waits", "    - {name: paid, type: wait_for_event, config: {event_type: paid}}\n")
    cli("run", "waits.yaml", "--id", "order-1")
    cli("event", "paid")
    assert " at work  waits@1.0  order-1" in cli("resume", "order-1").out


def test_whoever_gave_json_is_not_told_how_to(cli: Cli) -> None:
    cli.flow("asks", NAP, "  input: {schema: {type: object, properties: {n: {type: integer}}}}\n")
    assert "name:=value" in cli("run", "asks.yaml", "--input", "n=x").err
    assert "name:=value" not in cli("run", "asks.yaml", "--input", "n:=1.5", "--input", "m=x").err


def test_a_module_that_is_not_there_is_told_with_the_folder(cli: Cli) -> None:
    cli.flow("nap", NAP)
    assert f"there is no file shop.py in {cli.folder.resolve()}" in cli("run", "nap.yaml", "--module", "shop.py").err


def test_models_that_cannot_speak_are_warned_of_before_anything_runs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    step = "    - {{name: think, type: agent, config: {{model: '{}', instructions: Think.}}}}\n"
    cli.flow("scripted", step.format("scripted:clerk"))
    cli.flow("real", step.format("openai:gpt-5-mini"))
    assert "there is no script 'clerk'" in cli("validate", "scripted.yaml").out
    assert "models of 'openai' need a key, and none is set" in cli("validate", "real.yaml", "--strict").out
    assert cli("validate", "real.yaml", "--strict").code == 0, "a definition is not worse where no key is"
    assert cli("publish", "real.yaml", "--strict").code == 0
    assert cli("validate", "scripted.yaml", "--strict").code == 1
    monkeypatch.setenv("OPENAI_API_KEY", "anything")
    assert "need a key" not in cli("validate", "real.yaml").out


def test_the_schema_names_no_requirements(cli: Cli) -> None:
    assert not re.findall(r"\b[A-Z]\d\d\b", cli("schema").out)
