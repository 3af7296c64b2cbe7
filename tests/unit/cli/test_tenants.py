"""Tenants on the command line: one option says whose, everywhere; ids are shown as whoever chose them knows them."""

import re
from pathlib import Path

import pytest

from orchestrator.engine import Orchestrator
from orchestrator.ids import marked_id
from orchestrator.settings import Settings
from tests.unit.cli.support import Cli

pytestmark = pytest.mark.capability("O21")

ASKS = '    - {name: ask, type: approval, config: {message: "Go on?"}}\n'
NAP = "    - {name: nap, type: delay, config: {duration: 1ms}}\n"
FAILS = "    - {name: broken, type: function, config: {function: fail}}\n"


@pytest.fixture
def acme(cli: Cli) -> Cli:
    """A workflow of tenant `acme`, and one execution of it that waits, under an id of acme's choice."""
    cli.flow("asks", ASKS)
    cli("publish", "asks.yaml", "--tenant", "acme")
    assert cli("run", "asks", "--id", "order-17", "--tenant", "acme").code == 4
    return cli


def test_what_is_published_for_a_tenant_is_theirs_alone(cli: Cli) -> None:
    cli.flow("nap", NAP)
    told = cli("publish", "nap.yaml", "--tenant", "acme")
    assert told.out.rstrip().endswith("for tenant acme")
    assert cli("run", "nap").code == 8
    assert cli("run", "nap", "--tenant", "acme").code == 0
    assert "No workflow is published" in cli("workflows").out
    assert [one["name"] for one in cli("workflows", "--tenant", "acme", "--json").json["workflows"]] == ["nap"]
    assert cli("workflows", "deprecate", "nap", "--tenant", "acme").code == 0
    assert "nap@1.0 is deprecated" in cli("run", "nap", "--tenant", "acme").err


def test_a_definition_may_name_what_its_own_tenant_has_published(cli: Cli) -> None:
    cli.flow("nap", NAP)
    cli("publish", "nap.yaml", "--tenant", "acme")
    cli.flow("outer", "    - {name: inner, type: workflow, config: {workflow: nap}}\n")
    assert "nap" in cli("validate", "outer.yaml").out.replace("outer.yaml", "").split("outer@")[0]
    assert cli("run", "outer.yaml").code != 0
    assert cli("validate", "outer.yaml", "--strict", "--tenant", "acme").code == 0
    assert cli("run", "outer.yaml", "--tenant", "acme").code == 0


def test_the_option_may_stand_before_the_command_and_in_the_environment(
    acme: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert acme("--tenant", "acme", "workflows", "show", "asks").code == 0
    monkeypatch.setenv("BATON_TENANT", "acme")
    assert acme("workflows", "show", "asks").code == 0
    assert acme("workflows", "show", "asks", "--tenant", "other").code == 8


def test_a_list_says_whose_where_more_than_the_default_tenants_are_in_it(acme: Cli) -> None:
    assert acme("list").out.split("\n")[0].split()[:2] == ["id", "tenant"]
    assert acme("list").out.split("\n")[1].split()[:3] == ["order-17", "acme", "asks@1.0"]
    assert acme("list", "--tenant", "default").out == "No executions.\n"
    acme.flow("nap", NAP)
    acme("run", "nap.yaml")
    assert "tenant" not in acme("list", "--tenant", "default").out
    assert [one["tenant"] for one in acme("list", "--json").json["executions"]] == ["default", "acme"]


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("list", "--json"),
        ("show", "order-17"),
        ("show", "order-17", "--json"),
        ("show", "order-17", "--records", "--json"),
        ("inbox",),
        ("inbox", "--json"),
        ("resume", "order-17"),
        ("resume", "order-17", "--json"),
        ("resume",),
        ("resume", "--json"),
        ("pause", "order-17"),
        ("pause", "order-17", "--json"),
        ("fork", "order-17", "--at", "ask", "--id", "order-17b", "--detach"),
        ("compare", "order-17", "order-17", "--json"),
        ("approve", "order-17"),
        ("approve", "order-17", "--json"),
        ("approve", "order-17", "nosuch"),
        ("approve", "order-17", "nosuch", "--json"),
    ],
)
def test_no_mark_is_shown_with_an_id_that_a_tenant_chose(acme: Cli, words: tuple[str, ...]) -> None:
    said = acme(*words)
    assert "order-17" in said.out + said.err or words == ("resume",)
    assert not re.search("~[0-9a-f]{20}", said.out + said.err)


