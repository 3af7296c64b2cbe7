"""`python -m api.demo.provider`: a provider of scripted models in OpenAI's shape, until it is stopped."""

import argparse

import uvicorn

from api.demo.catalogue import scripts
from api.demo.provider.app import Provider


def main() -> None:
    """Serve what the models of the examples say, `echo` and `first-route` on loopback."""
    parser = argparse.ArgumentParser(prog="python -m api.demo.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=8090)
    port = parser.parse_args().port
    uvicorn.run(Provider(scripts()).app(), host="127.0.0.1", port=port, log_level="info")


if __name__ == "__main__":
    main()
