"""Servers in processes of their own, waited for."""

import socket
import subprocess
import time


def listening(port: int, process: "subprocess.Popen[bytes]", patience: float = 60) -> None:
    """Return when a process listens on a port of this machine; fail when it ends first, or after so many seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < until and process.poll() is None, "it does not listen"
            time.sleep(0.05)
        else:
            return
