"""The command line as people use it: real processes of the installed `baton`, in a folder of their own."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BATON = Path(sys.executable).with_name("baton")
PATIENCE = 120.0
"""Seconds after which a test gives up. Nothing waits for it when all is well; a busy machine may need some."""

FUNCTIONS = '''
import asyncio
from pathlib import Path
from agents import Functions

functions = Functions()


@functions.function
async def until(path: str) -> dict:
    """Work that goes on until a file appears."""
    while not Path(path).exists():
        await asyncio.sleep(0.02)
    return {"path": path}


@functions.function
def note(path: str, text: object) -> dict:
    """An effect that can be counted."""
    with Path(path).open("a") as file:
        file.write(f"{text}\\n")
    return {"text": text}


@functions.function
def fail(text: str = "no") -> None:
    raise ValueError(text)


def resources():
    return [functions]
'''


def workflow(name: str, steps: str, more: str = "") -> str:
    """A definition around some steps."""
    return f"apiVersion: workflow/v1\nkind: Workflow\nmetadata: {{name: {name}}}\nspec:\n{more}  steps:\n{steps}"


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Running:
    """A process under way."""

    process: subprocess.Popen[str]
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._news: queue.Queue[None] = queue.Queue()
        self._reading = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for thread in self._reading:
            thread.start()

    def _read(self, stream: Any, lines: list[str]) -> None:
        for line in stream:
            lines.append(line)
            self._news.put(None)
        self._news.put(None)

    def sees(self, text: str) -> str:
        """Wait until a line with this text was printed, and give the line."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for line in [*self.out, *self.err]:
                if text in line:
                    return line
            assert self.process.poll() is None or not self._news.empty(), f"it ended without {text!r}: {self}"
            try:
                self._news.get(timeout=1.0)
            except queue.Empty:
                continue
        raise AssertionError(f"{text!r} was not printed: {self}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self) -> Done:
        """Wait for the end."""
        code = self.process.wait(PATIENCE)
        for thread in self._reading:
            thread.join(PATIENCE)
        return Done(code, "".join(self.out), "".join(self.err))

    def __str__(self) -> str:
        return f"out={''.join(self.out)!r} err={''.join(self.err)!r}"


class Place:
    """A folder with a database, a module of functions, and definitions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Running] = []
        self.write("functions.py", FUNCTIONS)
        hidden = {"PYTHONDONTWRITEBYTECODE", "COLUMNS", "FORCE_COLOR"}
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("BATON_") and name not in hidden
            },
            "BATON_MODULES": "functions.py",
            "BATON_GRACE": "300ms",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
        }

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return name

    def flow(self, name: str, steps: str, more: str = "") -> str:
        """Write a definition; gives the file's name."""
        return self.write(f"{name}.yaml", workflow(name, steps, more))

    def read(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    def baton(self, *words: str, stdin: str | None = None, **environment: str) -> Done:
        """Carry a command out."""
        done = subprocess.run(
            [BATON, *words],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            input=stdin,
            timeout=PATIENCE,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, **environment: str) -> Running:
        """Start a command and leave it running."""
        process = subprocess.Popen(
            [BATON, *words],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(Running(process))
        return self.running[-1]

    def close(self) -> None:
        for running in self.running:
            if running.process.poll() is None:
                running.process.kill()
            running.ends()
            for stream in (running.process.stdout, running.process.stderr):
                if stream is not None:
                    stream.close()
