"""What a person at a terminal sees: a tree that changes in place, questions with the commands that answer them."""

import os
import pty
import re
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cli.support import BATON, PATIENCE, Place

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
STEPS = """
    - {name: hold, type: function, config: {function: until, args: {path: go}}}
    - {name: ask, type: approval, config: {message: "Send it?"}}
    - name: each
      type: map
      depends_on: [hold]
      config: {items: ["a", "b"]}
      steps:
        - {name: write, type: function, config: {function: note, args: {path: effects, text: "{{ item }}"}}}
"""


class Terminal:
    """A process at a terminal of 100 by 30."""

    def __init__(self, place: Place, *words: str) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (30, 100))
        environment = {key: value for key, value in place.environment.items() if key != "NO_COLOR"}
        self.process = subprocess.Popen(
            [BATON, *words],
            cwd=place.folder,
            env=environment | {"TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.text = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # the last process at the terminal has ended
                return
            self.text += _CONTROL.sub("", data.decode(errors="replace"))

    def sees(self, text: str) -> None:
        end = time.monotonic() + PATIENCE
        while text not in self.text:
            assert time.monotonic() < end, f"{text!r} never came: {self.text[-2000:]}"
            time.sleep(0.02)

    def ends(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reading.join(PATIENCE)
        os.close(self._master)


@pytest.fixture
def terminal(place: Place) -> Iterator[Terminal]:
    made = Terminal(place, "run", place.flow("letter", STEPS), "--id", "letter-1")
    try:
        yield made
    finally:
        made.close()


@pytest.mark.capability("O01", "I08")
def test_the_tree_grows_and_a_question_is_answered_from_elsewhere(place: Place, terminal: Terminal) -> None:
    """At a terminal the command goes on waiting; the picture ends complete, then comes what it was all for."""
    terminal.sees("baton approve letter-1 ask")
    terminal.sees("hold function  running")
    assert place.baton("approve", "letter-1", "--by", "Grace").code == 0
    terminal.sees("by Grace")
    place.touch("go")
    assert terminal.ends() == 0
    last = terminal.text[terminal.text.rindex("letter@1.0  letter-1  ✓ completed") :]
    for line in ("✓ hold function", "✓ ask approval", "✓ each map", "✓ [0]  completed", "✓ write function"):
        assert line in last, last
    assert "baton approve" not in last, "what was answered is asked no more"


def test_ctrl_c_gives_the_terminal_back(place: Place, terminal: Terminal) -> None:
    """With the cursor, and with how to go on."""
    terminal.sees("hold function  running")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.ends() == 130
    assert "Go on: baton resume letter-1" in terminal.text


def test_the_installed_command_is_there() -> None:
    assert Path(BATON).exists(), "python -m pip install --no-deps -e ."
