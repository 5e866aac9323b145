"""The beacon on plain HTTP, by which pages find out why TLS fails."""

from aiohttp import web

from agent import __version__
from agent.origin import Origin
from agent.web.front.answer import answer
from agent.web.front.mount import Mount
from agent.web.native import messages, wire
from agent.web.native.routes import public


def beacon(tls_port: int) -> Mount:
    """Return the mount that tells where the native API listens."""
    ping = wire.encode(messages.Ping("ankong", __version__, tls_port))
    # Inventory scripts look for this word on this port.
    banner = f"Ankong (安控) version:{__version__}\n".encode()

    async def handle_ping(request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(ping, site)

    async def handle_banner(request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(banner, site, content_type="text/plain")

    return Mount({"/v1/ping": {"GET": public(handle_ping)}, "/": {"GET": public(handle_banner)}})
