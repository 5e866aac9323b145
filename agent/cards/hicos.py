"""The first generation: "HiCOS V3 / T7S" cards, class byte 80."""

import secrets
from functools import partial
from typing import ClassVar

from agent.cards.card import DF_KEYS, DF_PKI, CardDriver, PrivateOperation
from agent.cards.memory import CardRecord
from agent.cards.session import CardSession
from agent.iso7816.command import CommandApdu
from agent.secret import SecretBytes
from agent.secure_messaging.protected_verify import IV_LENGTH, verify_command

ATR = bytes.fromhex("3BB813008131FA524348544D4F494341A5")
CLA = 0x80
MF = 0x3F00
INS_SELECT = 0xA4
INS_PRIVATE_OPERATION = 0xEA
INS_GET_RESULT = 0xC1
P1_FIRST_HALF = 0x82
P1_LAST_HALF = 0x02
HALF = 128  # bytes of block or result in one command


class HicosDriver(CardDriver):
    """Select by file identifier; PIN through the protected VERIFY; results in two halves."""

    generation: ClassVar[str] = "gen1"
    cla: ClassVar[int] = CLA

    def _select_root(self, session: CardSession) -> None:
        self._select(session, MF)

    def _select(self, session: CardSession, file_id: int) -> None:
        command = CommandApdu(CLA, INS_SELECT, 0, 0, file_id.to_bytes(2, "big"))
        session.send(command, f"SELECT {file_id:04X}")

    def _open_keys(
        self, session: CardSession, record: CardRecord, pin: SecretBytes
    ) -> PrivateOperation:
        del record  # nothing about this generation's channel is remembered
        if session.directory != DF_KEYS:
            self._enter(session, DF_PKI)
            self._enter(session, DF_KEYS)
        session.verify(verify_command(pin, secrets.token_bytes(IV_LENGTH)))
        return partial(_private_operation, session)


def _private_operation(session: CardSession, reference: int, block: bytes) -> bytes:
    first = CommandApdu(CLA, INS_PRIVATE_OPERATION, P1_FIRST_HALF, reference, block[:HALF])
    session.send(first, "first half of the block")
    # No Le: that is how the card is spoken to, and it answers with data all the same.
    last = CommandApdu(CLA, INS_PRIVATE_OPERATION, P1_LAST_HALF, reference, block[HALF:])
    result = session.send(last, "private key operation")
    rest = CommandApdu(CLA, INS_GET_RESULT, 0, HALF, le=HALF)
    return result + session.send(rest, "second half of the result")
