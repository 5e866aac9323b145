"""The panel's mount: its own pages get in, with what only its own user has; no one else.

Nothing here ever sends a CORS header, so that no preflight succeeds and no other origin reads an
answer; and each request says by a header, which only a script of the panel can set, that it is one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final, Protocol, TypeVar

from aiohttp import hdrs, web

from agent.errors import AgentError, ErrorCode
from agent.origin import LOCAL_USER, PANEL, Origin
from agent.secret import wipe
from agent.size_limits import MAX_PANEL_BODY, MAX_PDF
from agent.web.front import guard
from agent.web.front.answer import JSON_TYPE
from agent.web.front.audience import Audience
from agent.web.front.body import read_body
from agent.web.front.guard import Refused, RequestPurpose
from agent.web.front.mount import Handler, Mount, Route, Routes
from agent.web.front.refusal import refusal
from agent.web.panel import messages
from agent.web.panel.files import ROOT, PanelFile
from agent.web.panel.sessions import LIFETIME, Sessions, session_name

KEY_HEADER: Final = "X-Ankong-Panel"
"""Carries the key; ``open`` in the one request that has none yet."""
COOKIE: Final = "__Secure-ankong-panel-{port}"
"""With the port, because a browser has one set of cookies for all ports of a host."""
BODY_SECONDS: Final = 10.0
OCTETS: Final = "application/octet-stream"
API: Final = f"{ROOT}api/"
OPEN: Final = f"{API}open"
CLOSE: Final = f"{API}close"
QUESTION: Final = "question"
"""Below ``/panel/api/``: what belongs to the page of one question, which has a key of its own."""
_QUESTION_OPEN: Final = f"{API}{QUESTION}/open"

M = TypeVar("M", bound=messages.PanelMessage)

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS: Final = {
    hdrs.SERVER: "ankong",
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Nothing but the panel itself draws documents, in a worker whose one address its script lets pass.
DRAWING_HEADERS: Final = {
    **HEADERS,
    "Content-Security-Policy": _POLICY.removesuffix("'none'") + "ankong-worker; worker-src 'self'",
}
"""Of the panel's own page, as :data:`HEADERS` are of everything else."""
# Fetch Metadata Request Headers, W3C. "none": the citizen typed the address, or another program
# opened it; a link on a page, even one on another port of this computer, is no such thing.
_FROM_US: Final = frozenset({"same-origin", "none"})
_DESTINATIONS: Final = frozenset({"document", "empty", "image", "script", "style", "worker"})


class SessionKeeper(Protocol):
    """Keeps something for each browser that has opened the panel."""

    async def forget(self, session: bytes) -> None:
        """Let go of what one session has."""

    async def close(self) -> None:
        """Let go of everything."""


