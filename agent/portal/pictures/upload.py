"""Receive a form with one file in it, without holding the file in memory."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from agent.portal.errors import PortalCode, PortalError
from agent.portal.pictures.limits import MAX_BYTES
from agent.portal.pictures.reencoder import Reencoder
from agent.portal.pictures.spool import SealedSpool

RECEIVING: Final = 128
"""How many files may be on their way at the same time."""

RECEIVING_EACH: Final = 2
"""How many of them may be one member's."""

_MAX_FIELDS: Final = 32
_MAX_TEXT_BYTES: Final = 8 * 1024
_MAX_REQUEST_BYTES: Final = MAX_BYTES + _MAX_FIELDS * (_MAX_TEXT_BYTES + 1024)
_CHUNK_BYTES: Final = 64 * 1024
_PIECE_BYTES: Final = 256 * 1024
_BROKEN: Final = (
    ValueError,
    EOFError,
    HttpProcessingError,
    web.RequestPayloadError,
    ConnectionError,
)


@dataclass(frozen=True, slots=True)
class SenderPatience:
    """How slow a sender may be, in seconds.

    Attributes:
        silence: without anything of the file.
        whole: for all of it; 10 MB in that time is half a megabit a second.

    """

    silence: float = 20.0
    whole: float = 160.0


@dataclass(frozen=True, slots=True)
class PictureForm:
    """What a form held.

    Attributes:
        fields: its other fields; of one that comes twice the last.
        pictures: of its file, made anew: one JPEG, or one for each page of a PDF.

    """

    fields: Mapping[str, str]
    pictures: tuple[bytes, ...]


class UploadReader:
    """Receives forms with a picture in them."""

    def __init__(
        self,
        reencoder: Reencoder,
        patience: SenderPatience | None = None,
        receiving: int = RECEIVING,
    ) -> None:
        """Receive for ``reencoder``; ``receiving`` files at once."""
        self._reencoder = reencoder
        self._patience = patience or SenderPatience()
        self._receiving = receiving
        self._busy: Counter[str] = Counter()

    async def read(self, request: web.Request, field: str, owner: str) -> PictureForm:
        """Return what a form of ``multipart/form-data`` (RFC 7578) held.

        Args:
            request: whose body nobody has read yet.
            field: the name of the file's field; files of other fields are refused.
            owner: who sends it, such as the member's identifier.

        Raises:
            PortalError: ``picture_…``, or ``bad_request`` for what no form of ours sends.

        """
        if request.content_type != "multipart/form-data":
            raise PortalError(PortalCode.BAD_REQUEST, "no multipart/form-data")
        if (request.content_length or 0) > _MAX_REQUEST_BYTES:
            raise PortalError(PortalCode.PICTURE_TOO_LARGE, "announced")
        with self._place(owner):
            fields, file = await self._receive(request, field)
            return PictureForm(fields, await self._reencoder.reencode(file))

    @contextmanager
    def _place(self, owner: str) -> Iterator[None]:
        if self._busy[owner] >= RECEIVING_EACH or self._busy.total() >= self._receiving:
            raise PortalError(PortalCode.PICTURE_BUSY, "receiving")
        self._busy[owner] += 1
        try:
            yield
        finally:
            self._busy[owner] -= 1
            self._busy += Counter()  # forgets who has none left

    async def _receive(
        self, request: web.Request, field: str
    ) -> tuple[dict[str, str], SealedSpool]:
        """Return the fields, and the file, which the caller has to close."""
        try:
            file = await asyncio.to_thread(SealedSpool)
        except OSError as error:
            raise PortalError(PortalCode.UNAVAILABLE, "no temporary file") from error
        try:
            return await self._receive_into(file, request, field), file
        except BaseException:
            await asyncio.shield(asyncio.to_thread(file.close))
            raise

    async def _receive_into(
        self, file: SealedSpool, request: web.Request, field: str
    ) -> dict[str, str]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience.whole
        try:
            async with asyncio.timeout(self._patience.silence) as limit:

                def came() -> None:
                    limit.reschedule(min(end, loop.time() + self._patience.silence))

                receiver = _Receiver(file, field, came)
                return await receiver.receive(await request.multipart())
        except TimeoutError as error:
            raise PortalError(PortalCode.PICTURE_TOO_SLOW) from error
        except _BROKEN as error:
            raise PortalError(PortalCode.BAD_REQUEST, f"form: {type(error).__name__}") from error
        except OSError as error:
            raise PortalError(PortalCode.UNAVAILABLE, "temporary file") from error


class _Receiver:
    """Takes one form apart."""

    def __init__(self, file: SealedSpool, field: str, came: Callable[[], None]) -> None:
        self._file = file
        self._field = field
        self._came = came
        self._fields: dict[str, str] = {}
        self._parts = 0
        self._size: int | None = None

    async def receive(self, reader: MultipartReader) -> dict[str, str]:
        while (part := await reader.next()) is not None:
            self._came()
            self._parts += 1
            if self._parts > _MAX_FIELDS or not isinstance(part, BodyPartReader) or not part.name:
                raise PortalError(PortalCode.BAD_REQUEST, "parts of a form")
            if part.filename is None:
                self._fields[part.name] = await self._text(part)
            else:
                await self._take_file(part)
        if not self._size:
            raise PortalError(PortalCode.PICTURE_EMPTY)
        return self._fields

    async def _text(self, part: BodyPartReader) -> str:
        text = bytearray()
        while not part.at_eof():
            text += await part.read_chunk(_CHUNK_BYTES)
            self._came()
            if len(text) > _MAX_TEXT_BYTES:
                raise PortalError(PortalCode.BAD_REQUEST, "text of a form")
        return text.decode()

    async def _take_file(self, part: BodyPartReader) -> None:
        if part.name != self._field or self._size is not None:
            raise PortalError(PortalCode.BAD_REQUEST, "another file")
        self._size = 0
        gathered = bytearray()
        while not part.at_eof():
            chunk = await part.read_chunk(_CHUNK_BYTES)
            self._came()
            self._size += len(chunk)
            if self._size > MAX_BYTES:
                raise PortalError(PortalCode.PICTURE_TOO_LARGE)
            gathered += chunk
            if len(gathered) >= _PIECE_BYTES or part.at_eof():
                piece = bytes(gathered)
                gathered.clear()
                await asyncio.to_thread(self._file.write, piece)
