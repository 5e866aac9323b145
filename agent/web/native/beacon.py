"""The beacon on plain HTTP, by which pages find out why TLS fails."""

from collections.abc import Callable

from aiohttp import web
from msgspec import UNSET

from agent import __version__
from agent.errors import ErrorCode
from agent.origin import Origin
from agent.web.front.answer import answer
from agent.web.front.guard import Refused
from agent.web.front.mount import Mount
from agent.web.native import messages, wire
from agent.web.native.routes import public


def beacon(
    tls_port: Callable[[], int | None], is_restart_due: Callable[[], bool] = lambda: False
) -> Mount:
    """Return the mount that tells where the native API listens.

    Args:
        tls_port: returns the port of the native API; None while other programs hold all of its
            ports. Pages are refused then: they would take an answer for a bad certificate.
        is_restart_due: returns whether a browser runs that trusts us only after a restart.

    """
    # Inventory scripts look for this word on this port.
    banner = f"Ankong (安控) version:{__version__}\n".encode()

    async def handle_ping(request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(wire.encode(_ping(tls_port(), is_restart_due=is_restart_due())), site)

    async def handle_banner(request: web.BaseRequest, site: Origin | None) -> web.Response:
        del request
        return answer(banner, site, content_type="text/plain")

    return Mount({"/v1/ping": {"GET": public(handle_ping)}, "/": {"GET": public(handle_banner)}})


def _ping(port: int | None, *, is_restart_due: bool) -> messages.Ping:
    if port is None:
        raise Refused(503, ErrorCode.BUSY, "other programs hold the ports of the native API")
    hint: messages.PingHint = "restart_browser" if is_restart_due else UNSET
    return messages.Ping("ankong", __version__, port, hint)
