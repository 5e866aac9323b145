"""HTTP in front of it all: paths, who asks, and which answers other sites may read."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from aiohttp import hdrs, web

from agent import __version__
from agent.errors import AgentError, ErrorCode
from agent.host.settings.config import Settings
from agent.origin import LOCAL_PROGRAM, Origin
from agent.web.front import guard
from agent.web.front.endpoint import (
    JSON_TYPE,
    PREFLIGHT_SECONDS,
    HttpHandler,
    answer,
    read_body,
    refusal,
    unexpected,
)
from agent.web.front.guard import Refused
from agent.web.front.limits import Limits, RateLimiter
from agent.web.hipki import pages
from agent.web.hipki.component import Component
from agent.web.hipki.consent import PopupConsent
from agent.web.hipki.errors import HipkiError, Major, Numbers, numbers
from agent.web.hipki.functions import Function
from agent.web.hipki.pages import Page
from agent.web.hipki.parsing import Parsing
from agent.web.hipki.popup import PopupRoutes, to_text
from agent.web.hipki.request import MAX_BODY, Fields, parse_body
from agent.web.hipki.tokens import Kind
from agent.web.native.methods import Service
from agent.words.language import SYSTEM, requested_language

PORT: Final = 61161
MCA_PORT: Final = 16888

_POPUPS: Final = {
    "/popupForm": "getTbs",
    "/ChtPopupForm": "getTbs",
    "/CardManagement/CMCPopForm": "CMCAtn",
    "/PrintCard/ChtPopupFormPrintCard": "getTbs",
    "/eIDPM/ChtPopupFormEIDPM": "getTbs",
}
"""The popups, and with which word each of them says that it is ready."""
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
"""What manages cards, prints them or needs the vendor's keys, and what it calls its replies."""
_PAGE_HEADERS: Final = {
    hdrs.SERVER: "ankong",
    hdrs.CACHE_CONTROL: "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # No Cross-Origin-Opener-Policy: the popup has to reach the page that opened it.
}
Read: TypeAlias = Callable[[web.BaseRequest], Awaitable[Fields]]
_FRAMES: Final = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})


