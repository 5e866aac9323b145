"""Which protocols answer on which ports: the native API on HTTPS, older ones beside it."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from agent.host.peer.check import PeerCheck
from agent.host.peer.port_owner import describe_owner
from agent.host.settings.config import Settings
from agent.web.front.limits import Limits
from agent.web.front.listen import PortTakenError
from agent.web.front.mount import Mount
from agent.web.front.serving import Listener, Listeners
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
        native_mounts: beside the native API on its port, for our own pages; asked before it.
        listeners: beside the native API's, each where one of its ports is free; on plain HTTP the
            beacon answers what no mount claims.
        limits: for each site.
        is_our_peer: tells whether the program at the other end is this user's; None lets
            everybody on this computer in.
        prove: shows an allowed site that it is still the same installation.
        state: what an allowed site is told of the agent.

    """

    tls: ssl.SSLContext
    settings: Settings = field(default_factory=Settings)
    virtual: bool = False
    native_mounts: tuple[Mount, ...] = ()
    listeners: tuple[Listener, ...] = ()
    limits: Limits = field(default_factory=Limits)
    is_our_peer: PeerCheck | None = None
    prove: Prover | None = None
    state: AgentState = "running"


@dataclass(frozen=True, slots=True)
class ListenResult:
    """What became of a listener.

    Attributes:
        port: where it listens; None when other programs hold its ports.
        problem: who holds the first of them then, in English, as far as that can be known.

    """

    port: int | None
    problem: str | None = None


class Serving:
    """A listening agent.

    Attributes:
        port: of the native API, https and wss.
        others: what became of each other listener, by its name.

    """

    def __init__(self, listeners: Listeners, port: int, others: Mapping[str, ListenResult]) -> None:
        self.port = port
        self.others = others
        self._listeners = listeners

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
        Listener(
            name="native",
            ports=config.settings.native_ports,
            tls=config.tls,
            mounts=(*config.native_mounts, native),
        )
    )
    ping = beacon(port)
    others = {each.name: await _listen(listeners, each, ping) for each in config.listeners}
    _log.info("listening", port=port, others={name: found.port for name, found in others.items()})
    return Serving(listeners, port, others)


async def _listen(listeners: Listeners, wanted: Listener, ping: Mount) -> ListenResult:
    """Listen where another program may do so already without harm to the native API."""
    if wanted.tls is None:
        wanted = replace(wanted, mounts=(*wanted.mounts, ping))
    try:
        return ListenResult(await listeners.listen(wanted))
    except PortTakenError as error:
        owner = await asyncio.to_thread(describe_owner, wanted.ports[0])
        problem = error.detail if owner is None else f"{error.detail}: {owner}"
        _log.warning("no free port", listener=wanted.name, ports=wanted.ports, detail=problem)
        return ListenResult(None, problem)
