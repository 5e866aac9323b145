"""Middleware: checks of every request, and headers of every answer."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from agent.portal.app_keys import DATABASE
from agent.portal.asker import network_of
from agent.portal.errors import OPERATORS, REFUSALS, PortalCode, PortalError
from agent.portal.operations.health import OPEN_PATHS
from agent.portal.operations.logs import place_of
from agent.portal.operations.metrics import route_of
from agent.portal.pages.refused import refused_page, wants_page
from agent.portal.store.rates import SharedBuckets
from agent.portal.wire import refuse
from agent.rate import Rate

_BODY_TIMEOUT_S: Final = 15
_BODY_ERRORS: Final = (web.HTTPRequestEntityTooLarge, web.RequestPayloadError, ConnectionError)
_LOG: Final = logging.getLogger(__name__)

_JSON: Final = frozenset({"application/json"})
_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", *_JSON})

_CODE_OF_STATUS: Final = {
    404: PortalCode.NOT_FOUND,
    405: PortalCode.BAD_REQUEST,
    413: PortalCode.BAD_REQUEST,
}


@dataclass(frozen=True, slots=True)
class Guard:
    """The checks of every request: Host, Origin, content type, and the rate of POST requests.

    Attributes:
        origins: this site, as browsers write it; compared as a whole, never in parts.
        posts: the rate of POST requests of one network.

    """

    origins: Sequence[str]
    posts: Rate

    @property
    def hosts(self) -> frozenset[str]:
        """The Host headers that are accepted; any other is DNS rebinding or a mistake."""
        return frozenset(urlsplit(origin).netloc for origin in self.origins)

    async def check(self, request: web.Request) -> None:
        """Check a request.

        Raises:
            PortalError: ``origin_not_allowed``, ``bad_request``, ``rate_limited``.

        """
        if request.path in OPEN_PATHS and request.method in {"GET", "HEAD"}:
            return  # a balancer asks by address
        if request.host.lower() not in self.hosts:
            raise PortalError(PortalCode.ORIGIN_NOT_ALLOWED, "host")
        if request.method in {"GET", "HEAD"}:
            return
        if request.headers.get("Origin") not in self.origins:
            raise PortalError(PortalCode.ORIGIN_NOT_ALLOWED, "origin")
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise PortalError(PortalCode.ORIGIN_NOT_ALLOWED, "fetch site")
        if request.content_type not in _content_types(request):
            raise PortalError(PortalCode.BAD_REQUEST, "content type")
        posts = SharedBuckets(request.app[DATABASE], "posts", self.posts)
        if not await posts.take(network_of(request.remote)):
            raise PortalError(PortalCode.RATE_LIMITED, "peer")


async def read_body(request: web.Request) -> bytes:
    """Read a whole body, as large as the application allows, in at most 15 seconds.

    Raises:
        PortalError: ``bad_request``, it is larger or slower, or breaks off.

    """
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            return await request.read()
    except (*_BODY_ERRORS, TimeoutError) as error:
        raise PortalError(PortalCode.BAD_REQUEST, f"body: {type(error).__name__}") from error


def guarding(guard: Guard) -> Middleware:
    """Return the middleware that checks each request with ``guard``."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        await guard.check(request)
        return await handler(request)

    return middleware


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into an answer of the API: a code, never a traceback."""
    try:
        return await handler(request)
    except PortalError as error:
        if REFUSALS[error.code].status >= 500 or error.code in OPERATORS:
            _LOG.warning("%s: %s (%s)", _place(request), error.code, error.detail)
        else:
            _LOG.info("%s: %s (%s)", _place(request), error.code, error.detail)
        return await _answer(request, error.code, error.contact)
    except web.HTTPRedirection as error:
        return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    except web.HTTPException as error:
        return await _answer(request, _CODE_OF_STATUS.get(error.status, PortalCode.BAD_REQUEST))
    except (DataError, OperationalError, InterfaceError, PoolTimeoutError) as error:
        return await _answer(request, _code_of_database(request, error))
    except Exception as error:  # noqa: BLE001 - the last net; nothing may reach the page
        # No message: that of a foreign exception may quote a person's data.
        _LOG.error("%s: %s at %s", _place(request), type(error).__name__, place_of(error))
        return await _answer(request, PortalCode.INTERNAL)


def _code_of_database(request: web.Request, error: Exception) -> PortalCode:
    """Return what to say where the database refuses, is busy, full or gone; all is undone."""
    if isinstance(error, DataError):  # such as NUL in a text, which PostgreSQL does not take
        _LOG.info("%s: what cannot be kept", _place(request))
        return PortalCode.BAD_REQUEST
    _LOG.error("%s: the database: %s", _place(request), type(error).__name__)
    return PortalCode.UNAVAILABLE


async def _answer(
    request: web.Request, code: PortalCode, contact: str | None = None
) -> web.Response:
    """Refuse in the form that was asked for: a page for people, JSON for programs."""
    if wants_page(request):
        return await refused_page(request, code)
    return refuse(code, contact)


def _content_types(request: web.Request) -> frozenset[str]:
    return _JSON if request.path.startswith("/api/") else _FORMS


def _place(request: web.Request) -> str:
    return f"{request.method} {route_of(request)}"


def security_headers(agent_ports: Sequence[int], ping_port: int) -> Mapping[str, str]:
    """Return the headers of every answer; the page may connect to this site and to the agent."""
    policy = (
        "default-src 'self'",
        f"connect-src {_connect(agent_ports, ping_port)}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Server": "portal",  # and not which version of what
    }


def staff_headers(agent_ports: Sequence[int], ping_port: int) -> Mapping[str, str]:
    """Return the headers of the staff's pages, which load nothing but what they need."""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        f"connect-src {_connect(agent_ports, ping_port)}",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
    return {
        **security_headers(agent_ports, ping_port),
        "Content-Security-Policy": "; ".join(policy),
        "X-Robots-Tag": "noindex",
    }


def _connect(agent_ports: Sequence[int], ping_port: int) -> str:
    agent = [f"{scheme}://localhost:{port}" for scheme in ("https", "wss") for port in agent_ports]
    return " ".join(["'self'", *agent, f"http://localhost:{ping_port}"])
