"""The installers that step 4 offers, from one directory that the operator names.

Files are hashed when the portal starts. A file that has changed since is never sent completely, so
that a visitor gets exactly what was hashed, or nothing.
"""

import asyncio
import base64
import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from aiohttp import hdrs, web

from agent.portal.errors import PortalCode, PortalError

_KINDS: Final = {
    ".exe": "windows",
    ".msi": "windows",
    ".dmg": "macos",
    ".pkg": "macos",
    ".appimage": "linux",
    ".deb": "linux",
    ".rpm": "linux",
    ".run": "linux",
    ".tar.gz": "linux",
}
"""Suffix to system; anything else in the directory is not offered."""
URL_PREFIX: Final = "/downloads/"
SUMS: Final = "SHA256SUMS"
"""What the build published; where it lies there, what it does not say is not offered either."""
_SUM: Final = re.compile(r"([0-9a-f]{64}) [ *]([^/\\\s]+)")
_MAX_SUMS: Final = 64 * 1024  # octets
_CHUNK: Final = 256 * 1024  # octets

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """One installer.

    Attributes:
        path: of the file.
        system: windows, macos or linux.
        kind: the suffix without its dot.
        size: in octets, of what was read at start.
        sha256: of what was read at start, lower hex.

    """

    path: Path
    system: str
    kind: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def url(self) -> str:
        """The URL path of the file."""
        return f"{URL_PREFIX}{self.name}"


def find_artefacts(directory: Path | None) -> tuple[OfferedFile, ...]:
    """Hash the installers and return them by name; none without a directory."""
    if directory is None or not directory.is_dir():
        return ()
    published = _published(directory / SUMS)
    found = (_read(path) for path in sorted(directory.iterdir()))
    return tuple(each for each in found if each is not None and _is_published(each, published))


async def send(artefact: OfferedFile, request: web.Request) -> web.StreamResponse:
    """Send an installer; the last octets only when the whole file has the hash of the start.

    Raises:
        PortalError: it does not exist any more, or has another size.

    """
    try:
        file = await asyncio.to_thread(artefact.path.open, "rb")
    except OSError as error:
        raise PortalError(PortalCode.NOT_FOUND, f"{artefact.name}: {error.strerror}") from error
    with file:
        if await asyncio.to_thread(_size, file) != artefact.size:
            raise PortalError(PortalCode.NOT_FOUND, f"{artefact.name} has changed since the start")
        response = web.StreamResponse(headers=_headers(artefact))
        response.content_length = artefact.size
        await response.prepare(request)
        if request.method == hdrs.METH_GET:
            await _send_checked(artefact, file, request, response)
        return response


async def _send_checked(
    artefact: OfferedFile, file: BinaryIO, request: web.Request, response: web.StreamResponse
) -> None:
    digest = hashlib.sha256()
    held = b""
    sent = 0
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        digest.update(chunk)
        sent += len(held)
        if sent + len(chunk) > artefact.size:
            break  # it grows under our eyes
        if held:
            await response.write(held)
        held = chunk
    if sent + len(held) == artefact.size and digest.hexdigest() == artefact.sha256:
        await response.write(held)
        await response.write_eof()
        return
    _LOG.error("%s has changed since the start: the download was cut off", artefact.name)
    if request.transport is not None:
        request.transport.abort()


def _headers(artefact: OfferedFile) -> Mapping[str, str]:
    digest = base64.b64encode(bytes.fromhex(artefact.sha256)).decode()
    return {
        hdrs.CONTENT_TYPE: "application/octet-stream",
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{artefact.name}"',
        "Repr-Digest": f"sha-256=:{digest}:",  # RFC 9530
    }


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


def _read(path: Path) -> OfferedFile | None:
    suffix = _suffix_of(path.name)
    if suffix is None or path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    return OfferedFile(path, _KINDS[suffix], suffix.removeprefix("."), size, digest.hexdigest())


def _suffix_of(name: str) -> str | None:
    # It goes into a header and into commands that people copy.
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+~-]*", name) is None:
        return None
    return next((suffix for suffix in _KINDS if name.lower().endswith(suffix)), None)


def _published(sums: Path) -> Mapping[str, str] | None:
    """Return the digests of SHA256SUMS by name; None without that file."""
    try:
        with sums.open("rb") as file:
            lines = file.read(_MAX_SUMS).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    found = (_SUM.fullmatch(line) for line in lines)
    return {each[2]: each[1] for each in found if each is not None}


def _is_published(artefact: OfferedFile, published: Mapping[str, str] | None) -> bool:
    if published is None or published.get(artefact.name) == artefact.sha256:
        return True
    _LOG.error("%s is not what %s says: it is not offered", artefact.name, SUMS)
    return False
