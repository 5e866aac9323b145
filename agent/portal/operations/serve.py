"""Serve the site, and the operator's address where one is wanted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from agent.portal.app import create_app
from agent.portal.app_keys import DATABASE, METRICS, READINESS
from agent.portal.config import PortalConfig
from agent.portal.operations.health import operators_app
from agent.portal.serving import announce_ready, listen, serving, stop_requested


def serve(config: PortalConfig) -> None:
    """Serve until stopped.

    Raises:
        OSError: an address cannot be used, or a file cannot be read.
        CmsError: a file is no certificate.
        PortalDatabaseError: the database cannot be used.

    """
    asyncio.run(_serve(config))


async def _serve(config: PortalConfig) -> None:
    with listen(config.host, config.port) as sock:
        port = int(sock.getsockname()[1])
        origins = config.origins_at(port)
        app = create_app(config, origins)
        async with serving(app, sock), _operators_address(app, config) as facts:
            announce_ready(
                {
                    "product": "ankong-portal",
                    "url": origins[0],
                    "port": port,
                    "origins": origins,
                    **facts,
                }
            )
            await stop_requested()


@asynccontextmanager
async def _operators_address(
    app: web.Application, config: PortalConfig
) -> AsyncIterator[dict[str, int]]:
    """Serve metrics and readiness with reasons, where the settings name a port for them."""
    if config.metrics_port is None:
        yield {}
        return
    with listen(config.metrics_host, config.metrics_port) as sock:
        operators = operators_app(app[METRICS], app[READINESS], app[DATABASE])
        async with serving(operators, sock):
            yield {"metrics_port": int(sock.getsockname()[1])}
