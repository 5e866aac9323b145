"""The files of a citizen card: the card's number, the two directories and the certificates.

Both generations lay them out alike; each selects them in its own way.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

import structlog

from agent.cards.card import StoredCertificate
from agent.cards.citizen.pkcs15 import CertificateEntry, parse_certificate_entry, read_directory
from agent.cards.session import CardSession
from agent.errors import CardError, UnsupportedCardError
from agent.iso7816 import SW, CommandApdu
from agent.iso7816.tlv import Tlv

DF_SERIAL = 0x0900
EF_SERIAL = 0x0903
SERIAL_LENGTH = 16
DF_PKI = 0x5030
EF_PRIVATE_KEY_DIRECTORY = 0x4100
EF_CERTIFICATE_DIRECTORY = 0x4104
ROOTS = (0x3F00, 0x7FFF)  # how the directory files of the generations begin a path
MAX_PATH = 8  # bytes: root, two directories, file

_FILLING: Final = b"\x00\xff \t"  # around a number that is shorter than its file

_log = structlog.get_logger(__name__)


class CitizenFiles(ABC):
    """The files of a card in one transaction."""

    cla: ClassVar[int]

    def __init__(self, session: CardSession) -> None:
        self._session = session

    @classmethod
    def is_root_known(cls, session: CardSession) -> bool:
        """Select this generation's root; return whether the card has it."""
        try:
            cls.enter_root(session)
        except CardError:
            return False
        return True

    def read_serial(self) -> str:
        """Read the card's number: 1 to 16 printable ASCII characters.

        Raises:
            UnsupportedCardError: it has none.

        """
        try:
            self.enter(DF_SERIAL)
            self._select(EF_SERIAL)
        except CardError as error:
            raise UnsupportedCardError("a card without a number") from error
        raw = self._session.read_binary(self.cla, 0, SERIAL_LENGTH)
        text = raw.strip(_FILLING)  # as PKCS#15 readers do; a real number has 16 characters
        if not text or not text.isascii() or not text.decode().isprintable():
            # two cards without one would be one card to us
            raise UnsupportedCardError("a card without a number")
        return text.decode("ascii")

    def certificate_entries(self) -> tuple[CertificateEntry, ...]:
        """Read the whole certificate directory; it is empty on a card that was not issued.

        Raises:
            UnsupportedCardError: no entry of it makes sense.
            CardError: it cannot be read.

        """
        items = tuple(self.read_directory(EF_CERTIFICATE_DIRECTORY))
        entries = tuple(self._parse_entries(items))
        if items and not entries:
            raise UnsupportedCardError("a certificate directory that makes no sense")
        return entries

    def first_entries(self) -> Iterator[CertificateEntry]:
        """Read the certificate directory as far as it is asked for; errors as they come.

        No other file may be selected meanwhile.
        """
        return self._parse_entries(self.read_directory(EF_CERTIFICATE_DIRECTORY))

    def _parse_entries(self, items: Iterable[Tlv]) -> Iterator[CertificateEntry]:
        for item in items:
            try:
                yield parse_certificate_entry(item)
            except UnsupportedCardError as error:
                self.log_left_out("an entry that is no certificate's", error)

    def read_certificate(self, entry: CertificateEntry) -> StoredCertificate:
        """Read the certificate that an entry of the directory points to.

        Raises:
            CardError: there is none, or it is shorter than the entry says.

        """
        self._select_path(entry.path)
        der = self._session.read_binary(self.cla, entry.offset, entry.length)
        if len(der) != entry.length:
            raise UnsupportedCardError("a certificate that is cut short")
        return StoredCertificate(entry.id, entry.label, der)

    def read_directory(self, file_id: int) -> Iterator[Tlv]:
        """Read the entries of a directory file, as far as they are asked for.

        Raises:
            UnsupportedCardError: there is no such file.
            CardError: it cannot be read.

        """
        self.enter(DF_PKI)
        try:
            self._select(file_id)
        except CardError as error:
            if error.status_word == SW.FILE_NOT_FOUND:
                raise UnsupportedCardError("a card without certificates") from error
            raise
        return read_directory(lambda offset: self._session.read_file(self.cla, offset))

    def log_left_out(self, entry: str, error: CardError | None) -> None:
        """Write down that something of the card is left out; never whose card it is.

        Args:
            entry: which, for a reader of the log.
            error: why; None where there is too much of it.

        """
        _log.warning(
            "a certificate is left out",
            reader=self._session.reader,
            entry=entry,
            detail=error.detail if error else "",
        )

    def enter(self, directory: int) -> None:
        """Select a child, a sibling or the current directory, unless it is selected already."""
        if self._session.directory != directory:
            self._select(directory)
            self._session.directory = directory

    def _select_path(self, path: bytes) -> None:
        if not path or len(path) > MAX_PATH:
            raise UnsupportedCardError("a path deeper than the card's files")
        *directories, file_id = (
            int.from_bytes(path[i : i + 2], "big") for i in range(0, len(path), 2)
        )
        directories = [d for d in directories if d not in ROOTS]
        if directories and self._session.directory != directories[-1]:
            self.enter_root(self._session)
            for directory in directories:
                self.enter(directory)
        self._select(file_id)

    def _select(self, file_id: int) -> None:
        self._session.send(self.select_command(file_id), f"SELECT {file_id:04X}")

    @classmethod
    def enter_root(cls, session: CardSession) -> None:
        """Select the root.

        Raises:
            CardError: the card does not have it: it is of another generation.

        """
        session.directory = None
        cls.select_root(session)

    # What a generation adds.

    @classmethod
    @abstractmethod
    def select_root(cls, session: CardSession) -> None:
        """Select the root; raise CardError where the card is of another generation."""

    @staticmethod
    @abstractmethod
    def select_command(file_id: int) -> CommandApdu:
        """Build the SELECT of a child, a sibling or the current directory."""
