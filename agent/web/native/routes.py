"""The native API's paths, and what each of them does."""

import asyncio
from collections.abc import Mapping
from functools import partial
from importlib import resources
from typing import Final

from aiohttp import WSCloseCode, hdrs, web
from msgspec import UNSET

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.secret import wipe
from agent.size_limits import MAX_MESSAGE, MAX_STRANGER_MESSAGE
from agent.web.front.answer import answer
from agent.web.front.audience import Audience
from agent.web.front.body import read_body
from agent.web.front.guard import RequestPurpose
from agent.web.front.mount import Handler, Mount, Route, Routes
from agent.web.front.refusal import refusal
from agent.web.front.room import BodyRoom
from agent.web.front.unread import UnreadBytes
from agent.web.front.web_sockets import WebSockets, new_socket
from agent.web.native import document_calls, error_catalogue, messages, wire
from agent.web.native.methods import NativeApi, wipe_secrets
from agent.web.native.socket import HEARTBEAT, SUBPROTOCOL, Session
from agent.web.recorder.recorder import CallRecording
from agent.words.language import SYSTEM, Language, requested_language

SDK_MODULES: Final = (
    "ankong",
    "digest",
    "element",
    "explain",
    "fake",
    "pdf",
    "style",
    "words",
)
DOCUMENTS: Final = (
    ("/v1/openapi.json", "native/openapi.json", "application/json"),
    ("/v1/messages.schema.json", "native/messages.schema.json", "application/schema+json"),
    *((f"/sdk/{name}.js", f"sdk/{name}.js", "text/javascript") for name in SDK_MODULES),
    # No type is registered for it, and .ts by itself is a video; Deno reads types under this name.
    *(
        (f"/sdk/{name}.d.ts", f"sdk/types/{name}.d.ts", "application/typescript")
        for name in SDK_MODULES
    ),
)
"""Path, file below ``agent/web``, media type."""


class NativeMount(Mount):
    """The native API: calls by POST, a WebSocket, and the documents that describe both."""

    def __init__(self, api: NativeApi) -> None:
        """Read the documents from the package; blocks.

        Raises:
            OSError: a document is missing: the installation is broken.

        """
        self._api = api
        limits = api.limits
        self._room = BodyRoom(limits.body_seconds)
        self._sockets = WebSockets(limits, api.is_allowed, UnreadBytes(api.is_allowed))
        self._documents = document_calls.DocumentCalls(api)
        super().__init__(self._make_routes())

    def _make_routes(self) -> Routes:
        found: dict[str, dict[str, Route]] = {}
        for kind in messages.HTTP_REQUESTS:
            call = Route(
                partial(self._call, kind),
                kind.audience,
                RequestPurpose.CALL,
                _longest(kind.audience),
            )
            found[f"/v1/{kind.__struct_config__.tag}"] = {"POST": call}
        found["/v1/status"]["GET"] = public(self._status)
        session = Route(
            self._socket, Audience.ANY_SITE, RequestPurpose.SOCKET, subprotocol=SUBPROTOCOL
        )
        found["/v1/socket"] = {"GET": session}
        found[document_calls.PATH] = {**self._documents.collection}
        for path, name, content_type in DOCUMENTS:
            found[path] = {"GET": _document(name, content_type)}
        found[error_catalogue.JSON_PATH] = {"GET": public(_error_codes)}
        found[error_catalogue.PAGE_PATH] = {"GET": _error_page(None)}
        for each in Language:
            found[error_catalogue.page_path(each)] = {"GET": _error_page(each)}
        return found

    def methods_of(self, path: str) -> Mapping[str, Route]:
        """Return what a path does; each document has one of its own."""
        return super().methods_of(path) or self._documents.methods_of(path)

    async def _status(self, request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        with self._api.recorder.recording(site, "native", "fetch") as entry:
            entry.request("status")
            return answer(wire.encode(self._api.status(site)), site)

    async def _call(
        self, kind: type[messages.Request], request: web.BaseRequest, site: Origin | None
    ) -> web.Response:
        if site is None:
            raise AgentError("nobody asks", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        limit, method = _longest(kind.audience), str(kind.__struct_config__.tag)
        with self._api.recorder.recording(site, "native", "fetch") as entry:
            entry.request(method)
            # Until it is answered: what is to be signed is held all the while.
            async with self._room.hold(site, request.content_length, limit):
                raw = await read_body(request, limit, self._api.limits.body_seconds)
                try:
                    asked = await wire.off_the_loop(partial(wire.decode_for, method), raw)
                except AgentError as error:
                    entry.outcome(error.code)
                    found = await wire.off_the_loop(wire.id_of, raw)
                    return refusal(error, site, found or UNSET)
                finally:
                    wipe(raw)
                entry.request(method, asked)
                return await self._execute(site, asked, entry)

    async def _execute(
        self, site: Origin, asked: messages.Request, entry: CallRecording
    ) -> web.Response:
        try:
            result = await self._api.execute(site, asked)
            return answer(wire.success_bytes(asked.id, result), site)
        except AgentError as error:
            entry.outcome(error.code)
            return refusal(error, site, asked.id)
        finally:
            wipe_secrets(asked)

    async def _socket(self, request: web.BaseRequest, site: Origin | None) -> web.StreamResponse:
        accepted = new_socket(subprotocols=(SUBPROTOCOL,), heartbeat=HEARTBEAT)
        if site is not None and self._api.is_blocked(site) and accepted.can_prepare(request):
            await accepted.prepare(request)
            # A page reads no refused handshake, but it reads how a socket was closed.
            reason = ErrorCode.ORIGIN_BLOCKED.encode()
            with self._api.recorder.recording(site, "native", "socket") as entry:
                entry.outcome(ErrorCode.ORIGIN_BLOCKED)
            await accepted.close(code=WSCloseCode.POLICY_VIOLATION, message=reason)
            return accepted
        return await self._sockets.serve(
            request, site, accepted, lambda channel: Session(self._api, channel, self._room)
        )

    def leave(self, port: int) -> None:
        """Close each WebSocket of a port once what was asked on it is answered."""
        self._sockets.leave(port)

    async def close(self) -> None:
        """Tell every WebSocket that the agent goes away, and put what sites handed over away."""
        await self._sockets.close()
        await self._api.documents.close()


def _longest(audience: Audience) -> int:
    """Return how many bytes a message has at most; what strangers may say is short."""
    return MAX_MESSAGE if audience is Audience.ALLOWED_SITE else MAX_STRANGER_MESSAGE


def public(handler: Handler) -> Route:
    """Return the route of what any site may read."""
    return Route(handler, Audience.EVERYBODY, RequestPurpose.READ)


def _document(name: str, content_type: str) -> Route:
    content = resources.files("agent.web").joinpath(name).read_bytes()

    async def handle(request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(content, site, content_type=content_type)

    return public(handle)


async def _error_codes(request: web.BaseRequest, site: Origin | None) -> web.Response:
    del request
    return answer(await asyncio.to_thread(error_catalogue.as_json), site)


def _error_page(chosen: Language | None) -> Route:
    """Return the route of the page about errors; without a language in that of the browser."""

    async def handle(request: web.BaseRequest, site: Origin | None) -> web.Response:
        accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
        language = chosen or requested_language(SYSTEM, accepted)
        page = await asyncio.to_thread(error_catalogue.as_page, language)
        response = answer(page.body, site, content_type="text/html")
        response.charset = "utf-8"
        response.headers["Content-Security-Policy"] = page.policy
        return response

    return public(handle)
