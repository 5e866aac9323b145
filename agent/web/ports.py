"""Which protocols answer on which ports: the native API on HTTPS, older ones beside it."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import structlog

from agent.host.peer.check import PeerCheck
from agent.host.peer.port_owner import PortOwner, find_owner
from agent.host.settings.config import Settings
from agent.web.front.limits import Limits
from agent.web.front.listen import PortTakenError
from agent.web.front.mount import Mount
from agent.web.front.serving import Listener, Listeners
from agent.web.native.beacon import beacon
from agent.web.native.messages import AgentState
from agent.web.native.methods import NativeApi, Prover
from agent.web.native.page_documents import PageDocuments
from agent.web.native.routes import NativeMount
from agent.web.offered_views import OfferedViews
from agent.web.recorder.recorder import CallRecorder
from agent.web.service import Service
from agent.words import SOURCE, SYSTEM

RETAKE_SECONDS: Final = 60.0
"""How often the ports are tried that another program held."""

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
        state: tells what an allowed site is told of the agent.
        recorder: is told of what comes to the ports; the same one that the mounts have.
        is_restart_due: tells whether a browser runs that trusts us only after a restart.
        documents: the folder of private copies of PDFs; None where pages have none signed.
        views: what the citizen can have shown of them.
        language: of what is drawn in them, one of :data:`agent.words.CHOICES`.
        begins_released: whether ``listeners`` open no port until they are told to.
        entrusted: the ports that a porter holds for all users of this computer; see
            :meth:`Serving.entrust`.

    """

    tls: ssl.SSLContext
    settings: Settings = field(default_factory=Settings)
    virtual: bool = False
    native_mounts: tuple[Mount, ...] = ()
    listeners: tuple[Listener, ...] = ()
    limits: Limits = field(default_factory=Limits)
    is_our_peer: PeerCheck | None = None
    prove: Prover | None = None
    state: Callable[[], AgentState] = lambda: "running"
    recorder: CallRecorder = field(default_factory=CallRecorder)
    is_restart_due: Callable[[], bool] = field(default=lambda: False)
    documents: Path | None = None
    views: OfferedViews = field(default_factory=OfferedViews)
    language: Callable[[], str] = field(default=lambda: SYSTEM)
    begins_released: bool = False
    entrusted: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class ListenResult:
    """What became of a listener.

    Attributes:
        port: where it listens; None when other programs hold its ports.
        problem: who holds the first of them then, in English, as far as that can be known.
        wanted: the first of them.
        owner: who holds it then.
        released: whether it was given up on purpose, so that there is no problem.

    """

    port: int | None
    problem: str | None = None
    wanted: int = 0
    owner: PortOwner | None = None
    released: bool = False


