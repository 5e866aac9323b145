"""The requests of the service, and what is refused before any of them is judged."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from aiohttp import web

from agent.relying.errors import VerificationCode, VerificationError
from agent.strict_json import decode
from agent.turns import in_turn
from agent.validator.answers import HEADERS, rejection, written
from agent.validator.clients import ServiceClient
from agent.validator.codes import (
    IdentityCode,
    ServiceCode,
    ServiceRefusalError,
    catalogue,
)
from agent.validator.judging import Health, Judging
from agent.validator.logs import log_line, place_of
from agent.validator.messages import (
    MAX_BODY,
    AcceptedCertificate,
    AcceptedDocument,
    AcceptedIdentity,
    AcceptedLogin,
    CheckIdentity,
    Judged,
    ReadyAnswer,
    RefusedAnswer,
    RefusedIdentity,
    VerifyCertificate,
    VerifyDocument,
    VerifyLogin,
)
from agent.validator.metrics import ACCEPTED, METRICS_TYPE, ServiceMetrics
from agent.validator.openapi import openapi
from agent.validator.version import VERSION

BODY_S: Final = 10.0
"""Seconds in which a body has to arrive."""
MAX_BODIES: Final = 64
"""Bodies that are received at once by one worker, 128 KiB each."""
_TELLING: Final = frozenset((VerificationCode.ORIGIN_MISMATCH, VerificationCode.PURPOSE_MISMATCH))
"""Refusals whose detail is logged: what the operator expected, and nothing about anybody."""
_BROWSERS: Final = ("origin", "sec-fetch-")
"""How the names of headers begin that only browsers send."""
_OF_STATUS: Final = {404: ServiceCode.NOT_FOUND, 405: ServiceCode.METHOD_REFUSED}

Judge = Callable[[Judging, Any, ServiceClient], Awaitable[Judged]]


@dataclass(slots=True)
class _Note:
    """What the log keeps of one request: who asked, the answer, and whose card by eight digits."""

    client: str | None = None
    code: str = ServiceCode.INTERNAL.value
    certificate: bytes | None = None
    detail: str | None = None

    def write(self, kind: str, seconds: float) -> None:
        """Write the line of a request that took so long."""
        log_line(
            kind,
            client=self.client,
            code=self.code,
            ms=round(seconds * 1000, 1),
            certificate=None if self.certificate is None else self.certificate.hex()[:8],
            detail=self.detail,
        )


class ServiceApp:
    """One worker's application; ``judging`` may be changed while it runs."""

    def __init__(self, judging: Judging, metrics: ServiceMetrics) -> None:
        """Judge by ``judging``."""
        self.judging = judging
        self.metrics = metrics
        self.is_draining = False
        self.hear: Callable[[asyncio.Transport | None], None] = lambda _: None
        self._bodies = 0
        self._waiting = 0

    def make(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[self._guard])
        for kind, request, judge in _KINDS:
            path = f"/v1/{kind}/{'check' if kind == 'identity' else 'verify'}"
            handler = self._post(kind, request, judge)
            app.router.add_post(path, handler, expect_handler=self._expect)
        for name in _DOCUMENTS:
            _written(name)  # reads files: now, while nobody waits
            app.router.add_get(f"/v1/{name}.json", _document)
        app.router.add_get("/livez", _live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        return app

    @property
    def is_idle(self) -> bool:
        """Whether no request is being received or judged."""
        return not self._bodies and not self._waiting

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse pages, and answer whatever goes wrong in one form."""
        self.hear(request.transport)
        try:
            _refuse_pages(request)
            response = await handler(request)
        except ServiceRefusalError as error:
            response = rejection(error)
        except web.HTTPException as error:
            code = _OF_STATUS.get(error.status, ServiceCode.BAD_REQUEST)
            response = rejection(ServiceRefusalError(code))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        response.headers.update(HEADERS)
        unread = request.body_exists and not request.content.is_eof()
        # A place is kept only for who may ask: strangers would fill all of them.
        if self.is_draining or unread or not self._is_known(request):
            response.force_close()
        return response

    def _is_known(self, request: web.Request) -> bool:
        try:
            self.judging.clients.find(request.headers.getall("Authorization", []))
        except ServiceRefusalError:
            return False
        return True

    def _post(
        self, kind: str, message: type, judge: Judge
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            begun = time.perf_counter()
            note = _Note()
            try:
                response = await self._judged(request, message, judge, note)
            except VerificationError as error:
                note.code, note.certificate = error.code.value, error.presented.certificate
                note.detail = error.detail if error.code in _TELLING else None
                response = written(RefusedAnswer(error.code))
            except ServiceRefusalError as error:
                note.code, response = error.code.value, rejection(error)
            except Exception as error:  # noqa: BLE001  # a fault of ours is never a verdict
                note.code, note.detail = ServiceCode.INTERNAL.value, place_of(error)
                response = rejection(ServiceRefusalError(ServiceCode.INTERNAL))
            seconds = time.perf_counter() - begun
            self.metrics.verified.labels(kind, note.code).inc()
            self.metrics.seconds.labels(kind).observe(seconds)
            note.write(kind, seconds)
            return response

        return handle

    async def _judged(
        self, request: web.Request, message: type, judge: Judge, note: "_Note"
    ) -> web.Response:
        judging = self.judging  # a reload changes nothing for a request that has begun
        client = judging.clients.find(request.headers.getall("Authorization", []))
        note.client = client.name
        wanted = await self._read(request, message)
        with judging.in_use(), self._queued(judging.config.table.waiting):
            answer = await judge(judging, wanted, client)
        note.code = answer.code.value if isinstance(answer, RefusedIdentity) else ACCEPTED
        note.certificate = _thumbprint(answer)
        return written(answer)

    async def _expect(self, request: web.Request) -> web.StreamResponse | None:
        """Ask for a body (RFC 9110 §10.1.1) only of whom it would be taken from."""
        try:
            _refuse_pages(request)
            self.judging.clients.find(request.headers.getall("Authorization", []))
        except ServiceRefusalError as error:
            response = rejection(error)
            response.force_close()
            return response
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    async def _read(self, request: web.Request, message: type[Any]) -> Any:
        """Return the message of a request; nothing of its body was read before."""
        if request.content_type != "application/json" or "Content-Encoding" in request.headers:
            raise ServiceRefusalError(ServiceCode.NOT_JSON)
        if request.content_length is not None and request.content_length > MAX_BODY:
            raise ServiceRefusalError(ServiceCode.TOO_LARGE)
        if self._bodies >= MAX_BODIES:
            raise ServiceRefusalError(ServiceCode.BUSY)
        self._bodies += 1
        try:
            async with asyncio.timeout(BODY_S):
                raw = await _body(request)
        except TimeoutError as error:
            raise ServiceRefusalError(ServiceCode.BODY_TIMEOUT) from error
        finally:
            self._bodies -= 1
        try:
            return decode(raw, message, limit=MAX_BODY)
        except ValueError as error:
            raise ServiceRefusalError(ServiceCode.BAD_REQUEST, _where(error)) from error

    @contextmanager
    def _queued(self, waiting: int) -> Iterator[None]:
        """Take a place in the queue: one request is judged, and so many may wait."""
        if self._waiting > waiting:
            raise ServiceRefusalError(ServiceCode.BUSY)
        self._waiting += 1
        self.metrics.queue.inc()
        try:
            yield
        finally:
            self._waiting -= 1
            self.metrics.queue.dec()

    async def _health(self) -> Health:
        judging = self.judging
        with judging.in_use():
            return await judging.health()

    async def _ready(self, _request: web.Request) -> web.Response:
        missing = ["it is about to stop"] if self.is_draining else []
        missing += (await self._health()).missing
        return written(ReadyAnswer(not missing, missing), 503 if missing else 200)

    async def _metrics(self, _request: web.Request) -> web.Response:
        health = await self._health()
        body = await in_turn(self.metrics.render, health)
        return web.Response(body=body, headers={"Content-Type": METRICS_TYPE})


async def _check_identity(judging: Judging, wanted: CheckIdentity, _client: object) -> Judged:
    if judging.identity is None:
        raise ServiceRefusalError(ServiceCode.NOT_FOUND, "no identity service is configured")
    found = await judging.identity.verdict(wanted.subject_serial, wanted.id_number)
    return AcceptedIdentity() if found is None else RefusedIdentity(IdentityCode[found])


_KINDS: Final[tuple[tuple[str, type, Judge], ...]] = (
    ("login", VerifyLogin, Judging.login),
    ("document", VerifyDocument, Judging.document),
    ("certificate", VerifyCertificate, Judging.certificate),
    ("identity", CheckIdentity, _check_identity),
)


def _refuse_pages(request: web.Request) -> None:
    if any(name.lower().startswith(_BROWSERS) for name in request.headers):
        raise ServiceRefusalError(ServiceCode.PAGE_REFUSED)


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    try:
        async for piece in request.content.iter_any():
            body += piece
            if len(body) > MAX_BODY:
                raise ServiceRefusalError(ServiceCode.TOO_LARGE)
    except (web.RequestPayloadError, ConnectionError) as error:
        raise ServiceRefusalError(ServiceCode.BAD_REQUEST, "the body broke off") from error
    return bytes(body)


def _where(error: ValueError) -> str:
    """Return what is wrong with a body; a decoder's own error would quote it."""
    is_quoting = isinstance(error, UnicodeDecodeError | json.JSONDecodeError)
    return "not JSON" if is_quoting else str(error)


def _thumbprint(answer: Judged) -> bytes | None:
    match answer:
        case AcceptedLogin(login=found) | AcceptedDocument(document=found):
            return bytes.fromhex(found.certificate.thumbprint)
        case AcceptedCertificate(certificate=found):
            return bytes.fromhex(found.thumbprint)
        case _:
            return None


_DOCUMENTS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "openapi": openapi,
    "errors": catalogue,
}


@cache
def _written(name: str) -> bytes:
    return json.dumps(_DOCUMENTS[name]()).encode()


async def _document(request: web.Request) -> web.Response:
    name = request.path.removeprefix("/v1/").removesuffix(".json")
    return web.Response(body=_written(name), content_type="application/json")


async def _live(_request: web.Request) -> web.Response:
    return web.json_response({"live": True, "version": VERSION})
