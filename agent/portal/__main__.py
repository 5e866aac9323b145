"""Run the reference upgrade site: ``python -m agent.portal``."""

import asyncio
import logging
import sys

from agent.cms.errors import CmsError
from agent.portal.app import create_app
from agent.portal.config import PortalConfig, parse_arguments
from agent.portal.serving import announce_ready, listen, serving, stop_requested
from agent.portal.store.database import PortalDatabaseError


async def _serve(config: PortalConfig) -> None:
    with listen(config.host, config.port) as sock:
        port = int(sock.getsockname()[1])
        origins = config.origins_at(port)
        async with serving(create_app(config, origins), sock):
            announce_ready(
                {"product": "ankong-portal", "url": origins[0], "port": port, "origins": origins}
            )
            await stop_requested()


def main() -> int:
    """Serve until stopped; return 2 when the settings or the files cannot be used."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        config = parse_arguments(sys.argv[1:])
        asyncio.run(_serve(config))
    except (ValueError, OSError, CmsError, PortalDatabaseError) as error:
        sys.stderr.write(f"portal: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
