"""The second generation: "GPPKI" applet cards, everything secret through GlobalPlatform SCP03."""

import secrets
from typing import ClassVar

from agent.cards.card import DF_KEYS, DF_PKI, CardDriver, PrivateOperation
from agent.cards.memory import CardRecord
from agent.cards.session import CardSession
from agent.errors import SecureChannelError
from agent.iso7816.command import CommandApdu
from agent.secret import SecretBytes
from agent.secure_messaging.protected_verify import pad_pin
from agent.secure_messaging.scp03 import (
    CARD_ID_LENGTH,
    CARD_MANAGER_AID,
    CHALLENGE_LENGTH,
    Scp03Session,
    derive_keys,
)

ATR = bytes.fromhex("3BD8960081B1FE451F0743485447504B494ADD")
CLA = 0x00
AID = bytes.fromhex("A0000002830000062201696400010101")
ISSUER_AID = bytes.fromhex("A0000001510000")
INS_SELECT = 0xA4
INS_GET_DATA = 0xCA
TAG_KEY_INFORMATION = 0xE0
TAG_CARD_ID = 0x45
KEY_LENGTH_OFFSET = 7
KEY_LENGTH = 0x10
CLA_KEYS = 0x80
INS_PRIVATE_OPERATION = 0xEA
INS_GET_RESULT = 0xC1
P1_FIRST_HALF = 0x82
P1_LAST_HALF = 0x02
HALF = 128  # bytes of block or result in one command
MAX_LE = 256
VERIFY_HEADER = bytes.fromhex("00200001")


class _Channel:
    """An open secure channel on a session."""

    def __init__(self, session: CardSession, scp03: Scp03Session) -> None:
        self._session = session
        self._scp03 = scp03

    def send(self, command: CommandApdu, doing: str) -> bytes:
        return self._session.send(self._scp03.wrap(command), doing)

    def verify(self, pin: SecretBytes) -> None:
        with pad_pin(pin) as field:
            self._session.verify(self._scp03.wrap_secret(VERIFY_HEADER, field))

    def private_operation(self, reference: int, block: bytes) -> bytes:
        ins = INS_PRIVATE_OPERATION
        first = CommandApdu(CLA_KEYS, ins, P1_FIRST_HALF, reference, block[:HALF])
        self.send(first, "first half of the block")
        last = CommandApdu(CLA_KEYS, ins, P1_LAST_HALF, reference, block[HALF:], HALF)
        result = self.send(last, "private key operation")
        rest = CommandApdu(CLA_KEYS, INS_GET_RESULT, 0, HALF, le=HALF)
        return result + self.send(rest, "second half of the result")


class GppkiDriver(CardDriver):
    """Select by AID; keys diversified by the card's id; PIN and key only through the channel."""

    generation: ClassVar[str] = "gen2"
    cla: ClassVar[int] = CLA

    def _select_root(self, session: CardSession) -> None:
        session.send(CommandApdu(CLA, INS_SELECT, 4, 0x0C, AID, MAX_LE), "SELECT GPPKI")

    def _select(self, session: CardSession, file_id: int) -> None:
        session.send(_select_file(file_id), f"SELECT {file_id:04X}")

    def _open_keys(
        self, session: CardSession, record: CardRecord, pin: SecretBytes
    ) -> PrivateOperation:
        if record.channel_id is None:
            record.channel_id = self._read_channel_id(session)
        channel = self._open_channel(session, record.channel_id)
        channel.send(_select_file(DF_PKI), "SELECT 5030 in the channel")
        channel.send(_select_file(DF_KEYS), "SELECT 0810 in the channel")
        channel.verify(pin)
        return channel.private_operation

    def _read_channel_id(self, session: CardSession) -> bytes:
        session.send(
            CommandApdu(CLA, INS_SELECT, 4, 0, CARD_MANAGER_AID), "SELECT the card manager"
        )
        information = session.send(
            CommandApdu(0x80, INS_GET_DATA, 0, TAG_KEY_INFORMATION, le=MAX_LE), "GET DATA 00E0"
        )
        if len(information) <= KEY_LENGTH_OFFSET or information[KEY_LENGTH_OFFSET] != KEY_LENGTH:
            raise SecureChannelError("channel keys of a length that is not known")
        session.send(CommandApdu(CLA, INS_SELECT, 4, 0, ISSUER_AID), "SELECT the issuer domain")
        answer = session.send(
            CommandApdu(0x80, INS_GET_DATA, 0, TAG_CARD_ID, le=MAX_LE), "GET DATA 0045"
        )
        if answer[:2] != bytes((TAG_CARD_ID, CARD_ID_LENGTH)) or len(answer) != CARD_ID_LENGTH + 2:
            raise SecureChannelError("a card without an id")
        return answer[2:]

    def _open_channel(self, session: CardSession, channel_id: bytes) -> _Channel:
        self._enter_root(session)
        scp03 = Scp03Session(derive_keys(channel_id), secrets.token_bytes(CHALLENGE_LENGTH))
        response = session.send(scp03.initialize_update(), "INITIALIZE UPDATE")
        session.send(scp03.external_authenticate(response), "EXTERNAL AUTHENTICATE")
        return _Channel(session, scp03)


def _select_file(file_id: int) -> CommandApdu:
    return CommandApdu(CLA, INS_SELECT, 0, 4, file_id.to_bytes(2, "big"), MAX_LE)
