"""The first page: plain HTTP, so that no browser warns of it before the panel can be shown.

It is one document, the same for everybody but for its language: nothing of the citizen, and no
secret. Its script asks the beacon where TLS is, tries from the page whether this browser trusts
us there, says what to do while it does not, and goes on to the panel once it does. How the key of
the panel gets there is told in :mod:`agent.host.instance.first_ticket`.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web

from agent.errors import AgentError, ErrorCode
from agent.host.instance.panel_opening import FIRST_PAGE
from agent.origin import Origin
from agent.web.front import guard
from agent.web.front.audience import Audience
from agent.web.front.body import read_body
from agent.web.front.guard import Refused, RequestPurpose
from agent.web.front.mount import Mount, Route
from agent.web.front.refusal import refusal
from agent.web.panel import messages
from agent.web.panel.door import BODY_SECONDS, DRAWING_HEADERS, HEADERS, json_answer, serving
from agent.web.panel.files import ROOT, PanelFile
from agent.web.panel.single_page import SinglePage
from agent.words.language import SYSTEM, requested_language

CLAIM: Final = f"{FIRST_PAGE}/claim"
MAX_CLAIM: Final = 1024  # bytes
ENTER: Final = f"{ROOT}enter"
"""The panel on HTTPS, where the first page may lead a window."""
TRUSTED: Final = f"{ROOT}trusted"
"""Tells the first page, and no other, that its browser trusts us: it got an answer there."""
_HEADERS: Final = {
    name: value for name, value in HEADERS.items() if name != "Content-Security-Policy"
}
"""Of the first page, which has a policy of its own."""


class FirstMount(Mount):
    """``/first`` on the plain port, and the one call that its script makes there."""

    headers = _HEADERS
    is_recorded = False

    def __init__(
        self,
        claim: Callable[[str], str | None],
        language: Callable[[], str] = lambda: SYSTEM,
        *,
        trust_left: bool = False,
    ) -> None:
        """Read the page from the package: blocks, not for the event loop.

        Args:
            claim: returns the answer for a ticket's claim, once; None for what is no good.
            language: the citizen's choice, one of :data:`agent.words.CHOICES`.
            trust_left: whether it is the organisation's affair that browsers trust us.

        Raises:
            OSError: a file is missing: the installation is broken.

        """
        self._claim = claim
        self._language = language
        page = SinglePage.load("first", "'self' https://localhost:*")
        self._page = page.marked("left") if trust_left else page
        show = Route(self._show, Audience.EVERYBODY, None, 0)
        take = Route(self._answer, Audience.EVERYBODY, RequestPurpose.CALL, MAX_CLAIM)
        super().__init__({FIRST_PAGE: {"GET": show, "HEAD": show}, CLAIM: {"POST": take}})

    def identify(self, request: web.BaseRequest) -> Origin | None:
        """Return None: nobody in particular asks.

        Raises:
            Refused: a frame asks for the page, or another page than it for an answer.

        """
        if request.raw_path.partition("?")[0] != CLAIM:
            _check_window(request)
            return None
        headers = request.headers
        if headers.getall(hdrs.ORIGIN, ()) != [f"http://{headers[hdrs.HOST]}"]:
            raise _not_for_you("not our page")
        if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise _not_for_you("from another site")
        return None

    def refuse(self, error: AgentError, caller: Origin | None) -> web.Response:
        """Return an answer that no page of another origin can read."""
        del caller
        return refusal(error, None)

    async def _show(self, request: web.BaseRequest, _caller: Origin | None) -> web.Response:
        accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
        return await self._page.answer(requested_language(self._language(), accepted))

    async def _answer(self, request: web.BaseRequest, _caller: Origin | None) -> web.Response:
        raw = await read_body(request, MAX_CLAIM, BODY_SECONDS)
        answer = self._claim(messages.read(messages.ClaimTicket, raw).claim)
        if answer is None:
            raise Refused(
                HTTPStatus.UNAUTHORIZED, ErrorCode.ORIGIN_NOT_ALLOWED, "the ticket is not good"
            )
        return json_answer(msgspec.json.encode({"answer": answer}))


class FirstDoor(Mount):
    """Where the first page comes in on HTTPS: the panel itself lets no other origin lead there.

    Any page may lead a window here. What is here is the panel's page, the same for everybody; its
    script, ``opening.js``, takes this address for a key that was brought or for a closed panel,
    even in a tab where it is open. A page of its own that goes on to the panel's address would
    do the same, one navigation later.

    Attributes:
        plain_port: where the first page is; None where that port is not ours.

    """

    headers = DRAWING_HEADERS
    is_recorded = False

    def __init__(self, panel: PanelFile) -> None:
        """Show the panel's page."""
        self.plain_port: int | None = None
        page = Route(serving(panel), Audience.EVERYBODY, None, 0)
        trusted = Route(_trusted, Audience.EVERYBODY, None, 0)
        super().__init__({ENTER: {"GET": page, "HEAD": page}, TRUSTED: {"GET": trusted}})

    def identify(self, request: web.BaseRequest) -> Origin | None:
        """Return None: nobody in particular asks.

        Raises:
            Refused: a frame asks for the page, or another page than the first one for the rest.

        """
        if request.raw_path.partition("?")[0] != TRUSTED:
            _check_window(request)
            return None
        ours = {f"http://{name}:{self.plain_port}" for name in guard.LOOPBACK_NAMES}
        origins = request.headers.getall(hdrs.ORIGIN, ())
        if self.plain_port is None or len(origins) != 1 or origins[0] not in ours:
            raise _not_for_you("not the first page")
        return None

    def refuse(self, error: AgentError, caller: Origin | None) -> web.Response:
        """Return an answer that no page of another origin can read."""
        del caller
        return refusal(error, None)


async def _trusted(request: web.BaseRequest, _caller: Origin | None) -> web.Response:
    origin = request.headers[hdrs.ORIGIN]  # it was checked to be the first page's
    headers = {hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: origin, hdrs.VARY: hdrs.ORIGIN}
    return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)


def _check_window(request: web.BaseRequest) -> None:
    """Refuse what is no window of its own.

    Raises:
        Refused: a frame asks, or a script.

    """
    headers = request.headers
    if headers.getall(hdrs.ORIGIN, ()) or headers.get("Sec-Fetch-Mode", "navigate") != "navigate":
        raise _not_for_you("only a window goes there")
    if headers.get("Sec-Fetch-Dest", "document") != "document":
        raise _not_for_you("not in a frame")


def _not_for_you(detail: str) -> Refused:
    return Refused(HTTPStatus.FORBIDDEN, ErrorCode.ORIGIN_NOT_ALLOWED, detail)
