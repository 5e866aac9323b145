"""Documents of the panel's own pages: handed over as octets, named by ids, never by paths."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from agent.errors import BadRequestError
from agent.harmless import printable
from agent.host.settings.config import Settings
from agent.size_limits import MAX_PDF
from agent.web.front.body import stream_body
from agent.web.front.mount import Routes
from agent.web.panel import messages
from agent.web.panel.door import HEADERS, asked_for, json_answer, posted, session_of, uploaded
from agent.web.service import Service

if TYPE_CHECKING:
    from agent.documents.shelf import DocumentShelf, ShelvedDocument

QUIET_SECONDS: Final = 10.0
"""In which the next piece of a document has to arrive."""
UPLOAD_SECONDS: Final = 300.0
"""For all of it."""
SEND_SECONDS: Final = 60.0
"""How long a page may take to read a piece."""
_PIECE: Final = 256 * 1024
_MAX_NAME: Final = 255  # characters
_MAX_NUMBER: Final = 3  # digits


class PanelDocuments:
    """What the views for signing and verifying ask for; nothing is loaded before they do."""

    def __init__(
        self,
        service: Service,
        folder: Path,
        clock: Callable[[], datetime],
        settings: Settings,
    ) -> None:
        """Begin with nothing.

        Args:
            service: that asks the card.
            folder: of private copies.
            clock: the time of day, with a time zone.
            settings: of this computer: who proves, and who is trusted.

        """
        self._settings = settings
        self._service = service
        self._folder = folder
        self._clock = clock
        self._made: DocumentShelf | None = None

    def calls(self) -> Routes:
        """Return what pages may ask for."""
        return {
            "documents": {
                "POST": uploaded(self._take),
                "DELETE": asked_for(self._remove),
            },
            "documents/sign": {"POST": posted(messages.SignDocuments, self._sign)},
            "documents/verify": {"POST": posted(messages.JudgeDocument, self._verify)},
            "documents/signed": {"GET": asked_for(self._get_signed)},
            "documents/version": {"GET": asked_for(self._get_version)},
        }

    async def forget(self, session: bytes) -> None:
        """Put away what a session has."""
        if self._made is not None:
            await self._made.remove(session)

    async def close(self) -> None:
        """Put everything away."""
        if self._made is not None:
            await self._made.close()

    async def _shelf(self) -> "DocumentShelf":
        if self._made is None:
            made = await asyncio.to_thread(_shelf_class)
            if self._made is None:
                self._made = made(self._folder, self._service, settings=self._settings)
        return self._made

    async def _take(self, request: web.BaseRequest) -> web.StreamResponse:
        name = printable(request.query.get("name", ""))
        if not 0 < len(name) <= _MAX_NAME or set(name) & set("/\\"):
            raise BadRequestError("no name of a file")
        shelf = await self._shelf()
        content = stream_body(request, MAX_PDF, QUIET_SECONDS, UPLOAD_SECONDS)
        is_to_sign = request.query.get("use") != "verify"
        async with aclosing(content):
            document = await shelf.take(session_of(request), name, content, is_to_sign=is_to_sign)
        return json_answer(messages.write(_describe(document, shelf.proof_of(document))))

    async def _remove(self, request: web.BaseRequest) -> web.StreamResponse:
        shelf = await self._shelf()
        await shelf.remove(session_of(request), request.query.get("id"))
        return json_answer(messages.write({}))

    async def _sign(
        self, request: web.BaseRequest, wanted: messages.SignDocuments
    ) -> web.StreamResponse:
        from agent.documents.levels import SignatureLevel  # noqa: PLC0415  # see the class
        from agent.documents.signing import SignatureWish  # noqa: PLC0415  # see the class

        shelf = await self._shelf()
        wish = SignatureWish(
            wanted.reason or None,
            wanted.location or None,
            None,
            wanted.reader,
            level=None if wanted.level is None else SignatureLevel(wanted.level),
        )
        asked = await shelf.sign(session_of(request), wanted.ids, wish)
        done = [each for each in asked if each.signed is not None]
        told = {
            "signed": [each.id for each in done],
            "levels": {each.id: each.level for each in done},
            "lacks": {each.id: each.lacks for each in done if each.lacks is not None},
            "failed": {each.id: each.failed for each in asked if each.failed is not None},
        }
        return json_answer(messages.write(told))

    async def _verify(
        self, request: web.BaseRequest, wanted: messages.JudgeDocument
    ) -> web.StreamResponse:
        shelf = await self._shelf()
        report = await shelf.verify(session_of(request), wanted.id, self._clock())
        return json_answer(messages.write(report))

    async def _get_signed(self, request: web.BaseRequest) -> web.StreamResponse:
        shelf = await self._shelf()
        document = shelf.find(session_of(request), request.query.get("id", ""))
        if document.signed is None:
            raise BadRequestError("it is not signed")
        return await _send(request, document.signed, None)

    async def _get_version(self, request: web.BaseRequest) -> web.StreamResponse:
        shelf = await self._shelf()
        document = shelf.find(session_of(request), request.query.get("id", ""))
        number = request.query.get("number", "")
        if not (number.isascii() and number.isdecimal() and len(number) <= _MAX_NUMBER):
            raise BadRequestError("not a number")
        ends = () if document.verified is None else document.verified.ends
        end = dict(enumerate(ends, 1)).get(int(number), 0)
        if not end:
            raise BadRequestError("there is no such signature, or nothing to take out")
        return await _send(request, document.copy.file, end)


def _shelf_class() -> "type[DocumentShelf]":
    from agent.documents.shelf import DocumentShelf  # noqa: PLC0415  # most people never need it

    return DocumentShelf


def _describe(document: "ShelvedDocument", proof: dict[str, Any]) -> dict[str, Any]:
    copy, facts = document.copy, document.facts
    told: dict[str, Any] = {
        "id": document.id,
        "name": copy.name,
        "size": copy.size,
        "sha256": copy.digest.hex(),
    }
    if facts is not None:
        told |= {
            "pages": facts.pages,
            "signatures": facts.signatures,
            "fields": facts.fields,
            "encrypted": facts.encrypted,
            "warnings": facts.warnings,
            "proof": proof,
        }
    return told


async def _send(request: web.BaseRequest, file: Path, end: int | None) -> web.StreamResponse:
    """Answer with a file's octets, up to ``end`` where that is given."""
    size = await asyncio.to_thread(lambda: file.stat().st_size)
    response = web.StreamResponse(headers=HEADERS)
    response.content_type = "application/pdf"
    response.content_length = size if end is None else min(end, size)
    try:
        await response.prepare(request)
        async for piece in _pieces(file, response.content_length):
            async with asyncio.timeout(SEND_SECONDS):
                await response.write(piece)
    except (TimeoutError, ConnectionError):
        response.force_close()  # the page went away, or does not read
    return response


async def _pieces(file: Path, length: int) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as content:
        while length > 0:
            piece = await asyncio.to_thread(content.read, min(_PIECE, length))
            if not piece:
                return
            length -= len(piece)
            yield piece
