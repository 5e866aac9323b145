"""Listening ports of an agent: opened, given up and opened again, with what answers on each."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from agent.domain import registrable_domain
from agent.host.peer.check import PeerCheck
from agent.origin import LOCAL_PROGRAM, OPAQUE, Origin
from agent.seldom import SeldomLog
from agent.web.front import message_queues, tls_buffers
from agent.web.front.accepting import Acceptor, Admission
from agent.web.front.connections import Connections
from agent.web.front.dispatcher import Dispatcher
from agent.web.front.dropped import DroppedBytes
from agent.web.front.http_server import HttpServer
from agent.web.front.limits import RateLimiter
from agent.web.front.listen import listen
from agent.web.front.mount import Mount
from agent.web.front.peer import ConnectionPeers
from agent.web.recorder.recorder import CallRecorder

SHUTDOWN_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """Where protocols are to answer.

    Attributes:
        name: of what answers there; unique in an agent.
        ports: to try in turn; 0 stands for any.
        tls: for HTTPS; None for plain HTTP.
        mounts: the first that claims a path answers; the last one, where none does.

    """

    name: str
    ports: tuple[int, ...]
    tls: ssl.SSLContext | None = None
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class _PortServer:
    """What answers on one port of a listener, whether it is open or only handed over to.

    Attributes:
        listener: what it is for.
        connections: those that there are.
        server: makes them.
        adopting: takes connections that another process accepted.
        acceptors: of the port's sockets; none while it is not open.

    """

    listener: Listener
    connections: Connections
    server: HttpServer
    adopting: Admission
    acceptors: list[Acceptor]

    async def close_port(self) -> None:
        """Listen no more; the connections stay."""
        acceptors = tuple(self.acceptors)
        self.acceptors.clear()
        await asyncio.gather(*(each.close() for each in acceptors))


class Listeners:
    """The listening ports of an agent, and the mounts that answer on each."""

    def __init__(
        self,
        rate: RateLimiter,
        is_allowed: Callable[[Origin], bool],
        is_our_peer: PeerCheck | None = None,
        recorder: CallRecorder | None = None,
    ) -> None:
        """Begin without a port.

        Args:
            rate: one budget for each site, over all ports.
            is_allowed: whether the citizen has allowed a site.
            is_our_peer: whether the program at the other end is this user's; None lets everybody
                on this computer in.
            recorder: is told of what never became a call; None for one that stays off.

        """
        self._recorder = recorder or CallRecorder()
        self._rate = rate
        self._is_allowed = is_allowed
        self._peers = ConnectionPeers(is_our_peer)
        self._mounts: list[Mount] = []
        self._servers: dict[tuple[str, int], _PortServer] = {}
        self._dropped = DroppedBytes()
        self._is_prepared = False
        self._log = SeldomLog(__name__)

    def forget_rates(self) -> None:
        """Give every site its full budget again."""
        self._rate.forget()

    async def listen(self, listener: Listener) -> int:
        """Serve on the first port that is free; return which it is.

        A listener that was released may listen again.

        Args:
            listener: with one mount at least.

        Raises:
            PortTakenError: none of its ports is free.

        """
        await self._prepare()
        sockets = listen(listener.ports)
        port: int = sockets[0].getsockname()[1]
        opened = self._server(listener, port)
        opened.acceptors.extend(
            Acceptor(
                *(each, opened.server, listener.tls, self._peers, self._log),
                recorder=self._recorder,
            )
            for each in sockets
        )
        return port

    async def adopt(self, listener: Listener, connection: socket.socket) -> None:
        """Serve a connection that another process accepted, as if it had come to the port.

        Whose program is at its other end is asked of the system as always.

        Args:
            listener: whose port it came to, open here or not.
            connection: connected; closed here, however it ends.

        Raises:
            ValueError: it came to no port of this listener.
            OSError: it is connected no more.

        """
        try:
            await self._prepare()
            self._adopt(listener, connection)
        except BaseException:
            connection.close()
            raise

    def _adopt(self, listener: Listener, connection: socket.socket) -> None:
        port: int = connection.getsockname()[1]
        if port not in listener.ports and (listener.name, port) not in self._servers:
            raise ValueError(f"{port} is no port of {listener.name}")
        self._server(listener, port).adopting.adopt(connection)

    async def release(self, name: str) -> None:
        """Listen no more with a listener; return when its ports are closed.

        What is asked on its connections is answered still; each ends then, idle ones at once.
        """
        for (of_name, port), each in tuple(self._servers.items()):
            if of_name == name:
                await each.close_port()
                each.server.leave()
                for mount in each.listener.mounts:
                    mount.leave(port)

    def open_connections(self, name: str) -> int:
        """Return how many connections to a listener there are."""
        found = (each for (of_name, _), each in self._servers.items() if of_name == name)
        return sum(len(each.connections) for each in found)

    async def _prepare(self) -> None:
        """Do what has to be done once: a connection must not wait for a thread that others have."""
        if not self._is_prepared:
            await asyncio.to_thread(registrable_domain, "www.example")  # reads its list
            tls_buffers.make_small()
            message_queues.make_short()
            self._is_prepared = True

    def _server(self, listener: Listener, port: int) -> _PortServer:
        """Return what answers on a port, made now where there is none."""
        known = self._servers.get((listener.name, port))
        if known is not None:
            return known
        self._mounts += [each for each in listener.mounts if each not in self._mounts]
        connections = Connections(self._is_kept, self._log)
        handler = Dispatcher(
            *(port, listener.mounts, self._rate, self._is_allowed, connections),
            recorder=self._recorder,
        )
        server = HttpServer(handler, connections, self._dropped)
        adopting = Admission(
            *(port, server, listener.tls, self._peers, self._log), recorder=self._recorder
        )
        made = _PortServer(listener, connections, server, adopting, [])
        self._servers[listener.name, port] = made
        return made

    def _is_kept(self, caller: Origin) -> bool:
        """Return whether strangers cannot touch a caller's connections.

        A program counts as a site does: it may be any. So may a page that hides whose it is.
        """
        if caller.is_local and caller not in {LOCAL_PROGRAM, OPAQUE}:
            return True
        return caller != OPAQUE and self._is_allowed(caller)

    async def close(self) -> None:
        """Stop: no new connection; the open ones are cut, their requests cancelled."""
        opened = tuple(self._servers.values())
        await asyncio.gather(*(each.close_port() for each in opened))
        await asyncio.gather(*(each.adopting.close() for each in opened))
        self._peers.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await asyncio.gather(*(mount.close() for mount in self._mounts))
        servers = tuple(each.server for each in opened)
        for server in servers:
            server.pre_shutdown()  # idle connections need not be waited for
        await asyncio.gather(*(server.shutdown(SHUTDOWN_SECONDS) for server in servers))