class Serving:
    """A listening agent.

    Attributes:
        port: of the native API, https and wss; None while other programs hold all of its ports.
        problem: who holds the first of them then, in English, as far as that can be known.
        also: ports of the native API that were taken later, beside ``port``.

    """

    def __init__(self, listeners: Listeners, native: Listener) -> None:
        """Listen nowhere yet.

        Args:
            listeners: open the ports.
            native: where the native API is to answer.

        """
        self.port: int | None = None
        self.problem: str | None = None
        self.also: tuple[int, ...] = ()
        self._native = native
        self._others: dict[str, ListenResult] = {}
        self._wanted: dict[str, Listener] = {native.name: native}
        self._waiting: dict[str, Listener] = {}
        self._listeners = listeners
        self._entrusted: dict[str, int] = {}
        self._changing = asyncio.Lock()

    @property
    def entrusted(self) -> tuple[int, ...]:
        """The ports that a porter holds, and from which it hands connections over."""
        return tuple(self._entrusted.values())

    @property
    def others(self) -> Mapping[str, ListenResult]:
        """What became of each listener beside the native API's, by its name."""
        return self._others

    @property
    def missing(self) -> tuple[int, ...]:
        """The ports that are wanted and held by other programs.

        Of a listener that has a choice of ports all are listed: any of them will do.
        """
        return tuple(port for each in self._waiting.values() for port in each.ports)

    @property
    def left(self) -> tuple[int, ...]:
        """The ports that were given up on purpose, and not taken again yet."""
        found = (each.wanted for each in self._others.values() if each.released)
        return tuple(port for port in found if port)

    async def open_native(self) -> None:
        """Listen with the native API where a port of it is free, else wait for one."""
        found = await self._open(self._native)
        if found.port is None:
            self.problem = found.problem
        else:
            self._native_listens(found.port)

    async def open(self, wanted: Listener) -> None:
        """Listen where another program may do so already without harm to the native API."""
        self._wanted[wanted.name] = wanted
        self._others[wanted.name] = await self._open(wanted)

    def announce(self, wanted: Listener) -> None:
        """Know a listener without opening a port for it: it is released from the start."""
        self._wanted[wanted.name] = wanted
        self._others[wanted.name] = ListenResult(None, wanted=wanted.ports[0], released=True)

    async def release(self, name: str) -> None:
        """Give up the port of a listener beside the native API's; return when it is closed.

        What is asked there is answered still, see :meth:`Listeners.release`. Nothing happens where
        it is released already, or a porter holds it.

        Args:
            name: of :attr:`others`.

        Raises:
            KeyError: there is no such listener.

        """
        async with self._changing:
            found = self._others[name]
            self._waiting.pop(name, None)
            if found.released or name in self._entrusted:
                return
            await self._listeners.release(name)
            if found.port is not None:  # the same one again, where any would have done
                self._wanted[name] = replace(self._wanted[name], ports=(found.port,))
            wanted = self._wanted[name].ports[0]
            self._others[name] = ListenResult(None, wanted=wanted, released=True)

    async def take(self, name: str) -> bool:
        """Take the port of a listener again; return whether it listens now.

        Where another program holds it, :attr:`others` says who, and :meth:`try_waiting` tries it
        again. Nothing happens where it listens already.

        Args:
            name: of :attr:`others`.

        Raises:
            KeyError: there is no such listener.

        """
        async with self._changing:
            if self._others[name].port is None:
                self._others[name] = await self._open(self._wanted[name])
            if self._others[name].port is not None:
                self._waiting.pop(name, None)
        return self._others[name].port is not None

    async def entrust(self, ports: Collection[int]) -> None:
        """Leave ports to a porter: they are closed here when this returns.

        Every listener whose first port is among them counts as listening there, for as long as
        the porter hands over the connections that are this user's (see :meth:`adopt_handed`).

        Args:
            ports: that the porter holds, or waits for.

        """
        async with self._changing:
            for name, wanted in self._wanted.items():
                if wanted.ports[0] in ports:
                    self._waiting.pop(name, None)
                    self._entrusted[name] = wanted.ports[0]
                    await self._leave(name, wanted.ports[0])

    async def _leave(self, name: str, port: int) -> None:
        if name in self._others:
            await self._listeners.release(name)
            self._others[name] = ListenResult(port)
            return
        had = {self.port, *self.also} - {None}
        if port in had:
            await self._listeners.release(name)
            had = set()
        self.port, self.problem = port, None
        self.also = tuple(sorted(each for each in had if each is not None))

    async def take_back(self, *, opens: bool = True) -> None:
        """Listen again on what was entrusted to a porter, which is gone, as at the start.

        Args:
            opens: whether the ports beside the native API's are this user's to take; else they
                count as given up on purpose.

        """
        async with self._changing:
            entrusted, self._entrusted = self._entrusted, {}
            for name in entrusted:
                if name in self._others and opens:
                    self._others[name] = await self._open(self._wanted[name])
                elif name in self._others:
                    first = self._wanted[name].ports[0]
                    self._others[name] = ListenResult(None, wanted=first, released=True)
                else:
                    await self._take_native_back()

    async def _take_native_back(self) -> None:
        """Have the ports that were kept; the usual one is waited for: others may have none."""
        kept, self.port, self.also = self.also, None, ()
        for port in kept:
            self._native_listens(port)
        if not kept:
            await self.open_native()

    async def adopt_handed(self, connection: socket.socket) -> None:
        """Serve a connection that a porter handed over, or close it where no port fits.

        Args:
            connection: connected; closed here, however it ends.

        """
        try:
            port = connection.getsockname()[1]
            name = next(each for each, of_it in self._entrusted.items() if of_it == port)
            await self.adopt(name, connection)
        except (OSError, StopIteration, ValueError):
            connection.close()

    def want(self, name: str) -> None:
        """Let :meth:`try_waiting` take the port of a released listener.

        It counts as released until then, or until :meth:`name_holders` says who holds it: whoever
        does may be about to leave it.

        Args:
            name: of :attr:`others`.

        Raises:
            KeyError: there is no such listener.

        """
        if name not in self._entrusted:
            self._waiting[name] = self._wanted[name]

    async def name_holders(self) -> None:
        """Find out anew who holds the ports that are waited for."""
        for name, wanted in tuple(self._waiting.items()):
            if name in self._others:
                held = await self._held(
                    wanted, f"another program listens on port {wanted.ports[0]}"
                )
                if name in self._waiting:  # and was not taken or given up meanwhile
                    self._others[name] = held

    async def adopt(self, name: str, connection: socket.socket) -> None:
        """Serve a connection that another process accepted on the port of a listener.

        The listener may be open, waiting or released. Whose program is at the other end is asked
        of the system as always.

        Args:
            name: of :attr:`others`, or of the native API's listener.
            connection: connected; closed here, however it ends.

        Raises:
            KeyError: there is no such listener; the connection is closed.
            ValueError: it came to none of its ports; likewise.
            OSError: it is connected no more; likewise.

        """
        try:
            wanted = self._wanted[name]
        except KeyError:
            connection.close()
            raise
        await self._listeners.adopt(wanted, connection)

    def open_connections(self, name: str) -> int:
        """Return how many connections to a listener there are."""
        return self._listeners.open_connections(name)

    async def _open(self, wanted: Listener) -> ListenResult:
        try:
            return ListenResult(await self._listeners.listen(wanted))
        except PortTakenError as error:
            self._waiting[wanted.name] = wanted
            return await self._held(wanted, error.detail)

    async def _held(self, wanted: Listener, detail: str) -> ListenResult:
        """Say who holds the first port of a listener, once for each who does."""
        first, before = wanted.ports[0], self._others.get(wanted.name)
        owner, named = await asyncio.to_thread(_named_owner, first)
        problem = f"{detail}: {named}" if named else detail
        if before is None or before.owner != owner:
            _log.warning("no free port", listener=wanted.name, ports=wanted.ports, detail=problem)
        return ListenResult(None, problem, first, owner)

    def _native_listens(self, port: int) -> None:
        """Remember one more port of the native API; wait for the usual one where it is another."""
        if self.port is not None:
            self.also += (port,)
            return
        self.port, self.problem = port, None
        usual = self._native.ports[0]
        if usual not in {0, port}:
            self._waiting[self._native.name] = replace(self._native, ports=(usual,))

    async def try_waiting(self, changed: Callable[[], object]) -> None:
        """Try once each port that another program held; take those that are free.

        Args:
            changed: called after each.

        """
        async with self._changing:
            for name, wanted in tuple(self._waiting.items()):
                with suppress(PortTakenError):
                    port = await self._listeners.listen(wanted)
                    del self._waiting[name]
                    if name in self._others:
                        self._others[name] = ListenResult(port)
                    else:
                        self._native_listens(port)
                    _log.info("a port got free and was taken", listener=name, port=port)
                    changed()

    def forget_rates(self) -> None:
        """Give every site its full budget again."""
        self._listeners.forget_rates()

    async def close(self) -> None:
        """Stop: no new connection; the open ones are cut, their requests cancelled."""
        await self._listeners.close()


