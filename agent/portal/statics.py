"""The page's files, read once at start: no path from a request ever reaches a file system."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

from agent.portal.errors import PortalCode, PortalError
from agent.words.browser import browser_module, spoken_page

_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""Files of other kinds are not served."""

_TEXT: Final = frozenset({"text/css", "text/html", "text/javascript"})


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file in memory; ``etag`` is a strong validator without its quotes (RFC 9110 §8.8.3)."""

    body: bytes
    content_type: str
    etag: str


def load_statics() -> Mapping[str, StaticFile]:
    """Read the page and the SDK; keys are URL paths.

    The page's files are found both under ``/static/`` and beside ``/``, where its relative links
    lead.
    """
    found: dict[str, StaticFile] = {}
    for name, file in _walk(files("agent").joinpath("portal", "static"), ""):
        found[f"/{name}"] = found[f"/static/{name}"] = file
    texts = _file(browser_module("portal", "codes", "common").encode(), "text/javascript")
    found["/js/texts.js"] = found["/static/js/texts.js"] = texts
    page = spoken_page(found["/index.html"].body.decode()).encode()
    for path in ("/", "/index.html", "/static/index.html"):
        found[path] = _file(page, "text/html")
    for name in ("ankong.js", "digest.js", "pdf.js", "pinbox.js"):
        sdk = _load(files("agent").joinpath("web", "sdk", name))
        if sdk is not None:
            found[f"/sdk/{name}"] = sdk
    return found


def _walk(directory: Traversable, prefix: str) -> list[tuple[str, StaticFile]]:
    found: list[tuple[str, StaticFile]] = []
    for entry in directory.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        elif (file := _load(entry)) is not None:
            found.append((f"{prefix}{entry.name}", file))
    return found


def _load(entry: Traversable) -> StaticFile | None:
    suffix = "." + entry.name.rpartition(".")[2]
    if suffix not in _TYPES or not entry.is_file():
        return None
    return _file(entry.read_bytes(), _TYPES[suffix])


def _file(body: bytes, content_type: str) -> StaticFile:
    return StaticFile(body, content_type, hashlib.sha256(body).hexdigest()[:32])


def serve_static(statics: Mapping[str, StaticFile], request: web.Request) -> web.Response:
    """Answer with a file; the browser keeps it but asks each time whether it has changed.

    Raises:
        PortalError: ``not_found``.

    """
    file = statics.get(request.path)
    if file is None:
        raise PortalError(PortalCode.NOT_FOUND)
    known = {tag.value for tag in request.if_none_match or ()}
    unchanged = file.etag in known
    response = web.Response(
        status=HTTPStatus.NOT_MODIFIED if unchanged else HTTPStatus.OK,
        body=None if unchanged else file.body,
        content_type=file.content_type,
        charset="utf-8" if file.content_type in _TEXT else None,
        headers={"Cache-Control": "no-cache"},
    )
    response.etag = file.etag
    return response
