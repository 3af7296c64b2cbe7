"""Engine processes by the dozen: one process loads the engine once, and forks.

Loading everything takes seconds of a processor, which two hundred restarts would spend on nothing. What is forked is
a process like any other: it has its own threads, connections and locks, all made after the fork, and SIGKILL takes
them. A share of the restarts in the long run uses fresh interpreters all the same (`Fresh`).

    parent ──{"arguments": […], "output": PATH}──▶ nursery ──fork──▶ child
           ◀──{"forked": PID} … {"ended": PID, "code": -9}──
"""

import asyncio
import ctypes
import gc
import json
import os
import selectors
import signal
import sys
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from graphs.spec import Workflow
from orchestrator.engine import Orchestrator
from orchestrator.settings import Settings
from tests.reliability import child
from tests.reliability.jobs import resources, step_types

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
"""For a machine that does much else: loading takes about four seconds of a processor."""

IN_SHORT = Workflow.model_validate(
    {
        "metadata": {"name": "in_short"},
        "spec": {
            "steps": [
                {
                    "name": "rest",
                    "type": "delay",
                    "config": {"seconds": 0},
                    "compensate": {"name": "rest_again", "type": "delay", "config": {"seconds": 0}},
                },
                {"name": "fail", "type": "delay", "depends_on": ["rest"], "config": {"seconds": "{{ input.none }}"}},
            ],
        },
    }
)
"""What most lives consist of, and nothing that runs in a thread: what is left of threads cannot be forked."""

_PR_SET_PDEATHSIG = 1


class Child(Protocol):
    """An engine process."""

    pid: int
    ended: asyncio.Future[int]
    """Its exit code, negative for a signal."""

    def send(self, number: signal.Signals) -> None: ...


class Starter(Protocol):
    """Starts engine processes."""

    async def start(self, arguments: Sequence[str], output: Path, environment: Mapping[str, str]) -> Child: ...


class Forked:
    """A child of the nursery."""

    def __init__(self, pid: int, ended: asyncio.Future[int]) -> None:
        self.pid = pid
        self.ended = ended
        # A name that cannot come to mean another process.
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._handle = None
        ended.add_done_callback(lambda _: self._forget())

    def send(self, number: signal.Signals) -> None:
        if self._handle is not None:
            signal.pidfd_send_signal(self._handle, number)

    def _forget(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class Nursery:
    """The parent's side. Made by `running`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._forks: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def running(cls, log: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator["Nursery"]:
        """Start it, wait until everything is loaded, and stop it, and every child of it, at the end."""
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.reliability.nursery"),
                cwd=ROOT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **(environment or {})},
            )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await process.stdout.readline()
            assert line == b'{"ready": true}\n', f"the nursery did not start, see {log}"
            nursery = cls(process)
            listening = asyncio.create_task(nursery._listen())
            try:
                yield nursery
            finally:
                listening.cancel()
        finally:
            process.stdin.close()
            if process.returncode is None:
                process.kill()  # its children die with it
            async with asyncio.timeout(START_SECONDS):  # a child that outlived it would hold its pipe open
                await process.wait()
                await process.stdout.read()

    async def start(self, arguments: Sequence[str], output: Path, environment: Mapping[str, str]) -> Forked:
        assert self._process.stdin is not None
        order = {"arguments": list(arguments), "output": str(output), "environment": dict(environment)}
        async with self._turn, asyncio.timeout(START_SECONDS):
            self._process.stdin.write((json.dumps(order) + "\n").encode())
            await self._process.stdin.drain()
            pid = await self._forks.get()
        return Forked(pid, self._ended[pid])

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "forked" in told:
                self._ended[told["forked"]] = asyncio.get_running_loop().create_future()
                self._forks.put_nowait(told["forked"])
            else:
                self._ended.pop(told["ended"]).set_result(told["code"])
        for ended in self._ended.values():
            ended.set_exception(RuntimeError("the nursery is gone"))


class _Executed:
    """A child with an interpreter of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid
        self.ended = asyncio.ensure_future(process.wait())

    def send(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)


class Fresh:
    """Starts `python -m tests.reliability.child`, as anybody would."""

    async def start(self, arguments: Sequence[str], output: Path, environment: Mapping[str, str]) -> _Executed:
        with output.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.reliability.child", *arguments),
                cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, **environment},
            )
        return _Executed(process)


# -- the nursery's side ------------------------------------------------------------------------------------------------


def _serve() -> int:
    """Load everything; then fork when told to, and tell of children that have ended; until stdin ends."""
    definitions = child.workflows()
    asyncio.run(_live_once(definitions))
    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    gc.collect()
    gc.freeze()  # what is loaded stays as it is: children share its memory instead of copying it page by page
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    _tell({"ready": True})
    unread = b""
    while True:
        for key, _ in selector.select():
            if key.fd == woken:
                os.read(woken, 1024)
                _tell_of_the_ended()
                continue
            read = os.read(0, 65536)
            if not read:
                return 0
            *lines, unread = (unread + read).split(b"\n")
            for line in lines:
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    selector.close()
                    os._exit(_live(json.loads(line), definitions))
                _tell({"forked": pid})


async def _live_once(definitions: Sequence[Workflow]) -> None:
    """Open an engine and carry something out: what a process loads, compiles and computes once is there for its
    children."""
    with TemporaryDirectory(prefix="baton-nursery-") as folder:
        settings = Settings(database=Path(folder) / "baton.db", synchronous="off", _env_file=None)  # type: ignore[call-arg]
        offered = {"resources": resources(Path(folder) / "journal"), "step_types": step_types()}
        async with Orchestrator.open(settings, workflows=definitions, **offered) as baton:
            ended = await baton.wait((await baton.start(IN_SHORT, {})).id)
            assert ended.status == "compensated", ended.error


def _live(order: dict[str, Any], definitions: Any) -> int:
    """The life of a forked child; gives its exit code."""
    # Dies with the nursery, which dies with the tests: nothing is left behind.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.open(order["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(order["environment"])
    try:
        return child.main(order["arguments"], definitions=definitions)
    except BaseException:  # noqa: BLE001 - the end of a process: what broke it must be seen
        sys.excepthook(*sys.exc_info())
        return 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _tell(fact: dict[str, Any]) -> None:
    os.write(1, (json.dumps(fact) + "\n").encode())


def _tell_of_the_ended() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    sys.exit(_serve())
