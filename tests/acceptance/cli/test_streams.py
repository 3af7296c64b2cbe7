"""Where the output goes: pipes that are closed early, streams that are not there, disks that are full, programs."""

import json
import subprocess

import pytest

from tests.acceptance.cli.support import BATON, PATIENCE, Done, Place

NAP = "    - {name: nap, type: delay, config: {duration: 1ms}}\n"
CALL = "    - {name: call, type: function, config: {function: loud}}\n"
LOUD = """
print("on being loaded")


def resources():
    from agents import Functions
    functions = Functions()

    @functions.function
    def loud():
        print("while it runs")
        return "done"

    return [functions]
"""


def _shell(place: Place, script: str) -> Done:
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place.folder,
        env=place.environment | {"BATON": str(BATON)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("words", ["validate nap.yaml", "schema", "run nap.yaml", "run nap.yaml --json"])
def test_a_reader_that_has_read_enough_is_no_error(place: Place, words: str) -> None:
    place.flow("nap", NAP)
    done = _shell(place, f'set -o pipefail; "$BATON" {words} | true')
    assert (done.code, done.err) == (141, "")


@pytest.mark.parametrize("words", ["validate nap.yaml", "schema", "run nap.yaml", "run nap.yaml --json"])
def test_streams_that_are_not_there_are_not_missed(place: Place, words: str) -> None:
    place.flow("nap", NAP)
    done = _shell(place, f'"$BATON" {words} <&- >&-')
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("words", ["validate nap.yaml", "validate nap.yaml --json", "--help", "list --json"])
def test_an_output_that_takes_nothing_is_told(place: Place, words: str) -> None:
    place.flow("nap", NAP)
    place.baton("publish", "nap.yaml")
    done = _shell(place, f'"$BATON" {words} >/dev/full')
    assert done.code == 1
    assert done.err == "error: No space left on device.\nhint: Check where the output goes.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("run --json", "Missing argument 'FILE|NAME[@VERSION]'."),
        ("bogus --json", "No such command 'bogus'."),
        ("fork x --json", "Missing option '--at' / '--from'."),
    ],
)
def test_programs_get_json_also_for_a_command_line_that_cannot_be_understood(
    place: Place, words: str, message: str
) -> None:
    done = place.baton(*words.split())
    assert done.code == 2
    assert done.json["error"]["message"] == message
    assert done.json["error"]["code"] == "usage"


def test_what_others_print_does_not_get_between_json(place: Place) -> None:
    place.write("loud.py", LOUD)
    done = place.baton("run", place.flow("call", CALL), "--json", "--module", "loud.py")
    assert done.code == 0, done.err
    assert json.loads(done.out)["execution"]["output"] == "done"
    assert "on being loaded" in done.err
    assert "while it runs" in done.err
