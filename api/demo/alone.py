"""`baton demo --services`: only the services, for workflows that are run from another terminal."""

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path

from api.demo.services.process import Services, running_services
from graphs.errors import BatonError

MODULE = "api.demo.catalogue"


def main(port: int) -> int:
    """Run the services until Ctrl-C; returns the exit code."""
    try:
        asyncio.run(_serve(port))
    except BatonError as error:
        sys.stderr.write(f"{error}\n")
    return 1


async def _serve(port: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="baton-demo-"))
    try:
        async with running_services(folder / "services.db", port=port) as services:
            sys.stdout.write(_how_to_reach(services))
            sys.stdout.flush()
            await asyncio.Event().wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _how_to_reach(services: Services) -> str:
    faults = f"{services.url}/_control/faults/billing-service"
    return f"""The services are up until Ctrl-C. In the terminal where you run workflows:

  export BATON_SERVICES='{json.dumps(services.service_urls)}'
  export BATON_MODULES={MODULE}

To see one fail, and what was asked of it:

  curl -X PUT {faults} -H 'content-type: application/json' -d '{{"down": true}}'
  curl {services.url}/_control/requests?service=billing-service
"""
