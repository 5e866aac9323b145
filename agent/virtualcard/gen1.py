"""The operating system of the first generation: "HiCOS V3 / T7S", class byte 80."""

from collections.abc import Callable
from typing import ClassVar

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from agent.iso7816 import SW, CommandApdu
from agent.virtualcard.files import DF_KEYS
from agent.virtualcard.model import PIN_FIELD
from agent.virtualcard.operating_system import (
    COMMAND_INCOMPATIBLE,
    INS_GET_RESULT,
    INS_PRIVATE_OPERATION,
    INS_READ_BINARY,
    INS_READ_RECORD,
    INS_SELECT,
    INS_VERIFY,
    PIN_REFERENCE,
    SUCCESS,
    Answer,
    CardOperatingSystem,
    require_le,
)
from agent.virtualcard.status import StatusError

ATR = bytes.fromhex("3BB813008131FA524348544D4F494341A5")
CLA = 0x80
CLA_PROTECTED = 0x8C
KEY = b"CHTTL8f0HiCardV2"  # two-key 3DES; carried by every middleware, protects the cable only
OLD_KEY = b"TLETC812HiCOSV22"
P2_RECORD_NUMBER = 0x00
_IV = 8
_MAC = 8
_PADDING = b"\x06" * 6  # PKCS#7, of 10 bytes as of 18
_PROTECTED_LENGTH = 32  # IV and 24 bytes of cipher text


class Gen1(CardOperatingSystem):
    """A gen1 card: SELECT by file identifier, PIN under 3DES, any number of signatures after it."""

    verify_per_signature: ClassVar[bool] = False

    def run(self, command: CommandApdu) -> Answer:
        """Carry out a command; see :meth:`CardOperatingSystem.run`.

        Raises:
            StatusError: it failed; with the status word to answer.

        """
        if command.cla not in (CLA, CLA_PROTECTED):
            raise StatusError(SW.CLA_NOT_SUPPORTED)
        self.forget_unfinished(command.ins)
        if command.cla == CLA_PROTECTED:
            if command.ins != INS_VERIFY:
                raise StatusError(SW.SM_NOT_SUPPORTED)
            return self._protected_verify(command)
        handler = self._handlers.get(command.ins)
        if handler is None:
            raise StatusError(SW.INS_NOT_SUPPORTED)
        return handler(self, command)

    def _select(self, command: CommandApdu) -> Answer:
        if (command.p1, command.p2) != (0, 0):
            raise StatusError(SW.WRONG_P1_P2)
        return self.select_file(command)

    def _read_record(self, command: CommandApdu) -> Answer:
        if command.p2 != P2_RECORD_NUMBER:
            raise StatusError(SW.WRONG_P1_P2)
        if command.data:
            raise StatusError(SW.WRONG_LENGTH)
        if self.file is None:
            raise StatusError(SW.NO_CURRENT_EF)
        if self.file.records is None:
            raise StatusError(COMMAND_INCOMPATIBLE)
        record = self.file.records.get(command.p1)
        if record is None:
            raise StatusError(SW.RECORD_NOT_FOUND)
        require_le(command, len(record))
        return record, SW.SUCCESS

    def _plain_verify(self, command: CommandApdu) -> Answer:
        """Count it as a wrong PIN, whatever the data: the real card does so."""
        _require_reference(command)
        self.pin.check(None)
        return SUCCESS

    def _protected_verify(self, command: CommandApdu) -> Answer:
        _require_reference(command)
        if self.directory.fid != DF_KEYS:
            raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
        if len(command.data) != _PROTECTED_LENGTH:
            raise StatusError(SW.WRONG_LENGTH)
        old = self.data.options.old_pin_label
        field = open_pin(OLD_KEY if old else KEY, command.data)
        if field is None:
            raise StatusError(SW.REFERENCE_NOT_FOUND if old else SW.SM_DATA_INCORRECT)
        self.pin.check(field)
        return SUCCESS

    _handlers: ClassVar[dict[int, Callable[["Gen1", CommandApdu], Answer]]] = {
        INS_SELECT: _select,
        INS_READ_BINARY: CardOperatingSystem.read_binary,
        INS_READ_RECORD: _read_record,
        INS_VERIFY: _plain_verify,
        INS_PRIVATE_OPERATION: CardOperatingSystem.private_operation,
        INS_GET_RESULT: CardOperatingSystem.get_result,
    }


def open_pin(key: bytes, body: bytes) -> bytes | None:
    """Return the PIN field (10 bytes) of a protected VERIFY's 32 bytes; None if it is forged."""
    iv, ciphertext = body[:_IV], body[_IV:]
    cipher = Cipher(TripleDES(key + key[:8]), modes.CBC(iv))
    decryptor = cipher.decryptor()
    plain = decryptor.update(ciphertext) + decryptor.finalize()
    field, mac, padding = plain[:PIN_FIELD], plain[PIN_FIELD:-6], plain[-6:]
    encryptor = cipher.encryptor()
    chained = encryptor.update(field + _PADDING) + encryptor.finalize()
    if padding != _PADDING or chained[-_MAC:] != mac:
        return None
    return field


def _require_reference(command: CommandApdu) -> None:
    if command.p1 != 0:
        raise StatusError(SW.WRONG_P1_P2)
    if command.p2 != PIN_REFERENCE:
        raise StatusError(SW.REFERENCE_NOT_FOUND)
