"""The catalogue on the command line: what is published, in which versions, and what it says."""

import pytest

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
    assert (left.code, "without one: baton resume nap-2" in left.out) == (0, True)
    assert published("resume", "--detach").code == 1
    assert published("resume", "nap-2").code == 0


def test_who_names_a_step_inside_of_another_wrongly_is_told_its_path(cli: Cli) -> None:
    inside = "    - {name: outer, type: sequence, steps: [{name: inner, type: delay, config: {duration: 1ms}}]}\n"
    cli("run", cli.flow("deep", inside), "--id", "deep-1")
    wrong = cli("retry", "deep-1", "--from", "inner")
    assert (wrong.code, "Did you mean 'outer.inner'?" in wrong.err) == (8, True)
    paused = cli("continue", "deep-1")
    assert "Execution 'deep-1' has ended (completed" in paused.err
