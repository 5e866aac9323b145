"""The operating system of a PIV card (SP 800-73-4 part 2), stricter than most of them.

The PIN goes before each use of the signing key: any other command in between takes it back.
"""

import gzip
import time
from collections.abc import Callable
from typing import ClassVar, Final

from agent.iso7816 import SW, CommandApdu
from agent.iso7816.tlv import TlvError, encode, read_all, read_one
from agent.virtualcard.model import CardData, FilledSlot, Tally
from agent.virtualcard.operating_system import INS_SELECT, INS_VERIFY, MAX_LE, SUCCESS, Answer
from agent.virtualcard.pin import Pin
from agent.virtualcard.piv_key import ALGORITHMS
from agent.virtualcard.status import StatusError

ATR = bytes.fromhex("3B8C01 8073C00180 56414E4B504956 62")  # chaining, no extended length; ANKPIV
EXTENDED_ATR = bytes.fromhex("3B8C01 8073C001C0 56414E4B504956 22")  # the same with it
AID = bytes.fromhex("A000000308000010000100")
LEAST_AID = 9  # bytes: all but the version
INS_GET_DATA: Final = 0xCB
INS_GET_RESPONSE: Final = 0xC0
INS_GENERAL_AUTHENTICATE: Final = 0x87
CLA: Final = 0x00
CLA_CHAINED: Final = 0x10
PIN_FIELD: Final = 8
REFERENCE_APPLICATION, REFERENCE_GLOBAL = 0x80, 0x00
SIGNING_KEY, DECRYPTION_KEY, OPEN_KEY = 0x9C, 0x9D, 0x9E
CHALLENGE, POINT = 0x81, 0x85
CHAINING_NOT_SUPPORTED: Final = 0x6884
MAX_CHAINED: Final = 2048  # bytes of one command's data
OBJECT_CHUID, OBJECT_DISCOVERY = "5FC102", "7E"
OBJECTS: Final = {0x9A: "5FC105", 0x9C: "5FC10A", 0x9D: "5FC10B", 0x9E: "5FC101"}
"""The certificates' data objects by key reference."""
DISCOVERY: Final = encode(0x7E, encode(0x4F, AID) + encode(0x5F2F, b"\x40\x00"))
_PROPERTIES: Final = encode(
    0x61, encode(0x4F, AID[5:]) + encode(0x79, encode(0x4F, AID[:5])) + encode(0x50, b"Ankong PIV")
)
_FASC_N: Final = bytes.fromhex("D4E739DA739CED39CE739D836858210842108421C84210C3EB")  # of no agency