class HipkiDoor:
    """Serves the old component's paths; whatever else is asked for goes to the next handler."""

    def __init__(
        self,
        service: Service,
        consent: PopupConsent | None,
        settings: Settings,
        limits: Limits | None = None,
        language: Callable[[], str] = lambda: SYSTEM,
    ) -> None:
        """Put the parts together; reads our pages from the package.

        Args:
            service: what does the work.
            consent: keeps the citizen's answers; None where a flag answers for them.
            settings: the version that pages are told, the reader that they see, and whether they
                may hand the PIN over.
            limits: for each site.
            language: the citizen's choice, one of :data:`agent.words.CHOICES`.

        Raises:
            OSError: a page is missing: the installation is broken.

        """
        limits = limits or Limits()
        self._component = Component(service, settings)
        self._consent = consent
        self._language = language
        self._popup = PopupRoutes(self._component, service, consent, limits)
        self._limits = limits
        self._parsing = Parsing()
        self._rate = RateLimiter(limits.rate, limits.burst)
        self._routes = self._make_routes()

    def on(self, port: int, further: HttpHandler) -> HttpHandler:
        """Make the handler of one listening port.

        Args:
            port: that the Host header must name.
            further: answers the paths that are none of ours, with checks of its own.

        """
        return partial(self._handle, port, further)

    async def _handle(
        self, port: int, further: HttpHandler, request: web.BaseRequest
    ) -> web.StreamResponse:
        methods = self._routes.get(request.raw_path.partition("?")[0])
        if methods is None:
            return await further(request)
        try:
            guard.check_peer(request.remote)
            guard.check_host(request.headers.getall(hdrs.HOST, ()), port)
            if request.method == hdrs.METH_OPTIONS:
                return self._preflight(request, methods)
            return await methods.get(request.method, _no_such_method)(request)
        except AgentError as error:
            return refusal(error, None)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a code
            return refusal(unexpected(error), None)

    def _make_routes(self) -> Mapping[str, Mapping[str, HttpHandler]]:
        texts = {
            "/": (pages.banner(self._component.version), "text/plain"),
            "/errorcode.js": (pages.error_script().encode(), "text/javascript"),
            "/waiting.gif": (pages.waiting_gif(), "image/gif"),
        }
        routes: dict[str, dict[str, HttpHandler]] = {
            path: {"GET": _fixed(body, kind)} for path, (body, kind) in texts.items()
        }
        popup = Page.load("popup")
        for path, ready in _POPUPS.items():
            routes[path] = {"GET": self._page(popup, Kind.POPUP, ready=ready)}
        self_test = {"version": self._component.version, "product": __version__}
        page = self._page(Page.load("selftest"), Kind.SELF_TEST, **self_test)
        routes["/selfTest.htm"] = {"GET": page}
        routes["/addDomain"] = {"GET": partial(self._add_domain, Page.load("adddomain"))}
        routes["/p11Image.bmp"] = {"GET": self._image}
        for prefix in ("", "/cht_api"):
            information = f"{prefix}/pkcs11info"
            routes[information] = {"GET": self._information, "POST": self._information}
            routes[f"{prefix}/sign"] = {"POST": self._calling(Function.SIGN, "MakeSignature")}
            routes[f"{prefix}/decrypt"] = {"POST": self._calling(Function.DECRYPT, "DecryptData")}
        for path, name in _UNSUPPORTED.items():
            routes[path] = {"POST": self._calling(Function.UNSUPPORTED, name)}
        for path, handler in self._popup.routes().items():
            routes[path] = {"POST": handler}
        return routes

    # Pages.

    def _page(self, page: Page, kind: Kind, **fields: str) -> HttpHandler:
        async def handle(request: web.BaseRequest) -> web.Response:
            _refuse_frames(request)
            return await self._document(
                request, page, token=self._popup.tokens.issue(kind), **fields
            )

        return handle

    async def _add_domain(self, page: Page, request: web.BaseRequest) -> web.Response:
        _refuse_frames(request)
        domain = request.query.get("domain", "").strip()
        sites = pages.candidates(domain, LOCAL_PROGRAM)
        # Pages name a host; which port of it was refused, they do not say.
        refused = self._component.refused_of(domain.lower())
        if refused is not None:
            sites = [refused, *(site for site in sites if site != refused)]
        return await self._document(
            request,
            page,
            token=self._popup.tokens.issue(Kind.ADD_DOMAIN),
            candidates=json.dumps([pages.describe(site) for site in sites]),
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

    # What pages ask directly.

    async def _image(self, request: web.BaseRequest) -> web.Response:
        """Draw the readers for anybody; with card numbers only for whom the citizen allowed."""
        site = _who(request)
        if self._is_blocked(site):
            body = self._component.refusing_image()
        else:
            body = await self._component.image(site)
        named = site is not None and site != LOCAL_PROGRAM
        response = answer(body, site if named else None, content_type="image/bmp")
        if not named:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
        return response

    async def _information(self, request: web.BaseRequest) -> web.Response:
        site = _who(request)
        fields = await self._take(self._read_question, request, "pkcs11info", site)
        if isinstance(fields, web.Response):
            return fields
        return self._reply(await self._inform(site, fields), site)

    async def _inform(self, site: Origin | None, fields: Fields) -> dict[str, Any]:
        with_certificates = fields.flag("withcert")
        outcome = await self._component.admit(site) if with_certificates else None
        if site is not None and self._component.is_allowed(site):
            function = (
                Function.READ_CERTIFICATES if with_certificates else Function.CHECK_ENVIRONMENT
            )
            return await self._component.answer(site, function, "pkcs11info", fields)
        if self._is_blocked(site):
            return self._component.refusal("pkcs11info", Numbers(Major.UNTRUSTED_SITE))
        return self._component.public_information(fields, outcome)

    def _calling(self, function: Function, name: str) -> HttpHandler:
        async def handle(request: web.BaseRequest) -> web.Response:
            site = _who(request)
            fields = await self._take(self._read, request, name, site)
            if isinstance(fields, web.Response):
                return fields
            called = name or fields.text("func")
            if site is None:
                untrusted = Numbers(Major.UNTRUSTED_SITE)
                return self._reply(self._component.refusal(called, untrusted), site)
            reply = await self._component.answer(site, function, called, fields)
            return self._reply(reply, site)

        return handle

    async def _take(
        self, read: Read, request: web.BaseRequest, name: str, site: Origin | None
    ) -> Fields | web.Response:
        """Read what a page asks, or say no as the old component does: pages look for its fields."""
        try:
            if site is not None and site != LOCAL_PROGRAM:
                self._rate.check(site)
            return await read(request)
        except AgentError as error:
            status = HTTPStatus.OK
            if isinstance(error, Refused):
                status = HTTPStatus(error.status)
            elif error.code is ErrorCode.RATE_LIMITED:
                status = HTTPStatus.TOO_MANY_REQUESTS
            too_large = status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            why = Numbers(Major.TOO_LARGE) if too_large else numbers(error)
            response = self._reply(self._component.refusal(name, why), site, status)
            if isinstance(error, Refused):
                response.force_close()
            return response

    def _is_blocked(self, site: Origin | None) -> bool:
        return site is not None and self._consent is not None and self._consent.blocks(site)

    async def _read(self, request: web.BaseRequest) -> Fields:
        guard.check_length(request.content_length, MAX_BODY)
        raw = await read_body(request, MAX_BODY, self._limits.body_seconds)
        return await self._parsing.parse(parse_body, raw)

    async def _read_question(self, request: web.BaseRequest) -> Fields:
        """Read the query and, where it is any use, the body: most send none, and it may be odd."""
        query = dict(request.query)
        try:
            posted = await self._read(request)
        except HipkiError:
            return Fields(query)
        return Fields({**posted.values, **query})

    def _reply(
        self, fields: dict[str, Any], site: Origin | None, status: int = HTTPStatus.OK
    ) -> web.Response:
        """Answer with JSON that only an allowed site can read."""
        readable = site if site != LOCAL_PROGRAM and self._component.is_allowed(site) else None
        return answer(to_text(fields).encode(), readable, status=status, content_type=JSON_TYPE)

    def _preflight(
        self, request: web.BaseRequest, methods: Mapping[str, HttpHandler]
    ) -> web.Response:
        """Answer a CORS preflight (Fetch §4.8), for allowed sites and for the image."""
        site = _who(request)
        image = methods is self._routes["/p11Image.bmp"]
        if site in (None, LOCAL_PROGRAM) or not (image or self._component.is_allowed(site)):
            raise AgentError("not for this site", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        response = answer(b"", site, status=HTTPStatus.NO_CONTENT)
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = ", ".join(methods)
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "content-type"
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = PREFLIGHT_SECONDS
        if request.headers.get("Access-Control-Request-Private-Network") == "true":
            response.headers["Access-Control-Allow-Private-Network"] = "true"
        return response


def _who(request: web.BaseRequest) -> Origin | None:
    """Tell who asks, by the Origin header; a program that is no browser sends none.

    A browser's request without one (an address typed in, an image without CORS) is nobody's.
    """
    headers = request.headers
    origins = headers.getall(hdrs.ORIGIN, ())
    if not origins:
        return None if "Sec-Fetch-Site" in headers else LOCAL_PROGRAM
    try:
        return guard.read_site(origins)
    except Refused:
        return None


async def _no_such_method(request: web.BaseRequest) -> web.StreamResponse:
    del request
    raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, ErrorCode.BAD_REQUEST, "no such method")


def _refuse_frames(request: web.BaseRequest) -> None:
    if request.headers.get("Sec-Fetch-Dest") in _FRAMES:
        raise AgentError("not in a frame", code=ErrorCode.ORIGIN_NOT_ALLOWED)


def _fixed(body: bytes, content_type: str) -> HttpHandler:
    async def handle(request: web.BaseRequest) -> web.Response:
        del request
        response = answer(body, None, content_type=content_type)
        if content_type.startswith("text/"):
            response.charset = "utf-8"
        return response

    return handle
