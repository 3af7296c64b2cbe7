"""`python -m api.demo.provider`: a provider of scripted models in OpenAI's shape, until it is stopped.

One of its models, `everyone`, plays the parts of all the others, so that the demo can be shown with it in the place
of a real model.
"""

import argparse
import sys
import threading
from contextlib import suppress

from api.demo.catalogue import everyone, scripts
from api.demo.provider.app import Provider
from api.demo.provider.serve import serving


def main() -> None:
    """Serve what the models of the examples say, `everyone`, `echo` and `first-route` on loopback."""
    parser = argparse.ArgumentParser(prog="python -m api.demo.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="0 picks a free one")
    port = parser.parse_args().port
    with serving(Provider((*scripts(), everyone())), port=port, log_level="info") as url, suppress(KeyboardInterrupt):
        sys.stdout.write(f"OPENAI_BASE_URL={url} OPENAI_API_KEY=none OPENAI_MODEL=everyone baton demo\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
