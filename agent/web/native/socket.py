"""One WebSocket: requests by number, side by side; answers; events for a site that is allowed."""

import asyncio
from typing import Final

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from agent.errors import AgentError, ErrorCode, TooLargeError
from agent.origin import Origin
from agent.secret import wipe_received
from agent.size_limits import MAX_ANSWERED_MESSAGE, MAX_MESSAGE, MAX_STRANGER_MESSAGE
from agent.web.front.audience import Audience, check_audience
from agent.web.front.refusal import Id, MessageError, refusal_bytes, unexpected
from agent.web.native import convert, wire
from agent.web.native.messages import AnyRequest, CancelRequest, CancelResult
from agent.web.native.methods import NativeApi, wipe_pin

SUBPROTOCOL: Final = "ankong.v1"
HEARTBEAT: Final = 30.0  # seconds between pings; half of it for the pong
CLOSE_SECONDS: Final = 5.0  # for the peer's side of the closing handshake
MAX_REFUSED: Final = 100  # messages over the rate in a row before the door is shut

_log = structlog.get_logger(__name__)


def new_socket() -> web.WebSocketResponse:
    """Make the response that turns a request into a WebSocket; not yet accepted."""
    return web.WebSocketResponse(
        timeout=CLOSE_SECONDS,
        heartbeat=HEARTBEAT,
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
    ) -> None:
        """Take over an accepted WebSocket.

        Args:
            api: carries the requests out.
            site: who asks.
            socket: prepared.
            transport: what it runs over, to be cut when the page does not read.

        """
        self._api = api
        self._site = site
        self._socket = socket
        self._transport = transport
        self._pending: dict[Id, asyncio.Task[bytes]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._refused = 0
        self._over = False

    async def run(self) -> None:
        """Serve; when this returns or is cancelled, nothing of the session is under way."""
        pushing = asyncio.get_running_loop().create_task(self._push_events())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    try:
                        await self._receive(message.data)
                    finally:
                        wipe_received(message.data)
                    await asyncio.sleep(0)  # nothing above need wait: let others have their turn
                elif message.type is WSMsgType.BINARY:
                    error = MessageError("messages are text frames")
                    await self._send(refusal_bytes(None, error))
        finally:
            self._over = True
            tasks = (pushing, *self._pending.values(), *self._sending)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self, raw: bytes) -> None:
        try:
            self._check_rate()
            if len(raw) > MAX_STRANGER_MESSAGE:
                self._check_audience(Audience.ALLOWED_SITE)
            if len(raw) > MAX_MESSAGE:
                raise TooLargeError(f"a message has at most {MAX_MESSAGE} bytes")
            request = wire.decode(raw)
        except AgentError as error:
            await self._send(refusal_bytes(wire.id_of(raw), error))
            if self._refused > MAX_REFUSED:
                await self._socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return
        request_id = request.id
        if isinstance(request_id, int | str):
            await self._accept(request_id, request)

    def _check_audience(self, audience: Audience) -> None:
        check_audience(audience, self._site, self._api.is_allowed)

    def _check_rate(self) -> None:
        try:
            self._api.rate.check(self._site)
        except AgentError:
            self._refused += 1
            raise
        self._refused = 0

    async def _accept(self, request_id: Id, request: AnyRequest) -> None:
        if request_id in self._pending:
            error = MessageError("a request with this id is still under way - at `$.id`")
            await self._send(refusal_bytes(request_id, error))
        elif isinstance(request, CancelRequest):
            result = CancelResult(self._cancel(request.params.request))
            await self._send(wire.success_bytes(request_id, result))
        else:
            task = asyncio.get_running_loop().create_task(self._outcome(request_id, request))
            self._pending[request_id] = task
            task.add_done_callback(lambda task: self._finish(request_id, request, task))

    def _cancel(self, request_id: Id) -> bool:
        task = self._pending.get(request_id)
        return task is not None and task.cancel()

    async def _outcome(self, request_id: Id, request: AnyRequest) -> bytes:
        try:
            self._check_audience(request.audience)
            result = await self._api.execute(self._site, request)
            return wire.success_bytes(request_id, result)
        except AgentError as error:
            return refusal_bytes(request_id, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a code
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

    async def _send(self, message: bytes) -> None:
        """Send; a page that does not take it within seconds loses the connection."""
        try:
            async with asyncio.timeout(self._api.limits.send_seconds):
                await self._socket.send_frame(message, WSMsgType.TEXT)
        except TimeoutError:
            _log.info("a page does not read", site=str(self._site))
            self._transport.abort()
        except ConnectionError:
            pass  # the page went away; the receiving side notices and cleans up
