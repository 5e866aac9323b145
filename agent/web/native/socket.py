"""One WebSocket: requests by number, side by side; answers; events for a site that is allowed."""

import asyncio
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from agent.errors import AgentError, ErrorCode, TooLargeError
from agent.origin import Origin
from agent.secret import wipe_received
from agent.seldom import SeldomLog
from agent.size_limits import MAX_ANSWERED_MESSAGE, MAX_MESSAGE, MAX_STRANGER_MESSAGE
from agent.web.front.audience import Audience, check_audience
from agent.web.front.refusal import Id, MessageError, refusal_bytes, unexpected
from agent.web.front.room import BodyRoom
from agent.web.front.unread import Unread
from agent.web.native import convert, wire
from agent.web.native.messages import AnyRequest, CancelRequest, CancelResult
from agent.web.native.methods import NativeApi, wipe_pin

SUBPROTOCOL: Final = "ankong.v1"
HEARTBEAT: Final = 30.0  # seconds between pings; half of it for the pong
CLOSE_SECONDS: Final = 5.0  # for the peer's side of the closing handshake
MAX_REFUSED: Final = 100  # messages over the rate in a row before the door is shut

_CLOSE_CODES: Final = {
    ErrorCode.RATE_LIMITED: WSCloseCode.POLICY_VIOLATION,
    ErrorCode.ORIGIN_NOT_ALLOWED: WSCloseCode.POLICY_VIOLATION,
    ErrorCode.BUSY: WSCloseCode.TRY_AGAIN_LATER,
    ErrorCode.TIMEOUT: WSCloseCode.OK,
}
"""How a WebSocket is closed for a reason (RFC 6455 §7.4.1)."""
_log = SeldomLog(__name__)


def new_socket() -> web.WebSocketResponse:
    """Make the response that turns a request into a WebSocket; not yet accepted."""
    return web.WebSocketResponse(
        timeout=CLOSE_SECONDS,
        heartbeat=HEARTBEAT,
        autoping=False,  # pings count, too
        protocols=(SUBPROTOCOL,),
        compress=False,  # useless on loopback, and a small frame could unpack to a huge one
        max_msg_size=MAX_ANSWERED_MESSAGE,
        decode_text=False,
    )


class Session:
    """Serves one accepted WebSocket until it is closed."""

    def __init__(
        self,
        api: NativeApi,
        site: Origin,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        room: BodyRoom,
    ) -> None:
        """Take over an accepted WebSocket.

        Args:
            api: carries the requests out.
            site: who asks.
            socket: prepared.
            transport: what it runs over, to be cut when the page does not read.
            room: for long requests, until they are answered.

        """
        self._api = api
        self._site = site
        self._socket = socket
        self._transport = transport
        self._room = room
        self._pending: dict[Id, asyncio.Task[bytes]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._refused = 0
        self._over = False
        self._ending: asyncio.Task[bool] | None = None
        self.unread = Unread(site, self.end)

    async def run(self) -> None:
        """Serve; when this returns or is cancelled, nothing of the session is under way."""
        loop = asyncio.get_running_loop()
        pushing = loop.create_task(self._push_events())
        expiring = loop.create_task(self._expire())
        try:
            async for message in self._socket:
                data = message.data
                if not isinstance(data, bytes | bytearray):
                    continue  # what is no message: the connection broke
                self.unread.taken(len(data))
                try:
                    await self._receive(message.type, data)
                finally:
                    if isinstance(data, bytes):
                        wipe_received(data)
                await asyncio.sleep(0)  # nothing above need wait: let others have their turn
            if self._ending is not None:
                await self._ending
        finally:
            self._over = True
            ending = () if self._ending is None else (self._ending,)
            tasks = (pushing, expiring, *self._pending.values(), *self._sending, *ending)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def end(self, code: ErrorCode) -> None:
        """Close because of ``code``, which the page reads as the reason."""
        if self._ending is None:
            close = self._socket.close(code=_CLOSE_CODES[code], message=code.encode())
            self._ending = asyncio.get_running_loop().create_task(close)

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
                    await self._send(bytes(raw), WSMsgType.PONG)
                case _:
                    pass  # a pong
        except AgentError as error:
            self._record_unread(error)
            if kind is WSMsgType.TEXT:
                request_id = await wire.off_the_loop(wire.id_of, raw)
                await self._send(refusal_bytes(request_id, error))
            elif kind is WSMsgType.BINARY:
                await self._send(refusal_bytes(None, error))
            if self._refused > MAX_REFUSED:
                self.end(ErrorCode.RATE_LIMITED)

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
            await self._send(refusal_bytes(request_id, error))
        elif isinstance(request, CancelRequest):
            result = CancelResult(self._cancel(request.params.request))
            await self._send(wire.success_bytes(request_id, result))
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
                    result = await self._api.execute(self._site, request)
                return wire.success_bytes(request_id, result)
            except AgentError as error:
                entry.outcome(error.code)
                return refusal_bytes(request_id, error)
            except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a code
                entry.outcome(ErrorCode.INTERNAL)
                return refusal_bytes(request_id, unexpected(error))

    def _finish(self, request_id: Id, request: AnyRequest, task: asyncio.Task[bytes]) -> None:
        """Send the answer; also of a task that was cancelled before it began to run."""
        del self._pending[request_id]
        wipe_pin(request)
        if self._over:
            return
        if task.cancelled():
            error = AgentError("cancelled by the page", code=ErrorCode.USER_CANCELLED)
            reply = refusal_bytes(request_id, error)
        else:
            reply = task.result()
        sending = asyncio.get_running_loop().create_task(self._send(reply))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

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
                    await self._send(message)

    async def _expire(self) -> None:
        """End a site that has not been allowed for a while, and about which nobody is asked now."""
        while True:
            await asyncio.sleep(self._api.limits.stranger_seconds)
            if not self._pending and not self._api.is_allowed(self._site):
                self.end(ErrorCode.TIMEOUT)

    async def _send(self, message: bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        """Send; a page that does not take it within seconds loses the connection."""
        try:
            async with asyncio.timeout(self._api.limits.send_seconds):
                await self._socket.send_frame(message, kind)
        except TimeoutError:
            _log.note("a page does not read", site=str(self._site))
            self._transport.abort()
        except ConnectionError:
            pass  # the page went away; the receiving side notices and cleans up
