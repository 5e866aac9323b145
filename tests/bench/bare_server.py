"""The least that aiohttp can do: one handler, the agent's TLS set-up, a body of the same bytes."""

import asyncio
import json
import sys
from pathlib import Path

from aiohttp import web

from agent.host.tls import identity


async def serve(folder: Path, body: bytes) -> None:
    """Serve ``body`` on a free port until the process is ended."""

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async def handle_page(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/html")

    app = web.Application()
    app.router.add_get("/v1/status", handle)
    app.router.add_get("/page", handle_page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = identity.server_context(identity.ensure(folder))
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    sys.stdout.write(json.dumps({"ready": True, "port": runner.addresses[0][1]}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2].encode()))
