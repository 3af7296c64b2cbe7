"""`baton breakers`: seen and reset from the command line, whoever drives the file."""

import pytest

from tests.unit.cli.support import Cli

CALLS = """
    - name: calls
      type: map
      config: {items: [1, 2, 3, 4, 5], max_concurrency: 1, min_success: 0}
      steps: [{name: call, config: {service: gone, endpoint: /}}]
"""


@pytest.fixture
def failed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Five calls of a service that is not there."""
    monkeypatch.setenv("BATON_SERVICES", '{"gone": "http://127.0.0.1:9"}')
    cli("run", cli.flow("calls", CALLS))
    return cli


@pytest.mark.capability("E09", "P05")
def test_an_open_breaker_is_listed_with_its_reason_and_those_who_wait(failed: Cli) -> None:
    failed("run", failed.flow("one", "    - {name: call, config: {service: gone, endpoint: /}}\n"), "--detach")
    listed = failed("breakers")
    assert listed.code == 0
    heading, line = listed.out.splitlines()
    assert heading.split() == ["breaker", "state", "failures", "opened", "probed", "from", "waiting", "last", "failure"]
    assert line.split()[:3] == ["gone", "open", "5"] and "cannot be reached" in line
    [breaker] = failed("breakers", "list", "--json").json["breakers"]
    assert (breaker["name"], breaker["state"], breaker["failures"]) == ("gone", "open", 5)


@pytest.mark.capability("E09")
def test_a_breaker_is_reset_by_name_or_with_all_that_are_open(failed: Cli) -> None:
    assert failed("breakers", "reset", "gone").out == "The circuit breaker of gone is closed.\n"
    assert failed("breakers", "--json").json["breakers"][0]["state"] == "closed"
    assert failed("breakers", "reset", "--all").out == "Every circuit breaker is closed.\n"


def test_a_breaker_that_is_not_there(failed: Cli) -> None:
    none = failed("breakers", "reset", "gome")
    assert none.code == 8 and "There are: gone." in none.err
    assert "Give a name, or --all" in failed("breakers", "reset").err
    assert "Give a name, or --all" in failed("breakers", "reset", "gone", "--all").err


def test_without_failures_there_is_nothing_to_list(cli: Cli) -> None:
    cli("run", cli.flow("nap", "    - {name: nap, type: delay, config: {duration: 1ms}}\n"))
    assert cli("breakers").out == "No circuit breaker has counted a failure.\n"
