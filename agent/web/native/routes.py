"""The paths of both ports, and what each of them does."""

import asyncio
from functools import partial
from importlib import resources
from typing import Final

from aiohttp import WSCloseCode, web
from msgspec import UNSET

from agent import __version__
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import Origin
from agent.web.front.audience import Audience
from agent.web.front.endpoint import Handler, Route, Routes, answer, read_body, refusal
from agent.web.front.guard import Purpose
from agent.web.front.limits import Slots
from agent.web.native import messages, wire
from agent.web.native.methods import NativeApi, wipe_pin
from agent.web.native.socket import Session, new_socket

DOCUMENTS: Final = (
    ("/v1/openapi.json", "native/openapi.json", "application/json"),
    ("/v1/messages.schema.json", "native/messages.schema.json", "application/schema+json"),
    ("/sdk/ankong.js", "sdk/ankong.js", "text/javascript"),
)
"""Path, file below ``agent/web``, media type."""


class NativeRoutes:
    """The native API's paths."""

    def __init__(self, api: NativeApi) -> None:
        self._api = api
        self._places = Slots(api.limits.sockets, ErrorCode.RATE_LIMITED)
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> Routes:
        """List them; reads the documents from the package.

        Raises:
            OSError: a document is missing: the installation is broken.

        """
        found: dict[str, dict[str, Route]] = {}
        for kind in messages.HTTP_REQUESTS:
            method = str(kind.__struct_config__.tag)
            call = Route(partial(self._call, method), kind.audience, Purpose.CALL)
            found[f"/v1/{method}"] = {"POST": call}
        found["/v1/status"]["GET"] = _public(self._status)
        socket_route = Route(self._socket, Audience.ANY_SITE, Purpose.SOCKET)
        found["/v1/socket"] = {"GET": socket_route}
        for path, name, content_type in DOCUMENTS:
            found[path] = {"GET": _document(name, content_type)}
        return found

    async def _status(self, request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(wire.encode(self._api.status(site)), site)

    async def _call(
        self, method: str, request: web.BaseRequest, site: Origin | None
    ) -> web.Response:
        if site is None:
            raise AgentError("nobody asks", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        raw = await read_body(request, messages.MAX_MESSAGE, self._api.limits.body_seconds)
        try:
            asked = wire.decode_for(method, raw)
        except BadRequestError as error:
            return refusal(error, site, wire.id_of(raw) or UNSET)
        try:
            result = await self._api.execute(site, asked)
            return answer(wire.success_bytes(asked.id, result), site)
        except AgentError as error:
            return refusal(error, site, asked.id)
        finally:
            wipe_pin(asked)

    async def _socket(self, request: web.BaseRequest, site: Origin | None) -> web.StreamResponse:
        transport = request.transport
        if site is None or transport is None:
            raise AgentError("nobody asks", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        accepted = new_socket()
        if not accepted.can_prepare(request):
            raise BadRequestError("no WebSocket handshake")
        with self._places.hold(site):
            await accepted.prepare(request)
            self._open.add(accepted)
            try:
                await Session(self._api, site, accepted, transport).run()
            finally:
                self._open.discard(accepted)
        return accepted

    async def close(self) -> None:
        """Tell every WebSocket that the agent goes away."""
        closing = (each.close(code=WSCloseCode.GOING_AWAY) for each in self._open)
        await asyncio.gather(*closing, return_exceptions=True)


def _public(handler: Handler) -> Route:
    return Route(handler, Audience.EVERYBODY, Purpose.READ)


def _document(name: str, content_type: str) -> Route:
    content = resources.files("agent.web").joinpath(name).read_bytes()

    async def handle(request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(content, site, content_type=content_type)

    return _public(handle)


def plain_routes(tls_port: int) -> Routes:
    """List the plain-HTTP side's paths: a beacon, by which pages find out why TLS fails."""
    ping = wire.encode(messages.Ping("ankong", __version__, tls_port))
    # Inventory scripts look for this word on this port.
    banner = f"Ankong (安控) version:{__version__}\n".encode()

    async def handle_ping(request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(ping, site)

    async def handle_banner(request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(banner, site, content_type="text/plain")

    return {"/v1/ping": {"GET": _public(handle_ping)}, "/": {"GET": _public(handle_banner)}}
