"""Templates on the command line: looked over, filled in, printed or published."""

import pytest

from tests.unit.cli.support import TEMPLATE, Cli

pytestmark = pytest.mark.capability("C11")


@pytest.fixture
def template(cli: Cli) -> Cli:
    cli.write("sleeps.yaml", TEMPLATE)
    return cli


def test_what_is_printed_is_a_workflow_that_runs(template: Cli) -> None:
    """It goes where it is sent; what is said besides goes elsewhere."""
    assert template("validate", "sleeps.yaml").out == "sleeps.yaml: ok  a template\n"
    filled = template("fill", "sleeps.yaml", "--param", "name=sleeper", "-p", "seconds:=0")
    assert (filled.code, filled.err) == (0, "") and "name: sleeper" in filled.out and "${{" not in filled.out
    assert template("run", template.write("made.yaml", filled.out)).code == 0
    assert template("workflows", "show", "sleeper").code == 8, "nothing is published"


def test_it_may_be_published_at_once(template: Cli) -> None:
    given = template.write("given.json", '{"name": "sleeper", "seconds": 0}')
    done = template("fill", "sleeps.yaml", "--param", f"@{given}", "--publish", "--by", "ann")
    assert (done.code, done.out) == (0, "sleeper@1.0 is published.\n")
    assert template("run", "sleeper").code == 0
    shown = template("workflows", "show", "sleeper", "--json").json["workflow"]
    assert shown["created_by"] == "ann"


def test_values_that_do_not_do_are_told_all_at_once(template: Cli) -> None:
    wrong = template("fill", "sleeps.yaml", "--param", "nmae=x", "--param", "seconds=many", "--publish")
    assert wrong.code == 1 and wrong.out == ""
    for said in (
        "the parameter 'name' is missing",
        "there is no parameter 'nmae'; did you mean 'name'?",
        "seconds: 'many' is not a whole number",
    ):
        assert said in wrong.err
    bad_name = template("fill", "sleeps.yaml", "--param", "name=not a name")
    assert (bad_name.code, "sleeps.yaml:3:18: error: " in bad_name.err) == (1, True)


def test_what_is_no_template_is_told(cli: Cli) -> None:
    ordinary = cli("fill", cli.flow("nap", "    - {name: nap, type: delay, config: {seconds: 0}}\n"))
    assert ordinary.code == 1 and "kind: WorkflowTemplate" in ordinary.err
    assert cli("fill", "nothing.yaml").code == 8
    run = cli("run", cli.write("sleeps.yaml", TEMPLATE))
    assert run.code == 1 and "baton fill FILE --param name=value." in run.err
