"""`python -m api.demo.engine`: an engine in a process of its own, so that the demo can kill it.

Where its database and the services are, it reads from the environment (`BATON_DATABASE` …), as every engine does.
It says `ready` on stdout, and ends when it is told to or when stdin does: the parent holds its other end, and the
kernel closes that even after a SIGKILL.
"""

import asyncio
import signal
import sys

from graphs.errors import BatonError
from orchestrator.engine import Orchestrator
from orchestrator.settings import read_settings

READY = "ready\n"


async def serve() -> None:
    """Drive every execution of the database until told to stop."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with Orchestrator.open(read_settings()):
        sys.stdout.write(READY)
        sys.stdout.flush()
        orphaned = asyncio.create_task(_end_of_stdin())
        told = asyncio.create_task(stopping.wait())
        await asyncio.wait({orphaned, told}, return_when=asyncio.FIRST_COMPLETED)
        orphaned.cancel()
        told.cancel()


async def _end_of_stdin() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        while await reader.read(1024):
            pass
    finally:
        transport.close()


def main() -> int:
    try:
        asyncio.run(serve())
    except BatonError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
