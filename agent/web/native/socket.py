"""One WebSocket: requests by number, side by side; answers; events for a site that is allowed."""

import asyncio
from functools import partial
from typing import Final

from aiohttp import WSMsgType

from agent.errors import AgentError, ErrorCode, TooLargeError
from agent.secret import wipe_received
from agent.size_limits import MAX_MESSAGE, MAX_STRANGER_MESSAGE
from agent.web.front.audience import Audience, check_audience
from agent.web.front.refusal import Id, MessageError, refusal_bytes, unexpected
from agent.web.front.room import BodyRoom
from agent.web.front.web_sockets import SocketChannel
from agent.web.native import convert, wire
from agent.web.native.messages import AnyRequest, CancelRequest, CancelResult
from agent.web.native.methods import NativeApi, wipe_secrets

SUBPROTOCOL: Final = "ankong.v1"
HEARTBEAT: Final = 30.0  # seconds between pings; half of it for the pong
MAX_REFUSED: Final = 100  # messages over the rate in a row before the door is shut


class Session:
    """Serves one accepted WebSocket until it is closed."""

    def __init__(self, api: NativeApi, channel: SocketChannel, room: BodyRoom) -> None:
        """Take over a WebSocket.

        Args:
            api: carries the requests out.
            channel: to the page.
            room: for long requests, until they are answered.

        """
        self._api = api
        self._channel = channel
        self._site = channel.site
        self._room = room
        self._pending: dict[Id, asyncio.Task[bytes]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._refused = 0
        self._over = False
        self._leaving = False

    def leave(self) -> None:
        """Close once what was asked is answered; at once, where nothing is."""
        self._leaving = True
        self._leave_when_done()

    def _leave_when_done(self) -> None:
        if self._leaving and not self._pending and not self._sending:
            self._channel.end()

    async def run(self) -> None:
        """Serve; when this returns or is cancelled, nothing of the session is under way."""
        loop = asyncio.get_running_loop()
        pushing = loop.create_task(self._push_events())
        expiring = loop.create_task(self._expire())
        try:
            async for message in self._channel.socket:
                data = message.data
                if not isinstance(data, bytes | bytearray):
                    continue  # what is no message: the connection broke
                self._channel.unread.taken(len(data))
                try:
                    await self._receive(message.type, data)
                finally:
                    if isinstance(data, bytes):
                        wipe_received(data)
                await asyncio.sleep(0)  # nothing above need wait: let others have their turn
            if self._channel.ending is not None:
                await self._channel.ending
        finally:
            self._over = True
            ending = () if self._channel.ending is None else (self._channel.ending,)
            tasks = (pushing, expiring, *self._pending.values(), *self._sending, *ending)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self, kind: WSMsgType, raw: bytes | bytearray) -> None:
        """Take one message of any kind; pings and pongs spend of the site's rate, too."""
        try:
            self._check_rate()
            match kind:
                case WSMsgType.TEXT:
                    await self._read(raw)
                case WSMsgType.BINARY:
                    raise MessageError("messages are text frames")
                case WSMsgType.PING:
                    await self._channel.send(bytes(raw), WSMsgType.PONG)
                case _:
                    pass  # a pong
        except AgentError as error:
            self._record_unread(error)
            if kind is WSMsgType.TEXT:
                request_id = await wire.off_the_loop(wire.id_of, raw)
                await self._channel.send(refusal_bytes(request_id, error))
            elif kind is WSMsgType.BINARY:
                await self._channel.send(refusal_bytes(None, error))
            if self._refused > MAX_REFUSED:
                self._channel.end(ErrorCode.RATE_LIMITED)

    def _record_unread(self, error: AgentError) -> None:
        with self._api.recorder.recording(self._site, "native", "socket") as entry:
            entry.outcome(error.code)

    async def _read(self, raw: bytes | bytearray) -> None:
        if len(raw) > MAX_STRANGER_MESSAGE:
            self._check_audience(Audience.ALLOWED_SITE)
        if len(raw) > MAX_MESSAGE:
            raise TooLargeError(f"a message has at most {MAX_MESSAGE} bytes")
        request = await wire.off_the_loop(wire.decode, raw)
        request_id = request.id
        if isinstance(request_id, int | str):
            await self._accept(request_id, request, len(raw))

    def _check_audience(self, audience: Audience) -> None:
        check_audience(audience, self._site, self._api.is_allowed)

    def _check_rate(self) -> None:
        try:
            self._api.rate.check(self._site, is_allowed=self._api.is_allowed(self._site))
        except AgentError:
            self._refused += 1
            raise
        self._refused = 0

    async def _accept(self, request_id: Id, request: AnyRequest, length: int) -> None:
        if request_id in self._pending:
            error = MessageError("a request with this id is still under way - at `$.id`")
            await self._channel.send(refusal_bytes(request_id, error))
        elif isinstance(request, CancelRequest):
            result = CancelResult(self._cancel(request.params.request))
            await self._channel.send(wire.success_bytes(request_id, result))
        else:
            working = self._outcome(request_id, request, length)
            task = asyncio.get_running_loop().create_task(working)
            self._pending[request_id] = task
            task.add_done_callback(lambda task: self._finish(request_id, request, task))

    def _cancel(self, request_id: Id) -> bool:
        task = self._pending.get(request_id)
        return task is not None and task.cancel()

    async def _outcome(self, request_id: Id, request: AnyRequest, length: int) -> bytes:
        with self._api.recorder.recording(self._site, "native", "socket") as entry:
            entry.request(str(request.__struct_config__.tag), request)
            try:
                self._check_audience(request.audience)
                async with self._room.hold_received(self._site, length):
                    tell = partial(self._tell, request_id)
                    result = await self._api.execute(self._site, request, tell)
                return wire.success_bytes(request_id, result)
            except AgentError as error:
                entry.outcome(error.code)
                return refusal_bytes(request_id, error)
            except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a code
                entry.outcome(ErrorCode.INTERNAL)
                return refusal_bytes(request_id, unexpected(error))

    def _tell(self, request_id: Id, event: str) -> None:
        """Tell the page how far its request is."""
        if not self._over:
            self._send_soon(wire.encode(convert.progress(event, request_id)))

    def _send_soon(self, message: bytes) -> None:
        sending = asyncio.get_running_loop().create_task(self._channel.send(message))
        self._sending.add(sending)
        sending.add_done_callback(self._sent)

    def _sent(self, sending: asyncio.Task[None]) -> None:
        self._sending.discard(sending)
        if not self._over:
            self._leave_when_done()

    def _finish(self, request_id: Id, request: AnyRequest, task: asyncio.Task[bytes]) -> None:
        """Send the answer; also of a task that was cancelled before it began to run."""
        del self._pending[request_id]
        wipe_secrets(request)
        if self._over:
            return
        if task.cancelled():
            error = AgentError("cancelled by the page", code=ErrorCode.USER_CANCELLED)
            reply = refusal_bytes(request_id, error)
        else:
            reply = task.result()
        self._send_soon(reply)

    async def _push_events(self) -> None:
        """Tell of changes; whether the site may know is asked anew each time."""
        async with self._api.service.subscribe() as changes:
            while True:
                change = await changes.get()
                if not self._api.is_allowed(self._site):
                    continue
                try:
                    message = wire.encode(convert.event(change))
                except ValueError as error:  # a reader's name that is no Unicode
                    unexpected(error)
                else:
                    await self._channel.send(message)

    async def _expire(self) -> None:
        """End a site that has not been allowed for a while, and about which nobody is asked now."""
        while True:
            await asyncio.sleep(self._api.limits.stranger_seconds)
            if not self._pending and not self._api.is_allowed(self._site):
                self._channel.end(ErrorCode.TIMEOUT)
