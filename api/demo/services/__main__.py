"""`python -m api.demo.services --port 0 --database PATH`: run the demo services until told to stop."""

import argparse
import logging
import sys
from pathlib import Path

from api.demo.services.server import NotLoopbackError, serve
from api.demo.services.store import StoreUnusableError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m api.demo.services", description=__doc__)
    parser.add_argument("--database", type=Path, required=True, help="SQLite file; made where there is none")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one (default)")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default 127.0.0.1)")
    parser.add_argument("--ready-file", type=Path, help="also write the readiness line here, whole or not at all")
    parser.add_argument("--exit-with-parent", action="store_true", help="stop when stdin ends")
    return parser.parse_args()


def main() -> int:
    given = _arguments()
    # stdout holds the readiness line and nothing else.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    try:
        serve(
            given.database,
            given.host,
            given.port,
            ready_file=given.ready_file,
            exit_with_parent=given.exit_with_parent,
        )
    except NotLoopbackError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StoreUnusableError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The demo services cannot listen on {given.host}:{given.port}: {error}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
