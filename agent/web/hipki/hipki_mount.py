"""Serve the old component's paths: who asks, and which answers other sites may read."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from aiohttp import hdrs, web

from agent import __version__
from agent.consent.consent import Consent
from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import Settings
from agent.origin import LOCAL_PROGRAM, OPAQUE, OWN_PAGE, Origin
from agent.secret import wipe
from agent.size_limits import MAX_HIPKI_BODY, MAX_HIPKI_UNASKED_BODY
from agent.web.citizen_cards import CitizenCards
from agent.web.front import guard
from agent.web.front.answer import JSON_TYPE, answer
from agent.web.front.audience import Audience
from agent.web.front.body import read_body
from agent.web.front.guard import Refused
from agent.web.front.limits import Limits
from agent.web.front.mount import Handler, Mount, Route, Routes
from agent.web.front.refusal import refusal
from agent.web.front.request_parser import RequestParser
from agent.web.front.room import BodyRoom
from agent.web.hipki import pages
from agent.web.hipki.component import HipkiComponent
from agent.web.hipki.errors import ErrorNumbers, HipkiError, Major, numbers, outcome_of
from agent.web.hipki.fields import RequestFields, parse_body
from agent.web.hipki.functions import Function
from agent.web.hipki.image_visits import ImageVisits
from agent.web.hipki.pages import Page
from agent.web.hipki.popup import PopupRoutes, to_text
from agent.web.hipki.tokens import PageKind
from agent.web.recorder.recorder import CallRecorder, CallRecording, Transport
from agent.web.service import Service
from agent.words.language import SYSTEM, requested_language

_Replying: TypeAlias = Callable[
    [web.BaseRequest, Origin | None, CallRecording], Awaitable[dict[str, Any]]
]
HIPKI: Final = "hipki"
"""Name of the listener that serves this mount on the port of the settings."""

_POPUPS: Final = {
    "/popupForm": "getTbs",
    "/ChtPopupForm": "getTbs",
    "/CardManagement/CMCPopForm": "CMCAtn",
    "/PrintCard/ChtPopupFormPrintCard": "getTbs",
    "/eIDPM/ChtPopupFormEIDPM": "getTbs",
}
"""The popups, and the ``func`` of the message by which each tells its page that it is ready."""
_UNSUPPORTED: Final = {
    "/umakeSig": "umakeSig",
    "/writecert": "writecert",
    "/makeCsr": "makeCsr",
    "/getChallenge": "getChallenge",
    "/CardManagement/sendCardCommand": "",
    "/PrintCard/sendCommand_PrintImageb64toPrinter": "",
    "/eIDPM/ListEID": "",
    "/eIDPM/GetEIDPublicData": "",
    "/eIDPM/GetEIDHouseHoldData": "",
    "/eIDPM/GetEIDPrivateDataStep1": "",
    "/eIDPM/GetEIDPrivateDataStep2": "",
    "/eIDPM/ChangePinEID": "",
    "/eIDPM/BulidUnblockCardRequestEID": "",
    "/eIDPM/UnblockCardEID": "",
}
"""Paths that manage or print cards or need the vendor's keys, and the ``func`` of their replies."""
_PAGE_HEADERS: Final = {
    hdrs.SERVER: "ankong",
    hdrs.CACHE_CONTROL: "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # No Cross-Origin-Opener-Policy: the popup has to reach the page that opened it.
}
_STATUS: Final = {
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The status of errors that the old component did not know; its own replies all have 200."""
_OTHERS: Final = frozenset({"cross-site", "same-site"})
"""The Sec-Fetch-Site of a window that a page of others opened."""
_FRAMES: Final = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})


class HipkiMount(Mount):
    """The old component's paths, and those that our own pages call."""

    def __init__(  # noqa: PLR0913  # the daemon's parts meet here
        self,
        service: Service,
        consent: Consent,
        settings: Settings,
        limits: Limits | None = None,
        *,
        language: Callable[[], str] = lambda: SYSTEM,
        on_image: Callable[[Origin], None] = lambda _: None,
        recorder: CallRecorder | None = None,
    ) -> None:
        """Read our pages from the package: blocks, not for the event loop.

        Args:
            service: carries out what pages ask for.
            consent: who answers for the citizen; the one that ``service`` asks.
            settings: the version that pages are told, the reader that they see, and whether they
                may hand the PIN over.
            limits: for each site.
            language: the citizen's choice, one of :data:`agent.words.CHOICES`.
            on_image: told in the event loop of a site without a decision whose page reads only
                the image; :meth:`ask_about` asks the citizen. Must not block.
            recorder: is told of every call; None for one that stays off.

        Raises:
            OSError: a page is missing: the installation is broken.

        """
        limits = limits or Limits()
        self._visits = ImageVisits(on_image)
        service = CitizenCards(service)
        self._component = HipkiComponent(service, settings, self._visits.forget, recorder)
        self._consent = consent
        self._language = language
        self._popup = PopupRoutes(self._component, service, consent, limits)
        self._limits = limits
        self._room = BodyRoom(limits.body_seconds)
        self._parsing = RequestParser()
        super().__init__(self._make_routes())

    async def ask_about(self, site: Origin) -> None:
        """Ask the citizen about a site that reads the image; a no is what it reads from then on."""
        outcome = await self._component.admit(site)
        if outcome.ret_code is not Major.SUCCESS:
            self._component.note_refused(site)

    def identify(self, request: web.BaseRequest) -> Origin | None:
        """Return who asks, by the Origin header; a program that is no browser sends none.

        None for a browser's request without one (an address typed in, an image without CORS): such
        pages still learn whether there is a card. An origin that is ``null`` or malformed may be a
        blocked site's, in a frame of its making: it gets what a blocked site gets.

        The paths of our own pages serve only these (:data:`agent.origin.OWN_PAGE`).

        Raises:
            AgentError: ``origin_not_allowed``: another page calls a path of our own pages.

        """
        if request.raw_path.partition("?")[0] in self._popup.routes:
            return _own_page(request)
        headers = request.headers
        origins = headers.getall(hdrs.ORIGIN, ())
        if not origins:
            return None if "Sec-Fetch-Site" in headers else LOCAL_PROGRAM
        try:
            return guard.read_site(origins)
        except Refused:
            return OPAQUE

    def refuse(self, error: AgentError, caller: Origin | None) -> web.Response:
        """Return the answer of a refusal on a path that is no call; no page can read it."""
        del caller
        return refusal(error, None)

    def _make_routes(self) -> Routes:
        texts = {
            "/": (pages.banner(self._component.version), "text/plain"),
            "/errorcode.js": (pages.error_script().encode(), "text/javascript"),
            "/waiting.gif": (pages.waiting_gif(), "image/gif"),
        }
        routes = {path: {"GET": _own(_fixed(body, kind))} for path, (body, kind) in texts.items()}
        popup = Page.load("popup")
        for path, ready in _POPUPS.items():
            routes[path] = {"GET": _own(self._page(popup, PageKind.POPUP, ready=ready))}
        self_test = {"version": self._component.version, "product": __version__}
        page = self._page(Page.load("selftest", pin_box=True), PageKind.SELF_TEST, **self_test)
        routes["/selfTest.htm"] = {"GET": _own(page)}
        routes["/addDomain"] = {"GET": _own(partial(self._add_domain, Page.load("adddomain")))}
        routes["/p11Image.bmp"] = {"GET": replace(_own(self._image), readers=Audience.ANY_SITE)}
        for prefix in ("", "/cht_api"):
            information = self._call("pkcs11info", self._information)
            routes[f"{prefix}/pkcs11info"] = {"GET": information, "POST": information}
            routes[f"{prefix}/sign"] = {"POST": self._calling(Function.SIGN, "MakeSignature")}
            routes[f"{prefix}/decrypt"] = {"POST": self._calling(Function.DECRYPT, "DecryptData")}
        for path, name in _UNSUPPORTED.items():
            routes[path] = {"POST": self._calling(Function.UNSUPPORTED, name)}
        return {**routes, **self._popup.routes}

    # Pages.

    def _page(self, page: Page, kind: PageKind, **fields: str) -> Handler:
        async def handle(request: web.BaseRequest, _caller: Origin | None) -> web.Response:
            _refuse_frames(request)
            token = self._popup.tokens.issue(kind)
            opened = "by_page" if request.headers.get("Sec-Fetch-Site") in _OTHERS else ""
            return await self._document(request, page, token=token, opened=opened, **fields)

        return handle

    async def _add_domain(
        self, page: Page, request: web.BaseRequest, caller: Origin | None
    ) -> web.Response:
        del caller
        _refuse_frames(request)
        domain = request.query.get("domain", "").strip()
        sites = pages.possible_sites(domain, LOCAL_PROGRAM)
        # Pages name a host, but not which port of it was refused.
        refused = self._component.last_refused(domain.lower())
        if refused is not None:
            sites = [refused, *(site for site in sites if site != refused)]
        facts = await asyncio.to_thread(lambda: [pages.site_facts(site) for site in sites])
        refused_blind = [self._consent.is_blind_refused(site) for site in sites]
        shown = [{**one, "blind": blind} for one, blind in zip(facts, refused_blind, strict=True)]
        return await self._document(
            request,
            page,
            token=self._popup.tokens.issue(PageKind.ADD_DOMAIN),
            candidates=json.dumps(shown),
            windows="yes" if self._popup.has_windows() else "no",
        )

    async def _document(self, request: web.BaseRequest, page: Page, **fields: str) -> web.Response:
        accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
        language = requested_language(self._language(), accepted)
        body = await asyncio.to_thread(page.fill, language, **fields)
        response = web.Response(body=body, content_type="text/html", charset="utf-8")
        response.headers.update(_PAGE_HEADERS)
        response.headers["Content-Security-Policy"] = page.policy
        return response

    # Calls of pages.

    async def _image(self, request: web.BaseRequest, caller: Origin | None) -> web.Response:
        """Return the readers as an image; it has card numbers only for an allowed site."""
        is_new = self._is_new_page(caller)
        if caller is not None and is_new:
            await self._visits.note(caller)
        was_refused = caller is not None and self._component.last_refused(caller.host) == caller
        with self._recording(request, caller, "image") as entry:
            entry.request("p11Image")
            if self._is_blocked(caller) or (is_new and was_refused):
                body = self._component.refusing_image()
                entry.outcome(outcome_of(ErrorNumbers(Major.UNTRUSTED_SITE).fields()))
            else:
                body = await self._component.image(caller)
        response = answer(body, caller, content_type="image/bmp")
        # A page without an origin may read what everybody may see.
        response.headers.setdefault(hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        return response

    async def _information(
        self, request: web.BaseRequest, caller: Origin | None, entry: CallRecording
    ) -> dict[str, Any]:
        """Read the query, and the body if it can be read: most pages send none."""
        values = dict(request.query)
        with suppress(HipkiError):
            if self._may_read(request, caller):
                async with self._room.hold(caller, _declared(request), MAX_HIPKI_BODY):
                    values = {**(await self._read(request)).values, **values}
        entry.request("pkcs11info", values)
        return await self._inform(caller, RequestFields(values))

    async def _inform(self, site: Origin | None, fields: RequestFields) -> dict[str, Any]:
        if self._is_blocked(site):
            return self._component.refusal("pkcs11info", ErrorNumbers(Major.UNTRUSTED_SITE))
        with_certificates = fields.flag("withcert")
        outcome = await self._component.admit(site) if with_certificates else None
        if site is not None and self._component.is_allowed(site):
            function = (
                Function.READ_CERTIFICATES if with_certificates else Function.CHECK_ENVIRONMENT
            )
            return await self._component.answer(site, function, "pkcs11info", fields)
        if self._is_blocked(site):  # the citizen has just said so
            return self._component.refusal("pkcs11info", ErrorNumbers(Major.UNTRUSTED_SITE))
        return self._component.public_information(fields, outcome)

    def _calling(self, function: Function, name: str) -> Route:
        async def handle(
            request: web.BaseRequest, caller: Origin | None, entry: CallRecording
        ) -> dict[str, Any]:
            entry.request(name)
            is_nobody = caller is None or caller == OPAQUE
            if not self._may_read(request, caller):
                # The citizen first: whoever nobody has allowed has no megabytes held for them.
                refused = await self._component.admit(None if is_nobody else caller)
                if refused.ret_code is not Major.SUCCESS:
                    return self._component.refusal(name, refused)
            # Until it is answered: what is to be signed is held all the while.
            async with self._room.hold(caller, _declared(request), MAX_HIPKI_BODY):
                fields = await self._read(request)
                called = name or fields.text("func")
                entry.request(called, fields.values)
                if caller is None or is_nobody:
                    untrusted = ErrorNumbers(Major.UNTRUSTED_SITE)
                    return self._component.refusal(called, untrusted)
                return await self._component.answer(caller, function, called, fields)

        return self._call(name, handle)

    def _recording(
        self, request: web.BaseRequest, caller: Origin | None, transport: Transport
    ) -> CallRecording:
        port = int(request.host.rpartition(":")[2])  # the front has compared it with its own
        return self._component.recorder.recording(caller, "hipki", transport, port=port)

    def _call(self, name: str, handler: _Replying) -> Route:
        """Return the route of a call; a refusal too is a reply with the fields that pages read."""

        async def handle(request: web.BaseRequest, caller: Origin | None) -> web.Response:
            with self._recording(request, caller, "direct") as entry:
                reply = await handler(request, caller, entry)
                entry.outcome(outcome_of(reply))
                return self._reply(reply, caller)

        def refuse(error: AgentError, caller: Origin | None) -> web.Response:
            status = _STATUS.get(error.code, HTTPStatus.OK)
            if isinstance(error, Refused):
                status = HTTPStatus(error.status)
            response = self._reply(self._component.refusal(name, numbers(error)), caller, status)
            if isinstance(error, Refused):
                response.force_close()
            return response

        readers = Audience.ALLOWED_SITE
        return Route(
            handle, Audience.EVERYBODY, None, MAX_HIPKI_BODY, readers=readers, refuse=refuse
        )

    def _is_new_page(self, site: Origin | None) -> bool:
        """Return whether a page of a site asks about which the citizen can be asked in a window."""
        return (
            site is not None
            and not site.is_local
            and not self._is_blocked(site)
            and not self._component.is_allowed(site)
            and self._consent.has_windows()
        )

    def _may_read(self, request: web.BaseRequest, caller: Origin | None) -> bool:
        """Return whether a body may be read before the citizen has been asked about its sender."""
        length = _declared(request)
        is_short = length is not None and length <= MAX_HIPKI_UNASKED_BODY
        return is_short or (caller != OPAQUE and self._component.is_allowed(caller))

    def _is_blocked(self, site: Origin | None) -> bool:
        return site == OPAQUE or (site is not None and self._consent.is_blocked(site))

    async def _read(self, request: web.BaseRequest) -> RequestFields:
        raw = await read_body(request, MAX_HIPKI_BODY, self._limits.body_seconds)
        try:
            return await self._parsing.run(len(raw), parse_body, raw)
        finally:
            wipe(raw)

    def _reply(
        self, fields: dict[str, Any], site: Origin | None, status: int = HTTPStatus.OK
    ) -> web.Response:
        """Return JSON that only an allowed site can read."""
        readable = site if self._component.is_allowed(site) else None
        return answer(to_text(fields).encode(), readable, status=status, content_type=JSON_TYPE)


def _declared(request: web.BaseRequest) -> int | None:
    """Return how many bytes a body has by its own word; None where it does not say."""
    return request.content_length if request.body_exists else 0


def _own(handler: Handler) -> Route:
    """Return the route of a page of ours, or of the image; it counts against no site's budget.

    Every page that waits for a card asks for the image again and again.
    """
    return Route(handler, Audience.EVERYBODY, None, is_metered=False, readers=Audience.ALLOWED_SITE)


def _own_page(request: web.BaseRequest) -> Origin:
    headers = request.headers
    if (
        headers.getall(hdrs.ORIGIN, ()) != [f"http://{headers[hdrs.HOST]}"]
        or headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
    ):
        raise AgentError("not our own page", code=ErrorCode.ORIGIN_NOT_ALLOWED)
    return OWN_PAGE


def _refuse_frames(request: web.BaseRequest) -> None:
    if request.headers.get("Sec-Fetch-Dest") in _FRAMES:
        raise AgentError("not in a frame", code=ErrorCode.ORIGIN_NOT_ALLOWED)


def _fixed(body: bytes, content_type: str) -> Handler:
    async def handle(_request: web.BaseRequest, _caller: Origin | None) -> web.Response:
        response = answer(body, None, content_type=content_type)
        if content_type.startswith("text/"):
            response.charset = "utf-8"
        return response

    return handle
