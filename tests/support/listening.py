"""Servers in processes of their own, waited for."""

import random
import socket
import subprocess
import time

_PORTS = range(20_000, 32_000)
"""Below those that a system gives to whoever asks for any: nobody gets one of these by chance, not even for a call."""


def free_port() -> int:
    """A port nobody listens at: a server that is started again must be found where it was."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


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
