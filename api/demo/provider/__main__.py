"""`python -m api.demo.provider`: a provider of scripted models in OpenAI's shape, until it is stopped.

One of its models, `everyone`, plays the parts of all the others, so that the demo can be shown with it in the place
of a real model.
"""

import argparse
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress

from agents import Models, Script
from agents.models.scripts import Scripts
from api.demo.catalogue import everyone, scripts
from api.demo.provider.app import Provider
from api.demo.provider.serve import serving
from graphs.errors import BatonError
from orchestrator.plugins import load_modules


def main() -> None:
    """Serve what the models of the examples and of modules say, `everyone`, `echo` and `first-route` on loopback."""
    parser = argparse.ArgumentParser(prog="python -m api.demo.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="0 picks a free one")
    parser.add_argument(
        "--module",
        action="append",
        default=[],
        metavar="MODULE|FILE.py",
        help="Python whose `Models(scripts=...)` are served too, as models of their names; may be repeated",
    )
    given = parser.parse_args()
    try:
        provider = Provider((*scripts(), everyone(), *_scripts_of(given.module)))
    except BatonError as error:
        parser.error(str(error))
    with serving(provider, port=given.port, log_level="info") as url, suppress(KeyboardInterrupt):
        sys.stdout.write(f"OPENAI_BASE_URL={url} OPENAI_API_KEY=none OPENAI_MODEL=everyone baton demo\n")
        sys.stdout.flush()
        threading.Event().wait()


def _scripts_of(modules: Iterable[str]) -> list[Script]:
    everywhere = {script.name for script in Scripts()}
    offered = (one for one in load_modules(modules).resources if isinstance(one, Models))
    return [script for models in offered for script in models.scripts if script.name not in everywhere]


if __name__ == "__main__":
    main()
