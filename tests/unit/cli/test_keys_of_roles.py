"""Keys with several roles, and what is said of words that are none."""

import json

import pytest

from tests.unit.cli.support import Cli

pytestmark = pytest.mark.capability("O21")


def test_a_key_may_have_several_roles_and_be_left_some_of_their_rights(cli: Cli) -> None:
    wanted = ("--name", "eve", "--role", "approver", "--role", "viewer", "--role", "approver")
    made = json.loads(cli("keys", "create", *wanted, "--scope", "decide", "--scope", "observe", "--json").out)["key"]
    assert (made["role"], made["scopes"]) == ("approver viewer", ["decide", "observe"])
    refused = cli("keys", "create", "--name", "x", "--role", "viewer", "--role", "boss")
    assert refused.code == 1 and "There is no role 'boss'" in refused.err
    beyond = cli("keys", "create", "--name", "x", "--role", "approver", "--role", "viewer", "--scope", "run")
    assert beyond.code == 1 and "cannot be left the right 'run'" in beyond.err
