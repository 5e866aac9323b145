"""HTTP in front of the panel: its own pages get in, with what only its own user has; no one else.

Nothing here ever sends a CORS header, so that no preflight succeeds and no other origin reads an
answer; and each request says by a header, which only a script of the panel can set, that it is one.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final, TypeAlias

from aiohttp import hdrs, web

from agent.errors import AgentError, ErrorCode
from agent.web.front import guard
from agent.web.front.endpoint import JSON_TYPE, HttpHandler, read_body, refusal, unexpected
from agent.web.front.guard import Refused
from agent.web.panel import messages
from agent.web.panel.files import ROOT, PanelFile
from agent.web.panel.sessions import LIFETIME, Sessions

KEY_HEADER: Final = "X-Ankong-Panel"
"""Carries the key; ``open`` in the one request that has none yet."""
COOKIE: Final = "__Secure-ankong-panel-{port}"
"""With the port, because a browser has one set of cookies for all ports of a host."""
MAX_BODY: Final = 16 * 1024  # bytes
BODY_SECONDS: Final = 10.0
API: Final = f"{ROOT}api/"
OPEN: Final = f"{API}open"
CLOSE: Final = f"{API}close"

Answer: TypeAlias = Callable[[web.BaseRequest, bytes], Awaitable[web.StreamResponse]]
"""Answers a request that has passed every check; with its body, empty for GET."""
Calls: TypeAlias = Mapping[str, Mapping[str, Answer]]
"""Name below ``/panel/api/`` to HTTP method to what it does."""

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
# Fetch Metadata Request Headers, W3C. "none": the citizen typed the address, or another program
# opened it; a link on a page, even one on another port of this computer, is no such thing.
_FROM_US: Final = frozenset({"same-origin", "none"})
_DESTINATIONS: Final = frozenset({"document", "empty", "image", "script", "style"})


class PanelDoor:
    """Serves ``/panel/``; whatever else is asked for goes to the next handler."""

    def __init__(
        self,
        files: Mapping[str, PanelFile],
        calls: Calls,
        spend_token: Callable[[str], bool],
        sessions: Sessions | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            files: the pages, by path.
            calls: what the pages may ask for.
            spend_token: tells whether a token from the tray or the command line is good, once.
            sessions: who has opened the panel.

        """
        self._files = files
        self._calls = calls
        self._spend_token = spend_token
        self._sessions = sessions or Sessions()

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
        path = request.raw_path.partition("?")[0]
        if path != ROOT.rstrip("/") and not path.startswith(ROOT):
            return await further(request)
        try:
            response = await self._answer(port, path, request)
        except AgentError as error:
            response = refusal(error, None)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page gets a code
            response = refusal(unexpected(error), None)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def _answer(self, port: int, path: str, request: web.BaseRequest) -> web.StreamResponse:
        _check_sender(request, port)
        if path.startswith(API):
            return await self._call(port, path, request)
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            raise _no_such_method()
        if path == ROOT.rstrip("/"):
            return web.Response(status=HTTPStatus.PERMANENT_REDIRECT, headers={hdrs.LOCATION: ROOT})
        file = self._files.get(path)
        if file is None:
            raise _no_such_path()
        charset = "utf-8" if file.content_type.startswith("text/") else None
        return web.Response(body=file.body, content_type=file.content_type, charset=charset)

    async def _call(self, port: int, path: str, request: web.BaseRequest) -> web.StreamResponse:
        cookie_name = COOKIE.format(port=port)
        body = await _checked_body(request)
        if path == OPEN:
            return self._open(cookie_name, request, body)
        cookie = request.cookies.get(cookie_name, "")
        if not self._sessions.check(cookie, _one(request, KEY_HEADER)):
            raise Refused(
                HTTPStatus.UNAUTHORIZED, ErrorCode.ORIGIN_NOT_ALLOWED, "the panel is not open"
            )
        if path == CLOSE and request.method == hdrs.METH_POST:
            self._sessions.close(cookie)
            return _forget(cookie_name)
        methods = self._calls.get(path.removeprefix(API))
        if methods is None:
            raise _no_such_path()
        if request.method not in methods:
            raise _no_such_method()
        return await methods[request.method](request, body)

    def _open(self, cookie_name: str, request: web.BaseRequest, body: bytes) -> web.Response:
        if request.method != hdrs.METH_POST:
            raise _no_such_method()
        if _one(request, KEY_HEADER) != "open":
            raise Refused(HTTPStatus.FORBIDDEN, ErrorCode.ORIGIN_NOT_ALLOWED, "not our page")
        if not self._spend_token(messages.read(messages.OpenPanel, body).token):
            raise Refused(
                HTTPStatus.UNAUTHORIZED, ErrorCode.ORIGIN_NOT_ALLOWED, "the token is not good"
            )
        opened = self._sessions.open()
        response = json_answer(messages.write({"key": opened.key}))
        response.set_cookie(
            cookie_name,
            opened.cookie,
            path=ROOT,
            max_age=int(LIFETIME),
            secure=True,
            httponly=True,
            samesite="Strict",
        )
        return response


def json_answer(body: bytes) -> web.Response:
    """Make an answer of JSON."""
    return web.Response(body=body, content_type=JSON_TYPE)


def _check_sender(request: web.BaseRequest, port: int) -> None:
    """Refuse everything but our own pages, the address bar, and programs that are no browser.

    Raises:
        Refused: another origin asks, or a frame.

    """
    headers = request.headers
    guard.check_peer(request.remote)
    hosts = headers.getall(hdrs.HOST, ())
    guard.check_host(hosts, port)
    origins = headers.getall(hdrs.ORIGIN, ())
    if origins and list(origins) != [f"https://{host}" for host in hosts]:
        raise _not_ours("another origin")
    if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD) and not origins:
        raise _not_ours("no origin")
    if headers.get("Sec-Fetch-Site", "same-origin") not in _FROM_US:
        raise _not_ours("from another site")
    if headers.get("Sec-Fetch-Dest", "empty") not in _DESTINATIONS:
        raise _not_ours("not in a frame")


async def _checked_body(request: web.BaseRequest) -> bytes:
    """Read what a call carries.

    Raises:
        Refused: not a request that our own script makes.

    """
    headers = request.headers
    if not _one(request, KEY_HEADER):
        raise _not_ours("the header of our pages is missing")
    if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise _not_ours("a call comes from our page")
    if request.method == hdrs.METH_GET:
        return b""
    types = headers.getall(hdrs.CONTENT_TYPE, ())
    guard.check_content_type(types, headers.getall(hdrs.CONTENT_ENCODING, ()))
    guard.check_length(request.content_length, MAX_BODY)
    return await read_body(request, MAX_BODY, BODY_SECONDS)


def _one(request: web.BaseRequest, name: str) -> str:
    """Return the one header of that name; empty when there is none, or two."""
    lines = request.headers.getall(name, ())
    return lines[0] if len(lines) == 1 else ""


def _forget(cookie_name: str) -> web.Response:
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    response.del_cookie(cookie_name, path=ROOT, secure=True, httponly=True, samesite="Strict")
    return response


def _not_ours(detail: str) -> Refused:
    return Refused(HTTPStatus.FORBIDDEN, ErrorCode.ORIGIN_NOT_ALLOWED, detail)


def _no_such_path() -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, ErrorCode.BAD_REQUEST, "there is no such path")


def _no_such_method() -> Refused:
    return Refused(HTTPStatus.METHOD_NOT_ALLOWED, ErrorCode.BAD_REQUEST, "no such method")
