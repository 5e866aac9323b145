"""What the application holds for every room, by aiohttp's keys."""

from typing import Final

from aiohttp import web

from agent.portal.operations.health import Readiness
from agent.portal.operations.metrics import PortalMetrics
from agent.portal.pictures.upload import UploadReader
from agent.portal.store.database import PortalDatabase

DATABASE: Final = web.AppKey("database", PortalDatabase)
ORIGINS: Final = web.AppKey("origins", tuple[str, ...])
"""What browsers call this site."""
PICTURES: Final = web.AppKey("pictures", UploadReader)
"""Receives pictures of identity documents."""
METRICS: Final = web.AppKey("metrics", PortalMetrics)
READINESS: Final = web.AppKey("readiness", Readiness)
