"""The commands that both generations have: select, read, and use a private key."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from agent.iso7816 import SW, CommandApdu
from agent.virtualcard.files import DF_KEYS, Df, Ef, build_tree
from agent.virtualcard.model import ID_SIGN, CardData, Tally
from agent.virtualcard.pin import Pin
from agent.virtualcard.rsa_key import MODULUS_LENGTH, RsaKey
from agent.virtualcard.status import StatusError

Answer = tuple[bytes, int]

INS_VERIFY = 0x20
INS_SELECT = 0xA4
INS_READ_BINARY = 0xB0
INS_READ_RECORD = 0xB2
INS_GET_RESULT = 0xC1
INS_PRIVATE_OPERATION = 0xEA
P1_FIRST_HALF = 0x82
P1_LAST_HALF = 0x02
HALF = 128  # bytes of a block in one command
PIN_REFERENCE = 0x01
COMMAND_INCOMPATIBLE = 0x6981  # with the file's structure (ISO/IEC 7816-4 §5.6)
MAX_LE = 256
SUCCESS: Answer = (b"", SW.SUCCESS)


class CardOperatingSystem(ABC):
    """The operating system of a powered card; a reset calls :meth:`restart`."""

    verify_per_signature: ClassVar[bool]

    def __init__(
        self,
        data: CardData,
        save: Callable[[], None],
        pause: Callable[[float], None],
    ) -> None:
        """Run the card in ``data``.

        Args:
            data: its contents; only the retry counter is ever changed.
            save: writes the retry counter back.
            pause: sleeps so many seconds, or raises CardPulledError.

        """
        self.data = data
        self.tally = Tally()
        self.pin = Pin(data, save, self.tally)
        self._pause = pause
        self._keys = {key.reference: key.key for key in data.keys}
        self._signing = {key.reference for key in data.keys if key.id == ID_SIGN}
        self.root = build_tree(data)
        self._restart_files()

    @property
    def _one_signature_per_pin(self) -> bool:
        chosen = self.data.options.verify_per_signature
        return self.verify_per_signature if chosen is None else chosen

    def restart(self) -> None:
        """Forget the selection, the PIN, and every unfinished operation."""
        self._restart_files()

    def _restart_files(self) -> None:
        self.directory: Df = self.root
        self.file: Ef | None = None
        self.pin.verified = False
        self._block: tuple[int, bytes] | None = None
        self._result: bytes | None = None

    @abstractmethod
    def run(self, command: CommandApdu) -> Answer:
        """Carry a command out.

        Raises:
            StatusError: it failed.
            CardPulledError: the card was removed meanwhile.

        """

    def forget_unfinished(self, ins: int) -> None:
        """Discard a private key operation that the next command does not continue."""
        if ins != INS_PRIVATE_OPERATION:
            self._block = None
        if ins != INS_GET_RESULT:
            self._result = None

    def select_file(self, command: CommandApdu) -> Answer:
        """Carry out SELECT by file identifier (ISO/IEC 7816-4 §11.2.2).

        Raises:
            StatusError: 6700, or 6A82 where there is no such file.

        """
        if len(command.data) != 2:
            raise StatusError(SW.WRONG_LENGTH)
        fid = int.from_bytes(command.data, "big")
        found = self.root if fid == self.root.fid else self.directory.find(fid)
        if found is None and fid == self.directory.fid:
            found = self.directory
        if found is None:
            raise StatusError(SW.FILE_NOT_FOUND)
        if isinstance(found, Df):
            self.directory, self.file = found, None
        else:
            self._enter(found)
        return SUCCESS

    def _enter(self, file: Ef) -> None:
        parent = self.directory.parent
        if file not in self.directory.files.values() and parent is not None:
            self.directory = parent
        self.file = file

    def read_binary(self, command: CommandApdu) -> Answer:
        """Carry out READ BINARY (§11.3.3), offset in P1 and P2, no short file identifiers.

        Raises:
            StatusError: 6700, 6981, 6986, 6A86 or 6B00.

        """
        if command.data or command.le is None:
            raise StatusError(SW.WRONG_LENGTH)
        if command.p1 & 0x80:
            raise StatusError(SW.WRONG_P1_P2)
        if self.file is None:
            raise StatusError(SW.NO_CURRENT_EF)
        if self.file.records is not None:
            raise StatusError(COMMAND_INCOMPATIBLE)
        offset = command.p1 << 8 | command.p2
        if offset >= len(self.file.content):
            raise StatusError(SW.WRONG_OFFSET)
        piece = self.file.content[offset : offset + command.le]
        return piece, SW.SUCCESS if len(piece) == command.le else SW.END_OF_FILE

    def key(self, reference: int) -> RsaKey | None:
        """Return the private key of that reference, if the card has it."""
        return self._keys.get(reference)

    def private_operation(self, command: CommandApdu) -> Answer:
        """Take one half of a block; after the last half, answer the first half of the result.

        Raises:
            StatusError: 6700, 6982, 6985, 6A86 or 6A88.

        """
        block, self._block = self._block, None
        if self.directory.fid != DF_KEYS:
            raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
        if command.p1 not in (P1_FIRST_HALF, P1_LAST_HALF):
            raise StatusError(SW.WRONG_P1_P2)
        if command.p2 not in self._keys:
            raise StatusError(SW.REFERENCE_NOT_FOUND)
        if not self.pin.verified:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        if len(command.data) != HALF:
            raise StatusError(SW.WRONG_LENGTH)
        if command.p1 == P1_FIRST_HALF:
            self._block = (command.p2, command.data)
            return SUCCESS
        if block is None or block[0] != command.p2:
            raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
        return self._apply_key(command.p2, block[1] + command.data)

    def _apply_key(self, reference: int, block: bytes) -> Answer:
        begun = time.monotonic()
        result = self._keys[reference].private_operation(block)
        if result is None:
            raise StatusError(SW.WRONG_DATA)
        wait = self.data.faults.rsa_delay_ms / 1000 - (time.monotonic() - begun)
        if wait > 0:
            self._pause(wait)
        if self._one_signature_per_pin:
            self.pin.verified = False
        if reference in self._signing:
            self.tally.signatures += 1
        else:
            self.tally.decryptions += 1
        self._result = result
        return result[:HALF], SW.SUCCESS

    def get_result(self, command: CommandApdu) -> Answer:
        """Answer the last half of the result, once.

        Raises:
            StatusError: 6700, 6985 or 6A86.

        """
        if (command.p1, command.p2) != (0, MODULUS_LENGTH - HALF):
            raise StatusError(SW.WRONG_P1_P2)
        if command.data:
            raise StatusError(SW.WRONG_LENGTH)
        if self._result is None:
            raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
        require_le(command, HALF)
        result, self._result = self._result, None
        return result[HALF:], SW.SUCCESS


def require_le(command: CommandApdu, length: int) -> None:
    """Refuse a command that asks neither for ``length`` bytes nor for all there are.

    Raises:
        StatusError: 6700 without Le, 6Cxx with another one.

    """
    if command.le is None:
        raise StatusError(SW.WRONG_LENGTH)
    if command.le not in (length, MAX_LE):
        raise StatusError(0x6C00 | length)