async def serve(config: ServerConfig, service: Service) -> Serving:
    """Listen; return once every port answers that no other program holds."""
    documents = PageDocuments(
        service, config.documents, config.views, config.settings, config.language
    )
    api = NativeApi(
        service,
        config.settings,
        config.limits,
        virtual=config.virtual,
        prove=config.prove,
        state=config.state,
        recorder=config.recorder,
        documents=documents,
    )
    native = await asyncio.to_thread(NativeMount, api)
    listeners = Listeners(api.rate, service.is_allowed, config.is_our_peer, config.recorder)
    wanted = Listener(
        name="native",
        ports=config.settings.native_ports,
        tls=config.tls,
        mounts=(*config.native_mounts, native),
    )
    serving = Serving(listeners, wanted)
    if wanted.ports[0] not in config.entrusted:
        await serving.open_native()
    ping = beacon(lambda: serving.port, config.is_restart_due)
    for each in config.listeners:
        mounts = (*each.mounts, ping) if each.tls is None else each.mounts
        ready = replace(each, mounts=mounts)
        if config.begins_released or ready.ports[0] in config.entrusted:
            serving.announce(ready)
        else:
            await serving.open(ready)
    await serving.entrust(config.entrusted)
    others = {name: found.port for name, found in serving.others.items()}
    _log.info("listening", port=serving.port, others=others)
    return serving


def _named_owner(port: int) -> tuple[PortOwner, str]:
    """Return who listens on a port, in words too; reads files, and not in the event loop."""
    owner = find_owner(port)
    return owner, owner.words(SOURCE) if owner.is_known else ""
