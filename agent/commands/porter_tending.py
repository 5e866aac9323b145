"""Let a porter of this computer hold the ports, for as long as one answers."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from agent.host.porter.registering import (
    NoPorterError,
    PorterPlace,
    Registration,
    usual_place,
)
from agent.host.settings.config import MCA_PORT, Settings
from agent.periodic import CHECKS
from agent.web.ports import RETAKE_SECONDS, Serving

KNOCK_SECONDS: Final = 1.0  # between two attempts at a porter that is there and lets nobody in

_log = structlog.get_logger(__name__)


def wanted_ports(settings: Settings) -> frozenset[int]:
    """Return the ports that an agent would leave to a porter."""
    plain, tls = settings.open_jrsys_ports
    mca = (MCA_PORT,) if settings.mca else ()
    return frozenset({settings.native_ports[0], settings.hipki_port, *mca, *plain, *tls} - {0})


class PorterTending:
    """Keeps an agent registered with the porter, and its ports where there is none."""

    def __init__(
        self,
        wanted: Collection[int],
        in_front: Callable[[], bool] = lambda: True,
        place: PorterPlace | None = None,
    ) -> None:
        """Know no porter yet.

        Args:
            wanted: the ports of which one is worth a registration.
            in_front: tells whether ports that exist once are this user's to take, where no porter
                holds them.
            place: where a porter of this system answers; None for the usual one.

        """
        self._wanted = frozenset(wanted)
        self._in_front = in_front
        self._place = (place or usual_place()) if self._wanted else None
        self._registration: Registration | None = None

    async def begin(self) -> frozenset[int]:
        """Register where a porter answers; return which of the wanted ports it holds."""
        if self._place is None:
            return frozenset()
        with suppress(NoPorterError):
            found = await asyncio.to_thread(self._place.register)
            if self._wanted & found.ports:
                self._registration = found
                return self._wanted & found.ports
            found.close()
        return frozenset()

    async def tend(self, serving: Serving, changed: Callable[[], object]) -> None:
        """Take what is handed over; take the ports when the porter goes, register when it comes.

        Args:
            serving: has what :meth:`begin` returned entrusted already.
            changed: called whenever ports were given up or taken.

        """
        retaking: asyncio.Task[None] | None = None
        took_any = True
        try:
            while self._place is not None:
                if self._registration is not None:
                    took_any = await self._take_handed(self._registration, serving)
                    self._registration = None
                if ports := await self.begin():
                    await serving.entrust(ports)
                    changed()
                    if not took_any:  # a porter that has turned us away will do so again
                        await asyncio.sleep(KNOCK_SECONDS)
                    took_any = True
                    continue
                if serving.entrusted:
                    _log.info("the porter is gone")
                    await serving.take_back(opens=self._in_front())
                    changed()
                    retaking = _again(retaking, serving, changed)
                await _comes(self._place)
                await asyncio.sleep(KNOCK_SECONDS)
        finally:
            if retaking is not None:
                retaking.cancel()

    @staticmethod
    async def _take_handed(registration: Registration, serving: Serving) -> bool:
        """Serve what the porter hands over, until it is gone; return whether there was any."""
        took_any = False
        _log.info("a porter holds the ports", ports=sorted(registration.ports))
        async with _handed(registration) as connections:
            registration.ready()
            while (connection := await connections.get()) is not None:
                took_any = True
                await serving.adopt_handed(connection)
                registration.ready()
        return took_any


async def _comes(place: PorterPlace) -> None:
    """Wait until something is where a porter answers."""
    loop, is_there = asyncio.get_running_loop(), asyncio.Event()

    def look() -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            if place.is_there():
                loop.call_soon_threadsafe(is_there.set)

    with CHECKS.running(look):
        await is_there.wait()


@asynccontextmanager
async def _handed(
    registration: Registration,
) -> AsyncIterator[asyncio.Queue[socket.socket | None]]:
    """Give the connections that come, and None at the end; a thread waits for them."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[socket.socket | None] = asyncio.Queue()
    is_over = False

    def put(connection: socket.socket | None) -> None:
        if not is_over:
            queue.put_nowait(connection)
        elif connection is not None:
            connection.close()

    def wait() -> None:
        connection: socket.socket | None = None
        try:
            while True:
                connection = registration.next()
                loop.call_soon_threadsafe(put, connection)
                if connection is None:
                    return
        except RuntimeError:  # the loop has ended meanwhile
            if connection is not None:
                connection.close()
        finally:
            registration.close()

    threading.Thread(target=wait, name="porter", daemon=True).start()
    try:
        yield queue
    finally:
        is_over = True
        registration.end()  # and the thread with it
        while not queue.empty():
            put(queue.get_nowait())


def _again(
    before: asyncio.Task[None] | None, serving: Serving, changed: Callable[[], object]
) -> asyncio.Task[None]:
    """Try the ports that others have now, for as long as there are any."""
    if before is not None:
        before.cancel()
    return asyncio.create_task(_retake(serving, changed))


async def _retake(serving: Serving, changed: Callable[[], object]) -> None:
    while serving.missing:
        await asyncio.sleep(RETAKE_SECONDS)
        await serving.try_waiting(changed)