def test_show_says_the_tenant_and_how_to_answer_for_them(acme: Cli) -> None:
    shown = acme("show", "order-17").out
    assert re.search(r"^tenant +acme$", shown, re.MULTILINE)
    assert "baton approve order-17 ask --tenant acme" in shown
    acme.flow("nap", NAP)
    acme("run", "nap.yaml", "--id", "nap-1")
    assert "tenant" not in acme("show", "nap-1").out


def test_an_id_that_two_tenants_chose_is_nobodys_until_it_is_said_whose(acme: Cli) -> None:
    acme.flow("asks", ASKS)
    assert acme("run", "asks.yaml", "--id", "order-17").code == 4
    several = acme("approve", "order-17")
    assert several.code == 1
    assert "Several tenants have an execution 'order-17': acme, default." in several.err
    assert "--tenant NAME" in several.err
    assert acme("approve", "order-17", "--tenant", "acme").code == 0
    assert acme("show", "order-17", "--tenant", "default", "--json").json["waits"]
    assert not acme("show", "order-17", "--tenant", "acme", "--json").json["waits"]


def test_what_is_anothers_is_not_found_for_a_tenant(acme: Cli) -> None:
    missing = acme("show", "order-17", "--tenant", "other")
    assert missing.code == 8
    assert "There is no execution 'order-17' of tenant 'other'." in missing.err
    assert "baton list --tenant other" in missing.err
    assert acme("inbox", "--tenant", "other").out == "Nothing is waited for.\n"


def test_an_event_of_a_tenant_answers_nobody_elses_wait(cli: Cli) -> None:
    cli.flow("waits", "    - {name: paid, type: wait_for_event, config: {event_type: paid}}\n")
    cli("run", "waits.yaml", "--id", "theirs", "--tenant", "acme")
    cli("run", "waits.yaml", "--id", "ours1")
    answered = cli("event", "paid", "--tenant", "acme", "--json").json["event"]["matched"]
    assert [one["execution_id"] for one in answered] == ["theirs"]
    assert [one["execution_id"] for one in cli("event", "paid", "--json").json["event"]["matched"]] == ["ours1"]


def test_dead_letters_say_whose_and_are_found_for_one_tenant(cli: Cli) -> None:
    cli.flow("fails", FAILS)
    cli("run", "fails.yaml", "--id", "theirs", "--tenant", "acme")
    head, row, *_ = cli("dead-letters").out.split("\n")
    assert head.split()[:3] == ["number", "execution", "tenant"]
    assert row.split()[1:3] == ["theirs", "acme"]
    assert cli("dead-letters", "--tenant", "other").out == "There are no dead letters.\n"
    assert cli("dead-letters", "show", "1", "--tenant", "other").code == 8
    assert cli("dead-letters", "redrive", "1", "--tenant", "other").code == 8
    assert cli("dead-letters", "discard", "--all", "--tenant", "other").code == 0
    assert cli("dead-letters", "--json").json["dead_letters"][0]["execution_id"] == "theirs"
    history = cli("dead-letters", "show", "1", "--json").json["history"]
    assert {record["execution_id"] for record in history} == {"theirs"}


def test_keys_are_made_and_listed_for_a_tenant(cli: Cli) -> None:
    cli("keys", "create", "--name", "ann", "--role", "viewer", "--tenant", "acme")
    cli("--tenant", "corp", "keys", "create", "--name", "bob", "--role", "viewer")
    cli("keys", "create", "--name", "eve", "--role", "viewer")
    made = {one["name"]: one["tenant"] for one in cli("keys", "list", "--json").json["keys"]}
    assert made == {"ann": "acme", "bob": "corp", "eve": "default"}
    assert [one["name"] for one in cli("keys", "list", "--tenant", "corp", "--json").json["keys"]] == ["bob"]


def test_what_deletes_everybodys_executions_takes_no_tenant(acme: Cli) -> None:
    refused = acme("prune", "--older-than", "1d", "--tenant", "acme")
    assert refused.code == 1
    assert "Executions are deleted of all tenants at once." in refused.err


async def test_an_id_chosen_on_the_command_line_is_kept_as_one_chosen_over_http(acme: Cli) -> None:
    async with Orchestrator.open(Settings(database=Path("baton.db")), drive=False) as baton:
        kept = await baton.store.execution(marked_id("order-17", "acme"))
        assert kept is not None
        assert kept.tenant == "acme"