class PanelMount(Mount):
    """``/panel/``: the pages' files, and what the pages may ask for below ``/panel/api/``."""

    headers = HEADERS
    is_recorded = False

    def __init__(  # noqa: PLR0913  # all that its own pages have
        self,
        files: Mapping[str, PanelFile],
        calls: Routes,
        spend_token: Callable[[str], bool],
        sessions: Sessions | None = None,
        *,
        is_question_key: Callable[[str], bool] = lambda _: False,
        documents: SessionKeeper | None = None,
    ) -> None:
        """Begin with nobody's session.

        Args:
            files: the pages, by path.
            calls: what the pages may ask for, by name below ``/panel/api/``.
            spend_token: tells whether a token from the tray or the command line is good, once.
            sessions: who has opened the panel.
            is_question_key: tells whether the page of a question that is asked now has this key.
            documents: keeps something for each session, and is told when one ends.

        """
        self._spend_token = spend_token
        self._is_question_key = is_question_key
        self._sessions = sessions or Sessions()
        self._documents = documents
        super().__init__(
            {
                ROOT.rstrip("/"): _file_route(_redirect),
                **{path: _file_route(serving(file)) for path, file in files.items()},
                **{f"{API}{name}": methods for name, methods in calls.items()},
                OPEN: {"POST": posted(messages.OpenPanel, self._open)},
                CLOSE: {"POST": asked_for(self._close, RequestPurpose.CALL)},
            }
        )

    async def close(self) -> None:
        """Let go of what is kept for sessions: the agent goes away."""
        if self._documents is not None:
            await self._documents.close()

    def headers_of(self, path: str) -> Mapping[str, str]:
        """Return the headers of every answer at a path."""
        return DRAWING_HEADERS if path == ROOT else self.headers

    def claims(self, path: str) -> bool:
        """Return whether a path is ``/panel`` or below it, whether or not there is such a page."""
        return path == ROOT.rstrip("/") or path.startswith(ROOT)

    def identify(self, request: web.BaseRequest) -> Origin | None:
        """Return whether our page asks (PANEL), or one that is to be opened (LOCAL_USER).

        Files of the pages are nobody's in particular.

        Raises:
            Refused: another origin asks, a frame, a page that the citizen has not opened, or one
                of a question that has ended.

        """
        _check_sender(request)
        path = request.raw_path.partition("?")[0]
        if not path.startswith(API):
            return None
        _check_script(request)
        key = key_of(request)
        if path in (OPEN, _QUESTION_OPEN):
            if key != "open":
                raise _not_ours("not our page")
            return LOCAL_USER
        if path == f"{API}{QUESTION}" or path.startswith(f"{API}{QUESTION}/"):
            # Neither opens the other: who has the panel open answers no question by that.
            if not self._is_question_key(key):
                raise Refused(401, ErrorCode.ORIGIN_NOT_ALLOWED, "no question has this key")
            return PANEL
        if not self._sessions.check(request.cookies.get(_cookie_name(request), ""), key):
            raise Refused(401, ErrorCode.ORIGIN_NOT_ALLOWED, "the panel is not open")
        return PANEL

    def refuse(self, error: AgentError, caller: Origin | None) -> web.Response:
        """Return an answer that no page of another origin can read."""
        del caller
        return refusal(error, None)

    async def _open(
        self, request: web.BaseRequest, wanted: messages.OpenPanel
    ) -> web.StreamResponse:
        if not self._spend_token(wanted.token):
            raise Refused(401, ErrorCode.ORIGIN_NOT_ALLOWED, "the token is not good")
        opened = self._sessions.open()
        response = json_answer(messages.write({"key": opened.key}))
        response.set_cookie(
            _cookie_name(request),
            opened.cookie,
            path=ROOT,
            max_age=int(LIFETIME),
            secure=True,
            httponly=True,
            samesite="Strict",
        )
        return response

    async def _close(self, request: web.BaseRequest) -> web.StreamResponse:
        name = _cookie_name(request)
        self._sessions.close(request.cookies.get(name, ""))
        if self._documents is not None:
            await self._documents.forget(session_of(request))
        response = web.Response(status=HTTPStatus.NO_CONTENT)
        response.del_cookie(name, path=ROOT, secure=True, httponly=True, samesite="Strict")
        return response


def asked_for(
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    purpose: RequestPurpose = RequestPurpose.READ,
) -> Route:
    """Return the route of what a page of the panel asks for without a message."""

    async def handle(request: web.BaseRequest, _caller: Origin | None) -> web.StreamResponse:
        return await answer(request)

    return Route(handle, Audience.PANEL, purpose, MAX_PANEL_BODY)


def posted(
    kind: type[M], answer: Callable[[web.BaseRequest, M], Awaitable[web.StreamResponse]]
) -> Route:
    """Return the route of a message, which says itself who may send it."""

    async def handle(request: web.BaseRequest, _caller: Origin | None) -> web.StreamResponse:
        raw = await read_body(request, MAX_PANEL_BODY, BODY_SECONDS)
        try:
            message = messages.read(kind, raw)
        finally:
            wipe(raw)
        return await answer(request, message)

    return Route(handle, kind.audience, RequestPurpose.CALL, MAX_PANEL_BODY)


