"""Health (the process lives) and readiness (it can serve), for a balancer and an operator.

On the public address both answer with a status alone; what is wrong is said on the operator's.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from agent.portal.notices.claims import count_notices
from agent.portal.operations.metrics import CONTENT_TYPE, PortalMetrics
from agent.portal.store.database import PortalDatabase

HEALTH_PATH: Final = "/healthz"
READY_PATH: Final = "/readyz"
METRICS_PATH: Final = "/metrics"
OPEN_PATHS: Final = frozenset({HEALTH_PATH, READY_PATH})
"""What a balancer asks by our address, without knowing what browsers call this site."""

ReadyCheck = Callable[[], Awaitable[str]]
"""Returns what is wrong with a part, for the operator; nothing where it works."""

_LIMIT_S: Final = 3.0
_KEPT_S: Final = 1.0
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Readiness:
    """Whether every part works that the service needs; asked at most once a second."""

    def __init__(self, checks: Mapping[str, ReadyCheck], metrics: PortalMetrics) -> None:
        """Take the parts by name, and where to show them."""
        self._checks = checks
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._asked_at = -_KEPT_S
        self._faults: Mapping[str, str] = {}

    async def faults(self) -> Mapping[str, str]:
        """Return what is wrong with each part, or nothing; a part that hangs is wrong, too."""
        async with self._lock:  # whoever comes meanwhile gets the same answer
            if time.monotonic() - self._asked_at >= _KEPT_S:
                self._faults = await _ask(self._checks)
                self._asked_at = time.monotonic()
                self._metrics.show_ready(self._faults)
            return self._faults


async def _ask(checks: Mapping[str, ReadyCheck]) -> Mapping[str, str]:
    tasks = {name: asyncio.ensure_future(check()) for name, check in checks.items()}
    await asyncio.wait(tasks.values(), timeout=_LIMIT_S)
    return {name: _fault(task) for name, task in tasks.items()}


def _fault(task: asyncio.Future[str]) -> str:
    if not task.done():
        task.cancel()
        return f"no answer in {_LIMIT_S:g} s"
    error = task.exception()
    return task.result() if error is None else type(error).__name__


def add_public_routes(router: web.UrlDispatcher, readiness: Callable[[], Readiness]) -> None:
    """Add health and readiness as anybody may see them."""

    async def get_ready(_: web.Request) -> web.Response:
        is_ready = not any((await readiness().faults()).values())
        return _status("ready" if is_ready else "not ready", is_ready=is_ready)

    router.add_get(HEALTH_PATH, _get_health)
    router.add_get(READY_PATH, get_ready)


def operators_app(
    metrics: PortalMetrics, readiness: Readiness, db: PortalDatabase
) -> web.Application:
    """Return the application of the operator's address: metrics, health, readiness with reasons."""

    async def get_ready(_: web.Request) -> web.Response:
        faults = await readiness.faults()
        lines = "\n".join(f"{name}: {fault or 'ok'}" for name, fault in faults.items())
        return _status(lines, is_ready=not any(faults.values()))

    async def get_metrics(_: web.Request) -> web.Response:
        await readiness.faults()
        with suppress(SQLAlchemyError):  # which the readiness says
            metrics.show_notices(await db.read(count_notices))
        body = await asyncio.to_thread(metrics.exposition)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE, **_NO_STORE})

    app = web.Application()
    app.router.add_get(HEALTH_PATH, _get_health)
    app.router.add_get(READY_PATH, get_ready)
    app.router.add_get(METRICS_PATH, get_metrics)
    return app


async def _get_health(_: web.Request) -> web.Response:
    return _status("ok", is_ready=True)


def _status(text: str, *, is_ready: bool) -> web.Response:
    return web.Response(text=f"{text}\n", status=200 if is_ready else 503, headers=_NO_STORE)
