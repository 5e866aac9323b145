"""Let connections in: whose program it is comes first, and unfinished handshakes are few."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from agent.seldom import SeldomLog
from agent.web.front.peer import ConnectionPeers
from agent.web.recorder.recorder import CallRecorder

HANDSHAKE_SECONDS: Final = 10.0  # for TLS
_UNTRUSTED: Final = ("ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE_")
MAX_HANDSHAKES: Final = 48  # unfinished at once on one socket; the oldest goes first
MAX_AT_ONCE: Final = 32  # connections that are asked about together
PAUSE_SECONDS: Final = 0.2  # after the system could give us no connection


class Admission:
    """Lets connections of one port in that were accepted, here or elsewhere."""

    def __init__(  # noqa: PLR0913  # what every connection has to pass
        self,
        port: int,
        make_protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        peers: ConnectionPeers,
        log: SeldomLog,
        *,
        recorder: CallRecorder,
    ) -> None:
        """Let nobody in yet.

        Args:
            port: that they came to.
            make_protocol: for each connection of this user's programs.
            tls: None for none.
            peers: tells whose program is at the other end.
            log: of what went wrong.
            recorder: is told of handshakes that failed.

        """
        self._port = port
        self._make_protocol = make_protocol
        self._tls = tls
        self._peers = peers
        self._log = log
        self._recorder = recorder
        self._unfinished: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._adopted: list[socket.socket] = []
        self._adopting: asyncio.Task[None] | None = None

    def adopt(self, connection: socket.socket) -> None:
        """Take a connection that another process accepted, as if it had been accepted here.

        Args:
            connection: connected; belongs to this object from now on, which closes it where its
                other end is no program of this user's, or too many wait.

        """
        if len(self._adopted) >= MAX_HANDSHAKES:
            self._log.note("too many connections were handed over at once: one was cut")
            connection.close()
            return
        connection.setblocking(False)
        self._adopted.append(connection)
        if self._adopting is None:
            self._adopting = asyncio.get_running_loop().create_task(self._adopt())

    async def close(self) -> None:
        """Let nobody in any more; handshakes under way are cut."""
        tasks = [*self._unfinished, *filter(None, [self._adopting])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._adopted:
            self._adopted.pop().close()

    async def _adopt(self) -> None:
        try:
            while self._adopted:
                some, self._adopted = (
                    self._adopted[:MAX_AT_ONCE],
                    self._adopted[MAX_AT_ONCE:],
                )
                await self._admit(some)
        finally:
            self._adopting = None

    async def _admit(self, connections: Sequence[socket.socket]) -> None:
        try:
            are_own = await self._peers.are_own(connections)
        except BaseException:
            for connection in connections:
                connection.close()
            raise
        for connection, is_own in zip(connections, are_own, strict=True):
            if is_own:
                self._begin(connection)
            else:
                if is_own is not None:  # who is gone may have been anybody
                    self._log.note("another user's program was turned away")
                connection.close()
        await asyncio.sleep(0)  # others have their turn, however many are waiting

    def _begin(self, connection: socket.socket) -> None:
        opening = asyncio.get_running_loop().create_task(self._open(connection))
        self._unfinished[opening] = None
        opening.add_done_callback(lambda task: self._finished(task, connection))
        if len(self._unfinished) > MAX_HANDSHAKES:
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            self._log.note("too many unfinished handshakes: the oldest was cut")
            oldest.cancel()

    def _finished(self, opening: "asyncio.Task[None]", connection: socket.socket) -> None:
        self._unfinished.pop(opening, None)
        if opening.cancelled():  # perhaps before it began
            connection.close()

    async def _open(self, connection: socket.socket) -> None:
        seconds = HANDSHAKE_SECONDS if self._tls is not None else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol, connection, ssl=self._tls, ssl_handshake_timeout=seconds
            )
        except ssl.SSLError as error:
            is_untrusted = any(each in (error.reason or "") for each in _UNTRUSTED)
            self._recorder.missed(self._port, "tls_untrusted" if is_untrusted else "tls_failed")
        except OSError:  # it went away, or was too slow
            pass
        except BaseException:
            connection.close()
            raise


class Acceptor(Admission):
    """Takes the connections of one listening socket."""

    def __init__(  # noqa: PLR0913  # what every connection has to pass
        self,
        listening: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        peers: ConnectionPeers,
        log: SeldomLog,
        *,
        recorder: CallRecorder,
    ) -> None:
        """Accept nothing yet.

        Args:
            listening: not blocking; closed with this object.
            make_protocol: for each connection of this user's programs.
            tls: None for none.
            peers: tells whose program is at the other end.
            log: of what went wrong.
            recorder: is told of handshakes that failed.

        """
        port: int = listening.getsockname()[1]
        super().__init__(port, make_protocol, tls, peers, log, recorder=recorder)
        self._listening = listening
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    async def close(self) -> None:
        """Stop: no new connection; handshakes under way are cut."""
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._listening.close()
        await super().close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listening)
            except ConnectionError:  # it was given up before we came to it
                continue
            except OSError as error:
                self._log.note("a connection could not be accepted", detail=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            await self._admit([connection, *self._waiting()])

    def _waiting(self) -> Iterator[socket.socket]:
        """Take those who came in the meantime, so that a crowd is asked about at once."""
        for _ in range(MAX_AT_ONCE - 1):
            try:
                connection, _ = self._listening.accept()
            except OSError:  # nobody is there, or what happens now will happen again
                return
            connection.setblocking(False)
            yield connection
