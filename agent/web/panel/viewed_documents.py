"""The documents of a question, shown in the panel: in pages of our own, never in the site's."""

from typing import Final

from aiohttp import hdrs, web

from agent.errors import BadRequestError
from agent.harmless import has_content, printable
from agent.web.front.file_answer import send_file
from agent.web.front.mount import Routes
from agent.web.offered_views import OfferedViews, ViewedPdf
from agent.web.panel import messages
from agent.web.panel.door import HEADERS, asked_for, json_answer

_MAX_NUMBER: Final = 3  # digits


class ViewedDocuments:
    """What the page with the documents of a question asks for."""

    def __init__(self, views: OfferedViews) -> None:
        """Show what ``views`` has."""
        self._views = views

    def calls(self) -> Routes:
        """Return what pages may ask for."""
        return {
            "documents/viewed": {"GET": asked_for(self._list)},
            "documents/viewed/file": {"GET": asked_for(self._get)},
        }

    def _find(self, request: web.BaseRequest) -> tuple[ViewedPdf, ...]:
        return self._views.find(request.query.get("id", ""))

    async def _list(self, request: web.BaseRequest) -> web.StreamResponse:
        rows = [
            {
                "name": _shown(each.name),
                "size": each.size,
                "sha256": each.digest.hex(),
                "pages": each.pages,
                "warnings": each.warnings,
                "mark": each.mark,
                "field": _shown(each.field),
                "remark": _lines(each.remark),
                "password": each.password,
            }
            for each in self._find(request)
        ]
        return json_answer(messages.write({"documents": rows}))

    async def _get(self, request: web.BaseRequest) -> web.StreamResponse:
        found = self._find(request)
        number = request.query.get("number", "")
        is_number = number.isascii() and number.isdecimal() and len(number) <= _MAX_NUMBER
        if not is_number or not 0 < int(number) <= len(found):
            raise BadRequestError("there is no such document")
        response = web.StreamResponse(headers=HEADERS)
        response.content_type = "application/pdf"
        # However it is asked for, no browser shows it in the panel's own place.
        response.headers[hdrs.CONTENT_DISPOSITION] = "attachment"
        await send_file(request, response, found[int(number) - 1].file)
        return response


def _lines(remark: str | None) -> list[str]:
    shown = map(_shown, (remark or "").splitlines())
    return [line for line in shown if line is not None]


def _shown(name: str | None) -> str | None:
    """Return a site's name of a document without what misleads; None where it shows nothing."""
    return printable(name) if name is not None and has_content(name) else None
