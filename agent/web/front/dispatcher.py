"""The way of every request on a port: address, host, caller, rate, route, audience, answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Final, TypeAlias, cast

from aiohttp import hdrs, web

from agent.errors import AgentError, ErrorCode
from agent.origin import OPAQUE, Origin
from agent.web.front import guard
from agent.web.front.answer import answer
from agent.web.front.audience import check_audience
from agent.web.front.connections import Connections, HttpConnection
from agent.web.front.guard import Refused, RequestPurpose
from agent.web.front.limits import RateLimiter
from agent.web.front.mount import Mount, Refuse, Route
from agent.web.front.refusal import unexpected
from agent.web.recorder.recorder import CallRecorder

PREFLIGHT_SECONDS: Final = "60"

HttpHandler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""All that a listening port needs."""
IsAllowed: TypeAlias = Callable[[Origin], bool]


class Dispatcher:
    """The handler of one listening port."""

    def __init__(  # noqa: PLR0913  # what every request has to pass
        self,
        port: int,
        mounts: Sequence[Mount],
        rate: RateLimiter,
        is_allowed: Callable[[Origin], bool],
        connections: Connections,
        *,
        recorder: CallRecorder,
    ) -> None:
        """Put the checks in front of ``mounts``.

        Args:
            port: that the Host header must name.
            mounts: the first that claims a path answers; the last one, where none does.
            rate: one budget for each site, shared by all ports of an agent.
            is_allowed: whether the citizen has allowed a site.
            connections: are told who speaks on each.
            recorder: is told what was refused before any mount could record it.

        """
        self._port = port
        self._mounts = mounts
        self._rate = rate
        self._is_allowed = is_allowed
        self._connections = connections
        self._recorder = recorder

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; never raises but for cancellation."""
        # The path as it travelled: one spelling each, so that nothing can be hidden in it.
        path = request.raw_path.partition("?")[0]
        mount = next((each for each in self._mounts if each.claims(path)), self._mounts[-1])
        response = await self._answer(mount, path, request)
        if not response.prepared:
            response.headers.update(mount.headers_of(path))
        return response

    async def _answer(
        self, mount: Mount, path: str, request: web.BaseRequest
    ) -> web.StreamResponse:
        caller: Origin | None = None
        admitted = False
        is_allowed = cache(self._is_allowed)  # one answer for all of the checks
        refuse: Refuse = mount.refuse
        connection = cast("HttpConnection", request.protocol)
        connection.count_unread(None)
        try:
            self._check_address(request)
            caller = mount.identify(request)
            self._connections.speaks(connection, caller)
            methods = mount.methods_of(path)
            route = methods.get(request.method)
            if route is not None and route.refuse is not None:
                refuse = route.refuse
            self._meter(caller, route, is_allowed)
            if request.method == hdrs.METH_OPTIONS:
                return self._preflight(request, methods, caller, is_allowed)
            route = _choose(methods, request.method)
            self._admit(request, route, caller, is_allowed)
            admitted = True
            return await route.handler(request, caller)
        except AgentError as error:
            if mount.is_recorded and not admitted:
                self._recorder.missed(self._port, "refused")
            return refuse(error, caller)
        except ConnectionError:  # cut, or gone; this answer reaches nobody
            return web.Response()
        except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a code
            return refuse(unexpected(error), caller)
        finally:
            if not request.content.is_eof():
                connection.count_unread(self._connections.strangers_group(caller))

    def _check_address(self, request: web.BaseRequest) -> None:
        guard.check_peer(request.remote)
        guard.check_host(request.headers.getall(hdrs.HOST, ()), self._port)

    def _meter(self, caller: Origin | None, route: Route | None, is_allowed: IsAllowed) -> None:
        """Count what a web page asks; programs and pages of our own have no budget to exceed."""
        if caller is None or (route is not None and not route.is_metered):
            return
        if caller == OPAQUE or not caller.is_local:
            self._rate.check(caller, is_allowed=caller != OPAQUE and is_allowed(caller))

    @staticmethod
    def _admit(
        request: web.BaseRequest, route: Route, caller: Origin | None, is_allowed: IsAllowed
    ) -> None:
        headers = request.headers
        if route.purpose is not None:
            guard.check_fetch_metadata(headers, route.purpose)
        check_audience(route.audience, caller, is_allowed)
        if route.purpose is RequestPurpose.CALL:
            types = headers.getall(hdrs.CONTENT_TYPE, ())
            guard.check_content_type(types, headers.getall(hdrs.CONTENT_ENCODING, ()))
        if route.subprotocol is not None:
            offers = headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())
            guard.check_subprotocol(offers, route.subprotocol)
        guard.check_length(request.content_length, route.limit)

    @staticmethod
    def _preflight(
        request: web.BaseRequest,
        methods: Mapping[str, Route],
        caller: Origin | None,
        is_allowed: IsAllowed,
    ) -> web.Response:
        """Answer a CORS preflight (Fetch §4.8); no answer here gives anything away."""
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_METHOD, "")
        route = _choose(methods, wanted)
        if caller is None or caller.is_local:
            raise AgentError("a preflight names its site", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        check_audience(route.readers or route.audience, caller, is_allowed)
        response = answer(b"", caller, status=HTTPStatus.NO_CONTENT)
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = wanted
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "content-type"
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = PREFLIGHT_SECONDS
        if request.headers.get("Access-Control-Request-Private-Network") == "true":
            response.headers["Access-Control-Allow-Private-Network"] = "true"
        return response


def _choose(methods: Mapping[str, Route], method: str) -> Route:
    if not methods:
        raise Refused(404, ErrorCode.BAD_REQUEST, "there is no such path")
    route = methods.get(method)
    if route is None:
        raise Refused(405, ErrorCode.BAD_REQUEST, "no such method on this path")
    return route
