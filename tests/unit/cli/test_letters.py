"""What failed for good tells a person what may be done about it."""

import pytest

from tests.unit.cli.support import Cli

FAILS = "    - {name: charge, type: service_call, retry: {max_attempts: 1}, config: {service: till, endpoint: /charge}}"


@pytest.mark.capability("D18")
def test_a_dead_letter_names_the_commands_that_see_to_it(cli: Cli) -> None:
    cli("run", cli.flow("pays", FAILS), "--service", "till=http://127.0.0.1:1", "--id", "order-1")
    shown = cli("dead-letters", "show", "1").out
    assert "what next" in shown
    assert "baton dead-letters redrive 1, edit 1 before that, or discard 1" in " ".join(shown.split())
    assert cli("dead-letters", "discard", "1").code == 0
    assert "what next" not in cli("dead-letters", "show", "1").out


def test_a_large_input_is_shown_in_part_and_whole_as_json(cli: Cli) -> None:
    flow = cli.flow("pays", FAILS)
    cli.write("order.json", '{"order": "' + "x" * 50_000 + '"}')
    cli("run", flow, "--service", "till=http://127.0.0.1:1", "--input", "@order.json")
    assert len(cli("dead-letters", "show", "1").out) < 5_000
    assert len(cli("dead-letters", "show", "1", "--json").json["input"]["order"]) == 50_000
