"""`python -m api.demo.players.timetable`: a small MCP server over stdio; with `--http`, over HTTP.

Over HTTP it says on stdout where it is, and ends when stdin does: the parent holds its other end, and the kernel closes
that even after a SIGKILL.
"""

import sys

from mcp.server.fastmcp import FastMCP

from api.demo.serving import in_a_thread


def timetable(to: str) -> dict[str, str]:
    """When one leaves for a city, and arrives there."""
    return {"to": to, "leaves": "08:15", "arrives": "16:40"}


def main() -> None:
    """Serve until the caller is gone."""
    server = FastMCP("timetable", log_level="ERROR")
    server.tool()(timetable)
    if "--http" not in sys.argv:
        server.run(transport="stdio")
        return
    with in_a_thread(server.streamable_http_app(), name="timetable", lifespan=True) as url:
        sys.stdout.write(f"{url}/mcp\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