def uploaded(answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> Route:
    """Return the route of a file's octets, which the answer reads piece by piece."""

    async def handle(request: web.BaseRequest, _caller: Origin | None) -> web.StreamResponse:
        _check_octets(request)
        return await answer(request)

    return Route(handle, Audience.PANEL, RequestPurpose.READ, MAX_PDF)


def _check_octets(request: web.BaseRequest) -> None:
    """Refuse what our script does not send: another type, any encoding, a form's body.

    Raises:
        Refused: it is not ours.

    """
    headers = request.headers
    guard.check_fetch_metadata(headers, RequestPurpose.CALL)
    if headers.getall(hdrs.CONTENT_TYPE, ()) != [OCTETS] or hdrs.CONTENT_ENCODING in headers:
        raise Refused(415, ErrorCode.BAD_REQUEST, f"Content-Type must be {OCTETS}")


def session_of(request: web.BaseRequest) -> bytes:
    """Return the session that a request of :data:`PANEL` belongs to."""
    return session_name(request.cookies.get(_cookie_name(request), ""))


def _file_route(handler: Handler) -> Mapping[str, Route]:
    """Return the route of a file; :func:`_check_sender` knows better than fetch metadata do."""
    route = Route(handler, Audience.EVERYBODY, None, 0)
    return {"GET": route, "HEAD": route}


def serving(file: PanelFile) -> Handler:
    """Answer with a file, whoever asks."""
    charset = "utf-8" if file.content_type.startswith("text/") else None

    async def handle(_request: web.BaseRequest, _caller: Origin | None) -> web.Response:
        body = await asyncio.to_thread(file.read)
        return web.Response(body=body, content_type=file.content_type, charset=charset)

    return handle


async def _redirect(_request: web.BaseRequest, _caller: Origin | None) -> web.Response:
    return web.Response(status=HTTPStatus.PERMANENT_REDIRECT, headers={hdrs.LOCATION: ROOT})


def _cookie_name(request: web.BaseRequest) -> str:
    return COOKIE.format(port=request.headers[hdrs.HOST].rpartition(":")[2])


def json_answer(body: bytes) -> web.Response:
    """Make an answer of JSON."""
    return web.Response(body=body, content_type=JSON_TYPE)


def _check_sender(request: web.BaseRequest) -> None:
    """Refuse everything but our own pages, the address bar, and programs that are no browser.

    Raises:
        Refused: another origin asks, or a frame.

    """
    headers = request.headers
    origins = headers.getall(hdrs.ORIGIN, ())
    if origins and list(origins) != [f"https://{headers[hdrs.HOST]}"]:
        raise _not_ours("another origin")
    if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD) and not origins:
        raise _not_ours("no origin")
    if headers.get("Sec-Fetch-Site", "same-origin") not in _FROM_US:
        raise _not_ours("from another site")
    if headers.get("Sec-Fetch-Dest", "empty") not in _DESTINATIONS:
        raise _not_ours("not in a frame")


def _check_script(request: web.BaseRequest) -> None:
    """Refuse what no script of our own pages sends.

    Raises:
        Refused: there is no header that only our script can set, or a browser says otherwise.

    """
    if not key_of(request):
        raise _not_ours("the header of our pages is missing")
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise _not_ours("a call comes from our page")


def key_of(request: web.BaseRequest) -> str:
    """Return the one key that a page sends; empty when there is none, or two."""
    lines = request.headers.getall(KEY_HEADER, ())
    return lines[0] if len(lines) == 1 else ""


def _not_ours(detail: str) -> Refused:
    return Refused(HTTPStatus.FORBIDDEN, ErrorCode.ORIGIN_NOT_ALLOWED, detail)
