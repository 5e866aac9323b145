"""Connections of which whatever is no HTTP is answered in the service's own form."""

import asyncio

from aiohttp import web

from agent.validator.answers import rejection
from agent.validator.codes import ServiceCode, ServiceRefusalError


class ServiceConnection(web.RequestHandler):
    """One connection; aiohttp's own answer would quote what was sent, and name its version."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what escaped the application."""
        del request, exc, message
        is_theirs = 400 <= status < 500
        refusal = (
            ServiceRefusalError(ServiceCode.BAD_REQUEST, "not HTTP/1.1")
            if is_theirs
            else ServiceRefusalError(ServiceCode.INTERNAL)
        )
        response = rejection(refusal)
        response.force_close()
        return response


def connect(server: web.Server, loop: asyncio.AbstractEventLoop) -> web.RequestHandler:
    """Return the protocol of a new connection to ``server``."""
    # aiohttp makes its own kind, and has no other door for ours.
    return ServiceConnection(server, loop=loop, **server._kwargs)  # noqa: SLF001 # see above
