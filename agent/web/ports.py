"""Which protocols answer on which ports: the native API on HTTPS, older ones on plain HTTP."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from agent.host.peer.check import PeerCheck
from agent.host.peer.port_owner import describe_owner
from agent.host.settings.config import Settings
from agent.web.front.limits import Limits
from agent.web.front.listen import PortTakenError
from agent.web.front.mount import Mount
from agent.web.front.serving import Listeners
from agent.web.native.beacon import beacon
from agent.web.native.messages import AgentState
from agent.web.native.methods import NativeApi, Prover
from agent.web.native.routes import NativeMount
from agent.web.service import Service

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """How to listen.

    Attributes:
        tls: with the local leaf.
        settings: the ports, and what pages may do.
        virtual: whether the cards are virtual.
        mounts: beside the native API on its port, for our own pages; asked before it.
        plain_mounts: beside the beacon on plain HTTP, for older protocols; asked before it.
        more_plain_ports: the plain-HTTP side listens there too, where they are free.
        limits: for each site.
        is_our_peer: tells whether the program at the other end is this user's; None lets
            everybody on this computer in.
        prove: shows an allowed site that it is still the same installation.
        state: what everybody is told of the agent.

    """

    tls: ssl.SSLContext
    settings: Settings = field(default_factory=Settings)
    virtual: bool = False
    mounts: tuple[Mount, ...] = ()
    plain_mounts: tuple[Mount, ...] = ()
    more_plain_ports: tuple[int, ...] = ()
    limits: Limits = field(default_factory=Limits)
    is_our_peer: PeerCheck | None = None
    prove: Prover | None = None
    state: AgentState = "running"


class Serving:
    """A listening agent.

    Attributes:
        port: of the native API, https and wss.
        ping_port: of the plain-HTTP side; None when another program holds it.
        ping_error: who holds it then, in English, as far as that can be known.

    """

    def __init__(self, listeners: Listeners, port: int) -> None:
        self.port = port
        self.ping_port: int | None = None
        self.ping_error: str | None = None
        self._listeners = listeners

    async def listen_plain(self, port: int, more: Sequence[int], mounts: Sequence[Mount]) -> None:
        """Listen on plain HTTP, which other programs may hold without harm to the native API."""
        try:
            self.ping_port = await self._listeners.listen((port,), mounts)
        except PortTakenError as error:
            self.ping_error = await _explain(port, error)
        for other in more:
            try:
                await self._listeners.listen((other,), mounts)
            except PortTakenError as error:
                await _explain(other, error)

    async def close(self) -> None:
        """Stop: no new connection; the open ones are cut, their requests cancelled."""
        await self._listeners.close()


async def serve(config: ServerConfig, service: Service) -> Serving:
    """Listen; return once every port answers.

    Raises:
        PortTakenError: every port of the native API is taken.

    """
    api = NativeApi(
        service,
        config.settings,
        config.limits,
        virtual=config.virtual,
        prove=config.prove,
        state=config.state,
    )
    native = await asyncio.to_thread(NativeMount, api)
    listeners = Listeners(api.rate, service.is_allowed, config.is_our_peer)
    port = await listeners.listen(
        config.settings.native_ports, (*config.mounts, native), config.tls
    )
    serving = Serving(listeners, port)
    plain = (*config.plain_mounts, beacon(port))
    await serving.listen_plain(config.settings.hipki_port, config.more_plain_ports, plain)
    _log.info("listening", port=port, ping_port=serving.ping_port)
    return serving


async def _explain(port: int, error: PortTakenError) -> str:
    owner = await asyncio.to_thread(describe_owner, port)
    detail = error.detail if owner is None else f"{error.detail}: {owner}"
    _log.warning("no plain-HTTP port", port=port, detail=detail)
    return detail
