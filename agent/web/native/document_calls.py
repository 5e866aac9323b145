"""``/v1/documents``: PDFs that a site hands over to have them signed, and fetches after it."""

import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

from aiohttp import hdrs, web

from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import Origin
from agent.pdf.wire import PdfFacts
from agent.size_limits import MAX_PAGE_PDF
from agent.web.front.answer import answer, head_of_answer
from agent.web.front.audience import Audience
from agent.web.front.body import stream_body
from agent.web.front.file_answer import send_file
from agent.web.front.guard import Refused, RequestPurpose
from agent.web.front.mount import Handler, Route
from agent.web.native import wire
from agent.web.native.methods import NativeApi
from agent.web.native.pdf_messages import DocumentResult, RemovedDocumentResult

PATH: Final = "/v1/documents"
QUIET_SECONDS: Final = 10.0
"""In which the next piece of a document has to arrive, of at least :data:`LEAST` bytes."""
LEAST: Final = 256 * 1024
UPLOAD_SECONDS: Final = 120.0
"""For all of it."""
PDF_TYPE: Final = "application/pdf"
_ONE: Final = re.compile(rf"{PATH}/([0-9a-f]{{32}})")


class DocumentCalls:
    """The calls about documents of one native API."""

    def __init__(self, api: NativeApi) -> None:
        """Serve the documents of ``api``."""
        self._api = api
        self.collection: Mapping[str, Route] = {"POST": _route(self._take, MAX_PAGE_PDF)}
        self._one: Mapping[str, Route] = {
            "GET": _route(self._get, 0),
            "DELETE": _route(self._remove, 0),
        }

    def methods_of(self, path: str) -> Mapping[str, Route]:
        """Return what can be done with a document; nothing where the path is none's."""
        return self._one if _ONE.fullmatch(path) else {}

    async def _take(self, request: web.BaseRequest, site: Origin | None) -> web.StreamResponse:
        _check_type(request)
        asker = _asker(site)
        with self._api.recorder.recording(asker, "native", "fetch") as entry:
            entry.request("documents")
            try:
                content = stream_body(
                    request, MAX_PAGE_PDF, QUIET_SECONDS, UPLOAD_SECONDS, least=LEAST
                )
                async with aclosing(content):
                    taken = await self._api.documents.take(asker, content)
            except AgentError as error:
                entry.outcome(error.code)
                raise
        facts = taken.facts or PdfFacts(pages=0, encrypted=True)
        told = DocumentResult(
            document=taken.id,
            size=taken.copy.size,
            sha256=taken.copy.digest.hex(),
            pages=facts.pages,
            signatures=facts.signatures,
            fields=facts.fields,
            encrypted=facts.encrypted,
            locked=taken.facts is None,
            warnings=facts.warnings,
        )
        return answer(wire.result_bytes(told), asker)

    async def _get(self, request: web.BaseRequest, site: Origin | None) -> web.StreamResponse:
        asker = _asker(site)
        document = self._api.documents.find(asker, _identifier(request))
        if document.signed is None:
            raise BadRequestError("it is not signed")
        if document.is_used:
            raise AgentError("something is being done with it", code=ErrorCode.BUSY)
        response = web.StreamResponse(headers=head_of_answer(asker))
        response.content_type = PDF_TYPE
        document.is_used = True
        try:
            document.is_fetched |= await send_file(request, response, document.signed)
        finally:
            document.is_used = False
        return response

    async def _remove(self, request: web.BaseRequest, site: Origin | None) -> web.StreamResponse:
        asker = _asker(site)
        await self._api.documents.remove(asker, _identifier(request))
        return answer(wire.result_bytes(RemovedDocumentResult(True)), asker)


def _route(handler: Handler, limit: int) -> Route:
    return Route(handler, Audience.ALLOWED_SITE, RequestPurpose.OCTETS, limit)


def _asker(site: Origin | None) -> Origin:
    if site is None:
        raise AgentError("nobody asks", code=ErrorCode.ORIGIN_NOT_ALLOWED)
    return site


def _identifier(request: web.BaseRequest) -> str:
    found = _ONE.fullmatch(request.raw_path.partition("?")[0])
    if found is None:
        raise BadRequestError("no name of a document")
    return found[1]


def _check_type(request: web.BaseRequest) -> None:
    """Refuse what a script of a page does not send.

    Raises:
        Refused: another type, or any encoding: a small body might unpack to a huge one.

    """
    headers = request.headers
    if headers.getall(hdrs.CONTENT_TYPE, ()) != [PDF_TYPE] or hdrs.CONTENT_ENCODING in headers:
        raise Refused(415, ErrorCode.BAD_REQUEST, f"Content-Type must be {PDF_TYPE}")
