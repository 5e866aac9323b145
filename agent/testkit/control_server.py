"""The listener of the test control: loopback, one token for each run, and no browser's requests."""

import asyncio
import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import structlog
from aiohttp import hdrs, web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.testkit.control_calls import Answer, refused
from agent.testkit.mistakes import MAX_BODY, RefusedControlError, not_found

HOST: Final = "127.0.0.1"
ROOT: Final = "/v1/"
_BROWSERS: Final = "sec-fetch-"
_TOKEN_BYTES: Final = 32
_SHUTDOWN_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


class _ControlConnection(web.RequestHandler):
    """One connection; aiohttp's own answer to what is no HTTP would quote it, perhaps a token."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        del request, status, exc, message
        response = refused(RefusedControlError(HTTPStatus.BAD_REQUEST, "not HTTP/1.1"))
        response.force_close()
        return response


class _ControlListener(web.Server):
    """Makes our connections."""

    def __call__(self) -> web.RequestHandler:
        return _ControlConnection(self, loop=self._loop, **self._kwargs)


class ControlServer:
    """Answers testers' programs, and nobody else.

    Attributes:
        token: what they have to show.

    """

    def __init__(self, routes: Mapping[tuple[str, str], Answer]) -> None:
        """Listen nowhere yet.

        Args:
            routes: what is answered, by method and path below ``/v1/``.

        """
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._routes = {
            (method, tuple(path.split("/"))): answer for (method, path), answer in routes.items()
        }
        silent = getLogger("aiohttp.server.control")  # its messages quote what was sent
        silent.setLevel(CRITICAL + 1)
        self._server = _ControlListener(
            self._answer, access_log=None, auto_decompress=False, logger=silent
        )
        self._listening: asyncio.Server | None = None

    async def open(self) -> str:
        """Listen on a free port; return the address."""
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._server, HOST, 0)
        port = self._listening.sockets[0].getsockname()[1]
        self._host = f"{HOST}:{port}"
        return f"http://{self._host}"

    async def close(self) -> None:
        """Stop listening, and cut what is open."""
        if self._listening is not None:
            self._listening.close()
        await self._server.shutdown(_SHUTDOWN_SECONDS)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            self._check(request)
            answer, names = self._find(request)
            return await answer(request, names)
        except RefusedControlError as error:
            return refused(error)
        except web.HTTPRequestEntityTooLarge:
            too_large = RefusedControlError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long")
            return refused(too_large)
        except (web.RequestPayloadError, ConnectionError):
            return refused(RefusedControlError(HTTPStatus.BAD_REQUEST, "the body broke off"))
        except Exception:  # noqa: BLE001  # the next request is to be answered again
            _log.exception("a request of the test control failed", path=request.path)
            failed = RefusedControlError(HTTPStatus.INTERNAL_SERVER_ERROR, "see the agent's log")
            return refused(failed)

    def _check(self, request: web.BaseRequest) -> None:
        """Refuse browsers first, then whoever does not know the token.

        Raises:
            RefusedControlError: 403 or 401.

        """
        headers = request.headers
        from_browser = hdrs.ORIGIN in headers or any(
            name.lower().startswith(_BROWSERS) for name in headers
        )
        if from_browser or headers.getall(hdrs.HOST, []) != [self._host]:
            raise RefusedControlError(HTTPStatus.FORBIDDEN, "not for browsers")
        shown = headers.getall(hdrs.AUTHORIZATION, [""])
        wanted = f"Bearer {self.token}".encode()
        is_known = hmac.compare_digest(shown[0].encode("utf-8", "surrogateescape"), wanted)
        if len(shown) != 1 or not is_known:
            raise RefusedControlError(HTTPStatus.UNAUTHORIZED, "the token is not this run's")
        if int(headers.get(hdrs.CONTENT_LENGTH, 0)) > MAX_BODY:
            raise RefusedControlError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long")

    def _find(self, request: web.BaseRequest) -> tuple[Answer, list[str]]:
        path = request.raw_path.partition("?")[0]
        if not path.startswith(ROOT):
            raise not_found("there is no such request")
        parts = path.removeprefix(ROOT).split("/")
        alike = {
            method: (answer, names)
            for (method, wanted), answer in self._routes.items()
            if (names := _names(wanted, parts)) is not None
        }
        if not alike:
            raise not_found("there is no such request")
        if request.method not in alike:
            raise RefusedControlError(HTTPStatus.METHOD_NOT_ALLOWED, "not with this method")
        return alike[request.method]


def _names(wanted: tuple[str, ...], parts: list[str]) -> list[str] | None:
    """Return the names in a path that stand for ``*``; None where it is another path."""
    if len(wanted) != len(parts):
        return None
    names = []
    for one, other in zip(wanted, parts, strict=True):
        if one == "*":
            names.append(unquote(other))
        elif one != other:
            return None
    return names


def spki_of(leaf: Path) -> str:
    """Return base64 of the SHA-256 of a certificate's public key, as browsers pin it; blocks.

    Args:
        leaf: PEM.

    Raises:
        OSError: the file cannot be read.

    """
    key = x509.load_pem_x509_certificate(leaf.read_bytes()).public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(sha256(info).digest()).decode("ascii")
