"""Serve the stand-in on loopback until it is stopped, after one JSON line that says where.

python -m agent.portal.telecom.standin --port 0
"""

import argparse
import asyncio

from agent.portal.pages.templates import load_pages
from agent.portal.serving import announce_ready, listen, serving, stop_requested
from agent.portal.statics import load_statics
from agent.portal.telecom.standin.site import create_operator

_SLOW_S = 20.0


async def _serve(arguments: argparse.Namespace) -> None:
    await asyncio.to_thread(load_pages)
    statics = await asyncio.to_thread(load_statics)
    with listen("127.0.0.1", arguments.port) as sock:
        # By this name browsers take it for the same site as the portal's, whatever the port.
        issuer = f"http://localhost:{sock.getsockname()[1]}"
        async with serving(create_operator(issuer, arguments.slow_s, statics), sock):
            announce_ready({"product": "operator-standin", "url": issuer})
            await stop_requested()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="A stand-in for a mobile operator.")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument(
        "--slow-s", type=float, default=_SLOW_S, help="seconds that a slow operator takes"
    )
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