class PivOperatingSystem:
    """A PIV card with power; a reset calls :meth:`restart`."""

    def __init__(
        self,
        data: CardData,
        save: Callable[[], None],
        pause: Callable[[float], None],
    ) -> None:
        """Run the card in ``data``; arguments as of the citizen cards' operating system."""
        self.data = data
        self.tally = Tally()
        self.pin = Pin(data, save, self.tally, PIN_FIELD)
        self._pause = pause
        self._slots = {slot.reference: slot for slot in data.slots}
        self._objects = data_objects(data)
        self.restart()

    def restart(self) -> None:
        """Forget the selection, the PIN, and every unfinished command."""
        self._is_selected = False
        self.pin.verified = False
        self._is_fresh = False  # whether the PIN was shown by the command before
        self._chain: tuple[int, int, bytes] | None = None
        self._waiting = b""

    def run(self, command: CommandApdu) -> Answer:
        """Carry a command out.

        Raises:
            StatusError: it failed; with the status word to answer.
            CardPulledError: the card was removed meanwhile.

        """
        if command.ins == INS_GET_RESPONSE:
            return self._get_response(command)
        self._waiting = b""
        chain, self._chain = self._chain, None
        if command.ins != INS_GENERAL_AUTHENTICATE:
            self._is_fresh = False
        if command.cla not in (CLA, CLA_CHAINED):
            raise StatusError(SW.CLA_NOT_SUPPORTED)
        if command.ins == INS_SELECT and command.cla == CLA:
            return self._select(command)
        if not self._is_selected:
            raise StatusError(SW.INS_NOT_SUPPORTED)
        if command.ins == INS_GENERAL_AUTHENTICATE:
            return self._authenticate(command, chain)
        handler = self._handlers.get(command.ins)
        if handler is None:
            raise StatusError(SW.INS_NOT_SUPPORTED)
        if command.cla == CLA_CHAINED:
            raise StatusError(CHAINING_NOT_SUPPORTED)
        return handler(self, command)

    def _select(self, command: CommandApdu) -> Answer:
        if (command.p1, command.p2) != (4, 0):
            raise StatusError(SW.WRONG_P1_P2)
        if len(command.data) < LEAST_AID or not AID.startswith(command.data):
            raise StatusError(SW.FILE_NOT_FOUND)
        self._is_selected = True
        return _PROPERTIES, SW.SUCCESS

    def _get_data(self, command: CommandApdu) -> Answer:
        if (command.p1, command.p2) != (0x3F, 0xFF):
            raise StatusError(SW.WRONG_P1_P2)
        if command.le is None:
            raise StatusError(SW.WRONG_LENGTH)
        try:
            (wanted,) = read_all(command.data)
        except ValueError as error:
            raise StatusError(SW.WRONG_DATA) from error
        if wanted.tag != 0x5C:
            raise StatusError(SW.WRONG_DATA)
        found = self._objects.get(wanted.value.hex().upper())
        if found is None:
            raise StatusError(SW.FILE_NOT_FOUND)
        return self._respond(found, command.le)

    def _verify(self, command: CommandApdu) -> Answer:
        if command.p1 != 0:
            raise StatusError(SW.WRONG_P1_P2)
        if command.p2 != self._pin_reference():
            raise StatusError(SW.REFERENCE_NOT_FOUND)
        if not command.data:
            return self._tell_attempts()
        digits = command.data.rstrip(b"\xff")
        if len(command.data) != PIN_FIELD or not digits.isdigit() or len(digits) < 6:
            raise StatusError(SW.WRONG_DATA)  # which costs no attempt
        self.pin.check(command.data)
        self._is_fresh = True
        return SUCCESS

    def _pin_reference(self) -> int:
        is_global = b"\x5f\x2f\x02\x60\x20" in self._objects.get(OBJECT_DISCOVERY, b"")
        return REFERENCE_GLOBAL if is_global else REFERENCE_APPLICATION

    def _tell_attempts(self) -> Answer:
        if self.data.attempts_left == 0:
            raise StatusError(SW.PIN_BLOCKED)
        if self.pin.verified:
            return SUCCESS
        raise StatusError(0x63C0 | self.data.attempts_left)

    def _authenticate(self, command: CommandApdu, chain: tuple[int, int, bytes] | None) -> Answer:
        """Carry out GENERAL AUTHENTICATE; one that fails takes the PIN of the signing key back."""
        begun = (command.p1, command.p2)
        body = command.data
        if chain is not None:
            if chain[:2] != begun:
                self._is_fresh = False
                raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
            body = chain[2] + body
        if len(body) > MAX_CHAINED:
            self._is_fresh = False
            raise StatusError(SW.WRONG_LENGTH)
        if command.cla == CLA_CHAINED:
            self._chain = (*begun, body)
            return SUCCESS
        is_fresh, self._is_fresh = self._is_fresh, False
        if command.le is None:
            raise StatusError(SW.WRONG_LENGTH)
        slot = self._slots.get(command.p2)
        if slot is None:
            raise StatusError(SW.REFERENCE_NOT_FOUND)
        if command.p1 != ALGORITHMS[slot.key.kind]:
            raise StatusError(SW.WRONG_P1_P2)
        self._require_pin(slot, is_fresh=is_fresh)
        result = self._apply(slot, *_given(body))
        return self._respond(encode(0x7C, encode(0x82, result)), command.le)

    def _require_pin(self, slot: FilledSlot, *, is_fresh: bool) -> None:
        if slot.reference == OPEN_KEY:
            return
        if not (is_fresh if slot.reference == SIGNING_KEY else self.pin.verified):
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)

    def _apply(self, slot: FilledSlot, tag: int, given: bytes) -> bytes:
        agrees = slot.reference == DECRYPTION_KEY and not slot.key.is_rsa
        if tag != (POINT if agrees else CHALLENGE):
            raise StatusError(SW.WRONG_DATA)
        if not agrees and len(given) != slot.key.length:
            raise StatusError(SW.WRONG_DATA)
        begun = time.monotonic()
        result = slot.key.agree(given) if agrees else slot.key.private_operation(given)
        if result is None:
            raise StatusError(SW.WRONG_DATA)
        wait = self.data.faults.rsa_delay_ms / 1000 - (time.monotonic() - begun)
        if wait > 0:
            self._pause(wait)
        if slot.reference == DECRYPTION_KEY:
            self.tally.decryptions += 1
        else:
            self.tally.signatures += 1
        return result

    def _respond(self, response: bytes, le: int) -> Answer:
        """Answer so many bytes, and keep the rest for GET RESPONSE."""
        piece, self._waiting = response[:le], response[le:]
        if not self._waiting:
            return piece, SW.SUCCESS
        return piece, 0x6100 | (len(self._waiting) if len(self._waiting) < MAX_LE else 0)

    def _get_response(self, command: CommandApdu) -> Answer:
        if command.cla != CLA or (command.p1, command.p2) != (0, 0) or command.data:
            raise StatusError(SW.WRONG_P1_P2)
        if not self._waiting or command.le is None:
            raise StatusError(SW.CONDITIONS_NOT_SATISFIED)
        return self._respond(self._waiting, command.le)

    _handlers: ClassVar[dict[int, Callable[["PivOperatingSystem", CommandApdu], Answer]]] = {
        INS_GET_DATA: _get_data,
        INS_VERIFY: _verify,
    }


