"""Documents of the panel's own pages: handed over as octets, named by ids, never by paths."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from agent.errors import BadRequestError
from agent.harmless import printable
from agent.host.machine.paths import Paths
from agent.host.settings.config import Settings
from agent.size_limits import LARGE_GROWTH, MAX_PDF
from agent.web.front.body import stream_body
from agent.web.front.file_answer import send_file
from agent.web.front.mount import Routes
from agent.web.panel import messages
from agent.web.panel.door import HEADERS, asked_for, json_answer, posted, session_of, uploaded
from agent.web.panel.own_baskets import PanelBaskets
from agent.web.panel.question_desk import secret_of
from agent.web.service import Service
from agent.words import SYSTEM, say
from agent.words.language import Language, chosen_language

if TYPE_CHECKING:
    from agent.documents.shelf import DocumentShelf
    from agent.documents.shelved import ShelvedDocument

QUIET_SECONDS: Final = 10.0
"""In which the next piece of a document has to arrive."""
UPLOAD_SECONDS: Final = 300.0
"""For all of it."""
_MAX_NAME: Final = 255  # characters
_MAX_NUMBER: Final = 3  # digits


class PanelDocuments:
    """What the views for signing and verifying ask for; nothing is loaded before they do."""

    def __init__(
        self,
        service: Service,
        paths: Paths,
        clock: Callable[[], datetime],
        settings: Settings,
        language: Callable[[], str] = lambda: SYSTEM,
    ) -> None:
        """Begin with nothing.

        Args:
            service: that asks the card.
            paths: of the agent's folder.
            clock: the time of day, with a time zone.
            settings: of this computer: who proves, and who is trusted.
            language: the person's choice, one of :data:`agent.words.CHOICES`.

        """
        self._settings = settings
        self._service = service
        self._folder = paths.documents
        self._clock = clock
        self._language = language
        self._baskets = PanelBaskets(paths.baskets, self._shelf, _describe)
        self._made: DocumentShelf | None = None

    def calls(self) -> Routes:
        """Return what pages may ask for."""
        return {
            "documents": {
                "GET": asked_for(self._list),
                "POST": uploaded(self._take),
                "DELETE": asked_for(self._remove),
            },
            "documents/unlock": {"POST": posted(messages.UnlockDocument, self._unlock)},
            "documents/original": {"GET": asked_for(self._get_original)},
            "documents/sign": {"POST": posted(messages.SignDocuments, self._sign)},
            "documents/extend": {"POST": posted(messages.ExtendDocument, self._extend)},
            "documents/growth": {"GET": asked_for(self._growth)},
            "documents/verify": {"POST": posted(messages.JudgeDocument, self._verify)},
            "documents/signed": {"GET": asked_for(self._get_signed)},
            "documents/version": {"GET": asked_for(self._get_version)},
            **self._baskets.calls(),
        }

    async def forget(self, session: bytes) -> None:
        """Put away what a session has."""
        self._baskets.forget(session)
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

    async def _list(self, request: web.BaseRequest) -> web.StreamResponse:
        """Tell what waits to be signed without having been chosen on the page."""
        if self._made is None:
            return json_answer(messages.write({"documents": []}))
        shelf = self._made
        found = shelf.list_to_sign(session_of(request))
        return json_answer(
            messages.write({"documents": [_describe(each, shelf.proof_of(each)) for each in found]})
        )

    async def _unlock(
        self, request: web.BaseRequest, wanted: messages.UnlockDocument
    ) -> web.StreamResponse:
        password = secret_of(wanted.password)
        assert password is not None  # noqa: S101  # it was sent
        try:
            shelf = await self._shelf()
            document = await shelf.unlock(session_of(request), wanted.id, password)
        except BaseException:
            password.wipe()  # nobody has taken it over
            raise
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
        language = await asyncio.to_thread(chosen_language, wanted.language or self._language())
        wish = SignatureWish(
            reason=wanted.reason or None,
            location=wanted.location or None,
            field=wanted.field,
            reader=wanted.reader,
            mark=wanted.mark,
            language=language,
            level=None if wanted.level is None else SignatureLevel(wanted.level),
        )
        done = await shelf.sign(session_of(request), wanted.ids, wish)
        signed = await self._saved(request, done.signed, language)
        failed = [
            {"id": each.id, "code": code, **({"left": True} if each.unfinished else {})}
            for each, code in done.failed
        ]
        return json_answer(messages.write({"signed": signed, "failed": failed}))

    async def _saved(
        self,
        request: web.BaseRequest,
        signed: "list[ShelvedDocument]",
        language: Language,
    ) -> list[dict[str, Any]]:
        suffix = await asyncio.to_thread(say, language, "panel.sign.suffix", {})
        return await self._baskets.save_all(session_of(request), signed, suffix)

    async def _extend(
        self, request: web.BaseRequest, wanted: messages.ExtendDocument
    ) -> web.StreamResponse:
        shelf = await self._shelf()
        language = await asyncio.to_thread(chosen_language, wanted.language or self._language())
        document = await shelf.extend(session_of(request), wanted.id)
        (told,) = await self._saved(request, [document], language)
        return json_answer(messages.write(told))

    async def _growth(self, request: web.BaseRequest) -> web.StreamResponse:
        """Tell by how much documents will grow, where that is so much that a person should know."""
        session_of(request)
        found = await (await self._shelf()).growth()
        return json_answer(messages.write({"bytes": found if found > LARGE_GROWTH else 0}))

    async def _verify(
        self, request: web.BaseRequest, wanted: messages.JudgeDocument
    ) -> web.StreamResponse:
        password = secret_of(wanted.password)
        with password or nullcontext():
            shelf = await self._shelf()
            report = await shelf.verify(session_of(request), wanted.id, self._clock(), password)
        return json_answer(messages.write(report))

    async def _get_original(self, request: web.BaseRequest) -> web.StreamResponse:
        shelf = await self._shelf()
        document = shelf.find(session_of(request), request.query.get("id", ""))
        return await _send(request, document.copy.file, None)

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
        "name": printable(copy.name),
        "size": copy.size,
        "sha256": copy.digest.hex(),
        "locked": document.is_locked,
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
    response = web.StreamResponse(headers=HEADERS)
    response.content_type = "application/pdf"
    await send_file(request, response, file, end)
    return response
