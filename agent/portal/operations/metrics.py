"""Counts and durations for Prometheus; nothing in them is about a person.

A label is never text from outside: a route is the pattern that was matched, a method one of a few.
Every process has its own figures, on an address of its own; Prometheus adds them up.
"""

import logging
import secrets
import time
from collections.abc import Mapping
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from agent.portal.errors import PortalError

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0)
_LOG: Final = logging.getLogger(__name__)


class PortalMetrics:
    """The figures of one process."""

    def __init__(self) -> None:
        """Start at zero, with figures of the process itself (memory, descriptors, CPU)."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "ankong_portal_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "ankong_portal_request_seconds",
            "From the head of a request to the end of its answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.open_requests = Gauge(
            "ankong_portal_open_requests",
            "Requests that are being answered.",
            registry=self.registry,
        )
        self.refusals = Counter(
            "ankong_portal_refusals",
            "Requests that were refused, by the code of the refusal.",
            ("code",),
            registry=self.registry,
        )
        self.notices = Counter(
            "ankong_portal_notices",
            "Attempts to tell members something, and notices that were given up.",
            ("channel", "outcome"),
            registry=self.registry,
        )
        self.ready = Gauge(
            "ankong_portal_ready",
            "Whether a part that the service needs works: 1 or 0.",
            ("part",),
            registry=self.registry,
        )
        self.lists = Gauge(
            "ankong_portal_list_expires_seconds",
            "Until an authority's revocation lists are out of date; -Inf where there is none.",
            ("issuer",),
            registry=self.registry,
        )
        self.outbox = Gauge(
            "ankong_portal_outbox_notices",
            "Notices in the database's outbox; every process shows the same.",
            ("channel", "state"),
            registry=self.registry,
        )

    def show_notices(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Set how many notices there are, by channel and state."""
        self.outbox.clear()
        for labels, count in counts.items():
            self.outbox.labels(*labels).set(count)

    def show_ready(self, parts: Mapping[str, str]) -> None:
        """Set which parts work; each has the text of its fault, or none."""
        for part, fault in parts.items():
            self.ready.labels(part).set(0 if fault else 1)

    def show_lists(self, seconds: Mapping[str, float]) -> None:
        """Set in how many seconds each authority's revocation lists are out of date."""
        for issuer, left in seconds.items():
            self.lists.labels(issuer).set(left)

    def count_notices(self, channel: str, outcome: str, number: int = 1) -> None:
        """Count notices to one kind of contact: "sent", "failed" for now, or "given_up"."""
        self.notices.labels(channel, outcome).inc(number)

    def exposition(self) -> bytes:
        """Return all figures as Prometheus reads them (text, UTF-8); reads files of the system."""
        return generate_latest(self.registry)


def measuring(metrics: PortalMetrics) -> Middleware:
    """Return the outermost middleware: it counts, measures and logs every request."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        structlog.contextvars.bind_contextvars(request=secrets.token_hex(4))
        begun = time.perf_counter()
        with metrics.open_requests.track_inprogress():
            response = await handler(request)
        seconds = time.perf_counter() - begun
        method, route = _method(request), route_of(request)
        metrics.requests.labels(method, route, response.status).inc()
        metrics.seconds.labels(method, route).observe(seconds)
        is_dull = method != "POST" and response.status < 400
        _LOG.log(
            logging.DEBUG if is_dull else logging.INFO,
            "%s %s: %d in %d ms",
            *(method, route, response.status, round(seconds * 1000)),
        )
        return response

    return middleware


def counting_refusals(metrics: PortalMetrics) -> Middleware:
    """Return the middleware that counts refusals; it stands inside the one that answers them."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except PortalError as error:
            metrics.refusals.labels(error.code.value).inc()
            raise

    return middleware


def route_of(request: web.Request) -> str:
    """Return the pattern of the request's path; the path itself is foreign text."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _method(request: web.Request) -> str:
    return request.method if request.method in _METHODS else "other"
