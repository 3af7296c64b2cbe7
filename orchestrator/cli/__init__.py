"""`baton`: the command line.

main            checks the environment, then hands over to the app
app             all commands, from `declared` (names, options, help; light to import)
lazy            loads what performs a command when it is invoked: the other modules here
loading         while it does, nothing is collected
support         what these share: opening the database, finding, following and showing executions
exits           what exit codes mean
"""

import gc
import os
import sys
from importlib import import_module


def main() -> None:
    """The entry point of the `baton` script."""
    try:
        _run()
    except KeyboardInterrupt:  # before the command itself could hear it
        raise SystemExit(130) from None
    finally:
        gc.freeze()  # what is left goes with the process; looking through it first takes a quarter of a second


def _run() -> None:
    # Before anything of ours is imported that could be somebody else's.
    if problem := import_module("orchestrator.cli.environment").clash():
        sys.stderr.write(f"error: {problem}\n")
        raise SystemExit(1)
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no ✓ gets a `?`, not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    with import_module("orchestrator.cli.loading").while_loading():
        app = import_module("orchestrator.cli.app")
    app.invoke()


def _open_streams() -> None:
    """Who closed a stream (`>&-`, some schedulers) wants nothing of it; Python then has None in its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for the process's life
