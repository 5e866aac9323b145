"""HTTP in front of the handlers: every check of ``guard``, CORS, and JSON for every error."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

import structlog
from aiohttp import hdrs, web
from msgspec import UNSET

from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import Origin
from agent.web.front import guard
from agent.web.front.audience import Audience
from agent.web.front.guard import Purpose, Refused
from agent.web.front.limits import RateLimiter
from agent.web.native import wire
from agent.web.native.messages import MAX_MESSAGE

JSON_TYPE: Final = "application/json"
PREFLIGHT_SECONDS: Final = "60"

_ALWAYS: Final = (
    (hdrs.SERVER, "ankong"),
    (hdrs.CACHE_CONTROL, "no-store"),
    (hdrs.VARY, hdrs.ORIGIN),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)
_STATUS: Final = {
    ErrorCode.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.ORIGIN_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    ErrorCode.ORIGIN_BLOCKED: HTTPStatus.FORBIDDEN,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.TIMEOUT: HTTPStatus.GATEWAY_TIMEOUT,
    ErrorCode.PCSC_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""All other codes are about the state of reader, card and PIN: 409 Conflict."""

_log = structlog.get_logger(__name__)

HttpHandler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""All that a listening port needs."""
Handler: TypeAlias = Callable[[web.BaseRequest, Origin | None], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """What a path does for one HTTP method."""

    handler: Handler
    audience: Audience
    purpose: Purpose
    limit: int = MAX_MESSAGE  # bytes of body


Routes: TypeAlias = Mapping[str, Mapping[str, Route]]
"""Path, percent-encoded as it travels, to HTTP method to route."""


class Endpoint:
    """The handler of one listening port."""

    def __init__(
        self,
        routes: Routes,
        port: int,
        rate: RateLimiter,
        is_allowed: Callable[[Origin], bool],
    ) -> None:
        """Put the checks in front of ``routes``.

        Args:
            routes: nothing else exists.
            port: that the Host header must name.
            rate: shared by all ports of an agent.
            is_allowed: whether the citizen has allowed a site.

        """
        self._routes = routes
        self._port = port
        self._rate = rate
        self._is_allowed = is_allowed

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; never raises but for cancellation."""
        site = None
        try:
            self._check_address(request)
            site = guard.read_site(request.headers.getall(hdrs.ORIGIN, ()))
            if site is not None:
                self._rate.check(site)
            methods = self._find(request.raw_path)
            if request.method == hdrs.METH_OPTIONS:
                return self._preflight(request, methods, site)
            route = _choose(methods, request.method)
            self._admit(request, route, site)
            return await route.handler(request, site)
        except AgentError as error:
            return refusal(error, site)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a code
            return refusal(unexpected(error), site)

    def _check_address(self, request: web.BaseRequest) -> None:
        guard.check_peer(request.remote)
        guard.check_host(request.headers.getall(hdrs.HOST, ()), self._port)

    def _find(self, target: str) -> Mapping[str, Route]:
        """Look the path up as it travelled: one spelling each, so nothing can be hidden in it."""
        methods = self._routes.get(target.partition("?")[0])
        if methods is None:
            raise Refused(HTTPStatus.NOT_FOUND, ErrorCode.BAD_REQUEST, "there is no such path")
        return methods

    def _check_audience(self, audience: Audience, site: Origin | None) -> None:
        if audience is Audience.EVERYBODY:
            return
        if site is None or (audience is Audience.ALLOWED_SITE and not self._is_allowed(site)):
            raise AgentError("not for this site", code=ErrorCode.ORIGIN_NOT_ALLOWED)

    def _admit(self, request: web.BaseRequest, route: Route, site: Origin | None) -> None:
        headers = request.headers
        guard.check_fetch_metadata(headers, route.purpose)
        self._check_audience(route.audience, site)
        if route.purpose is Purpose.CALL:
            types = headers.getall(hdrs.CONTENT_TYPE, ())
            guard.check_content_type(types, headers.getall(hdrs.CONTENT_ENCODING, ()))
            guard.check_length(request.content_length, route.limit)
        elif route.purpose is Purpose.SOCKET:
            guard.check_subprotocol(headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ()))

    def _preflight(
        self, request: web.BaseRequest, methods: Mapping[str, Route], site: Origin | None
    ) -> web.Response:
        """Answer a CORS preflight (Fetch §4.8); no answer here gives anything away."""
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD, "")
        route = _choose(methods, wanted)
        if site is None:
            raise AgentError("a preflight names its site", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        self._check_audience(route.audience, site)
        response = answer(b"", site, status=HTTPStatus.NO_CONTENT)
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = wanted
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "content-type"
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = PREFLIGHT_SECONDS
        if request.headers.get("Access-Control-Request-Private-Network") == "true":
            response.headers["Access-Control-Allow-Private-Network"] = "true"
        return response


def _choose(methods: Mapping[str, Route], method: str) -> Route:
    route = methods.get(method)
    if route is None:
        raise Refused(
            HTTPStatus.METHOD_NOT_ALLOWED, ErrorCode.BAD_REQUEST, "no such method on this path"
        )
    return route


def answer(
    body: bytes,
    site: Origin | None,
    *,
    status: int = HTTPStatus.OK,
    content_type: str = JSON_TYPE,
) -> web.Response:
    """Make a response that only ``site`` can read, where there is one."""
    response = web.Response(body=body, status=status, content_type=content_type)
    headers = response.headers
    headers.extend(_ALWAYS)
    if site is not None:
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = str(site)
    return response


def refusal(error: AgentError, site: Origin | None, request_id: wire.AnyId = UNSET) -> web.Response:
    """Make the response that says no."""
    status = _STATUS.get(error.code, HTTPStatus.CONFLICT)
    if isinstance(error, Refused):
        status = HTTPStatus(error.status)
    response = answer(wire.refusal_bytes(request_id, error), site, status=status)
    if status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        response.force_close()
    return response


def unexpected(error: Exception) -> AgentError:
    """Log an error that nobody expected, under a number that the page is told."""
    reference = secrets.token_hex(4)
    _log.error("unexpected error", reference=reference, exc_info=error)
    return wire.InternalError(reference)


async def read_body(request: web.BaseRequest, limit: int, seconds: float) -> bytes:
    """Read a whole body, but not too much of it, and not for ever.

    Args:
        request: not read yet.
        limit: bytes.
        seconds: for all of it to arrive.

    Raises:
        Refused: it is too long.
        AgentError: ``timeout``.
        BadRequestError: its transfer encoding is broken.

    """
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                guard.check_length(len(body), limit)
    except TimeoutError as error:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, ErrorCode.TIMEOUT, "a slow body") from error
    except (web.RequestPayloadError, ValueError) as error:
        raise BadRequestError("the body is broken") from error
    return bytes(body)
