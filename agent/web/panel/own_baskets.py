"""Baskets in the panel: what file managers handed over, shown and taken by ids and numbers alone.

No path goes to a page or comes from one. A basket belongs to the session that opened it first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.harmless import printable
from agent.host.machine.reveal import reveal
from agent.size_limits import LARGE_GROWTH
from agent.web.front.mount import Routes
from agent.web.panel import messages
from agent.web.panel.door import json_answer, posted, session_of

if TYPE_CHECKING:
    from agent.documents.baskets import Basket
    from agent.documents.shelf import DocumentShelf
    from agent.documents.shelved import ShelvedDocument
    from agent.pdf.wire import DrawnMark

MAX_OPEN: Final = 8
"""Baskets that are open at once; the oldest goes."""


class PanelBaskets:
    """The baskets that pages have opened, of one run of the agent."""

    def __init__(
        self,
        folder: Path,
        shelf: "Callable[[], Awaitable[DocumentShelf]]",
        describe: "Callable[[ShelvedDocument, dict[str, Any]], dict[str, Any]]",
        show: Callable[[Path], bool] = reveal,
    ) -> None:
        """Begin with none.

        Args:
            folder: where the command line puts baskets.
            shelf: gives the documents of all sessions.
            describe: what a page is told of a document, and of who proves its time.
            show: opens the folder of a file, and returns whether it could.

        """
        self._folder = folder
        self._shelf = shelf
        self._describe = describe
        self._show = show
        self._opened: dict[tuple[bytes, str], Basket] = {}

    def calls(self) -> Routes:
        """Return what pages may ask for."""
        return {
            "documents/basket": {"POST": posted(messages.OpenBasket, self._open)},
            "documents/basket/take": {"POST": posted(messages.TakeFromBasket, self._take)},
            "documents/reveal": {"POST": posted(messages.RevealDocument, self._reveal)},
        }

    def forget(self, session: bytes) -> None:
        """Let go of what a session has opened."""
        for key in [each for each in self._opened if each[0] == session]:
            del self._opened[key]

    async def save_all(
        self, session: bytes, signed: "Sequence[ShelvedDocument]", mark: str
    ) -> list[dict[str, Any]]:
        """Save signed documents beside their originals, where these are known.

        Args:
            session: whose.
            signed: the documents.
            mark: what is put behind their names.

        Returns:
            Of each its ``id``; ``saved``, its new name; ``unsaved``, a code where it could not be
            saved: ``document_changed``, or ``not_writable``; the ``level`` of its signature; and
            ``lacks``, the code that says why that is not the level that was wanted. ``grown`` is by
            how many bytes it is longer, where that is many. With a ``mark`` comes the character
            that no font here has, if any, and whether it is hard to read.

        """
        shelf = await self._shelf()
        told: list[dict[str, Any]] = []
        for each in signed:
            saved = unsaved = None
            try:
                path = await shelf.save_beside(session, each.id, mark)
                saved = None if path is None else printable(path.name)
            except AgentError as error:
                unsaved = str(error.code)
            except OSError:
                unsaved = "not_writable"
            why = {} if unsaved is None else {"unsaved": unsaved}
            lacks = {} if each.lacks is None else {"lacks": each.lacks}
            grown = {"grown": each.grown} if each.grown > LARGE_GROWTH else {}
            drawn = {} if each.mark is None else {"mark": _told_of(each.mark)}
            told.append(
                {"id": each.id, "saved": saved, "level": each.level} | (why | lacks | grown | drawn)
            )
        return told

    async def _open(
        self, request: web.BaseRequest, wanted: messages.OpenBasket
    ) -> web.StreamResponse:
        session = session_of(request)
        basket = await asyncio.to_thread(_take_basket, self._folder, wanted.id)
        self._opened[session, wanted.id] = basket
        while len(self._opened) > MAX_OPEN:
            del self._opened[next(iter(self._opened))]
        files = [
            {
                "number": number,
                "name": printable(each.place.name),
                "size": each.size,
                "problem": each.problem,
            }
            for number, each in enumerate(basket.files)
        ]
        return json_answer(messages.write({"files": files, "more": basket.more}))

    async def _take(
        self, request: web.BaseRequest, wanted: messages.TakeFromBasket
    ) -> web.StreamResponse:
        session = session_of(request)
        basket = self._opened.get((session, wanted.basket))
        if basket is None or wanted.number >= len(basket.files):
            raise BadRequestError("there is no such basket")
        file = basket.files[wanted.number]
        if file.problem:
            raise BadRequestError("it is not taken")
        shelf = await self._shelf()
        try:
            document = await shelf.take_chosen(session, file)
        except OSError as error:  # it was there when it was chosen
            raise AgentError(
                "it cannot be read any more", code=ErrorCode.DOCUMENT_CHANGED
            ) from error
        return json_answer(messages.write(self._describe(document, shelf.proof_of(document))))

    async def _reveal(
        self, request: web.BaseRequest, wanted: messages.RevealDocument
    ) -> web.StreamResponse:
        shelf = await self._shelf()
        saved = shelf.find(session_of(request), wanted.id).saved
        if saved is None:
            raise BadRequestError("it was saved by the browser")
        if not await asyncio.to_thread(self._show, saved):
            raise AgentError("no file manager was started", code=ErrorCode.WINDOW_UNAVAILABLE)
        return json_answer(messages.write({}))


def _told_of(mark: "DrawnMark") -> dict[str, Any]:
    char = mark.missing
    if char is not None and not char.isprintable():
        char = f"U+{ord(char):04X}"
    return {"missing": char, "small": mark.small}


def _take_basket(folder: Path, identifier: str) -> "Basket":
    from agent.documents.baskets import BasketFolder  # noqa: PLC0415  # most people never need it

    return BasketFolder(folder).take(identifier)