def _given(body: bytes) -> tuple[int, bytes]:
    """Return what a key is to work on: of 7C { 82 00, 81 … } the last, its tag and its value.

    In this order and nothing else; the last is 85 where a key is agreed on.
    """
    try:
        template = read_one(body)
        response, given = read_all(template.value)
    except (TlvError, ValueError) as error:
        raise StatusError(SW.WRONG_DATA) from error
    if (template.tag, response.tag) != (0x7C, 0x82) or response.value:
        raise StatusError(SW.WRONG_DATA)
    if given.tag not in (CHALLENGE, POINT) or template.size != len(body):
        raise StatusError(SW.WRONG_DATA)
    return given.tag, given.value


def data_objects(data: CardData) -> dict[str, bytes]:
    """Build what GET DATA answers, by tag in hexadecimal; ``data.files`` replaces any of it."""
    chuid = b"".join(
        (
            encode(0x30, _FASC_N),
            encode(0x34, bytes.fromhex(data.serial)),
            encode(0x35, b"20991231"),
            encode(0x3E, b""),
            encode(0xFE, b""),
        )
    )
    objects = {OBJECT_CHUID: encode(0x53, chuid), OBJECT_DISCOVERY: DISCOVERY}
    for slot in data.slots:
        if slot.certificate:
            objects[OBJECTS[slot.reference]] = certificate_object(
                slot.certificate, compressed=slot.compressed
            )
    return objects | data.files


def certificate_object(certificate: bytes, *, compressed: bool = False) -> bytes:
    """Build a certificate's data object (SP 800-73-4 part 1 table 10)."""
    content = gzip.compress(certificate, mtime=0) if compressed else certificate
    information = b"\x01" if compressed else b"\x00"
    return encode(0x53, encode(0x70, content) + encode(0x71, information) + encode(0xFE, b""))
