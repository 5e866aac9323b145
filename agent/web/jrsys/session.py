"""One WebSocket of a page: each message gets one answer, in turn, and nothing else is ever sent."""

import asyncio
from typing import Final

from aiohttp import WSMsgType

from agent.errors import AgentError, ErrorCode
from agent.secret import wipe_received
from agent.web.front.limits import Limits, RateLimiter
from agent.web.front.room import BodyRoom
from agent.web.front.web_sockets import SocketChannel
from agent.web.jrsys.component import JrsysComponent
from agent.web.recorder.recorder import CallRecorder
from agent.web.service import Service

GRACE_SECONDS: Final = 0.3
"""How long a page has to close after an answer, before what it sent meanwhile is looked at."""
MAX_WAITING: Final = 8  # messages that wait for their turn


class JrsysSession:
    """Serves one accepted WebSocket until it is closed."""

    def __init__(  # noqa: PLR0913  # what every WebSocket of this protocol shares
        self,
        component: JrsysComponent,
        service: Service,
        channel: SocketChannel,
        *,
        limits: Limits,
        rate: RateLimiter,
        room: BodyRoom,
        recorder: CallRecorder,
    ) -> None:
        """Take over a WebSocket.

        Args:
            component: answers.
            service: knows whether a site is allowed.
            channel: to the page.
            limits: of time.
            rate: of messages.
            room: for long messages, until they are answered.
            recorder: is told of every message.

        """
        self._component = component
        self._service = service
        self._channel = channel
        self._site = channel.site
        self._limits = limits
        self._rate = rate
        self._room = room
        self._recorder = recorder
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MAX_WAITING)
        self._busy = False
        self._quiet = True
        self._leaving = False

    def leave(self) -> None:
        """Close once what was asked is answered; at once, where nothing is."""
        self._leaving = True
        if not self._busy and self._waiting.empty():
            self._channel.end()

    async def run(self) -> None:
        """Serve; when this returns or is cancelled, nothing of the session is under way."""
        loop = asyncio.get_running_loop()
        answering = loop.create_task(self._answer_all())

        def ended(task: "asyncio.Task[None]") -> None:
            if not task.cancelled():  # by itself: nothing can be answered any more
                self._channel.end()

        answering.add_done_callback(ended)
        tasks = [answering, loop.create_task(self._expire())]
        try:
            async for message in self._channel.socket:
                data = message.data
                if not isinstance(data, bytes | bytearray):
                    continue  # what is no message: the connection broke
                self._quiet = False
                await self._take(message.type, bytes(data))
                await asyncio.sleep(0)  # nothing above need wait: let others have their turn
            if self._channel.ending is not None:
                await self._channel.ending
        finally:
            ending = () if self._channel.ending is None else (self._channel.ending,)
            for task in (*tasks, *ending):
                task.cancel()
            await asyncio.gather(*tasks, *ending, return_exceptions=True)
            while not self._waiting.empty():
                wipe_received(self._waiting.get_nowait())

    async def _take(self, kind: WSMsgType, raw: bytes) -> None:
        """Take one message of any kind; pings and pongs spend of the site's rate, too."""
        try:
            self._rate.check(self._site, is_allowed=self._service.is_allowed(self._site))
            if kind is WSMsgType.PING:
                await self._channel.send(raw, WSMsgType.PONG)
            if kind in {WSMsgType.PING, WSMsgType.PONG}:
                self._channel.unread.taken(len(raw))
            else:
                # No page sends binary messages: as a text they are no JSON either.
                self._waiting.put_nowait(raw if kind is WSMsgType.TEXT else b"")
        except (AgentError, asyncio.QueueFull):
            wipe_received(raw)  # nobody else will
            self._channel.end(ErrorCode.RATE_LIMITED)

    async def _answer_all(self) -> None:
        """Answer what was sent, one after the other.

        A page closes at the first answer, and nobody hears a second one: what comes by then, or
        meanwhile, is not begun until the page has had its time to close.
        """
        loop = asyncio.get_running_loop()
        begins = loop.time()
        while True:
            raw = await self._waiting.get()
            self._busy = True
            try:
                await asyncio.sleep(begins - loop.time())  # at once, where that is over
                if self._channel.ending is not None:
                    return  # nobody would hear the answer
                self._channel.unread.taken(len(raw))
                await self._answer(raw)
            finally:
                self._busy = False
                wipe_received(raw)
            if self._leaving:
                return  # a page closes at the first answer anyway
            begins = loop.time() + GRACE_SECONDS

    async def _answer(self, raw: bytes) -> None:
        is_read = True
        with self._recorder.recording(
            self._site, "jrsys", "socket", port=self._channel.port
        ) as entry:
            try:
                async with self._room.hold_received(self._site, len(raw)):
                    answer, is_read = await self._component.answer(self._site, raw, entry)
            except AgentError as error:
                answer, is_read = await self._component.refuse(raw, error, entry)
        await self._channel.send(answer)
        if not is_read:
            self._channel.end()

    async def _expire(self) -> None:
        """End a WebSocket on which nothing is asked for a while."""
        while True:
            self._quiet = True
            await asyncio.sleep(self._limits.quiet_seconds)
            if self._quiet and not self._busy and self._waiting.empty():
                self._channel.end()
