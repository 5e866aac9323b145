"""The second generation: "GPPKI" applet cards, everything secret through GlobalPlatform SCP03."""

import secrets
from typing import ClassVar

from agent.cards.card import CardGeneration
from agent.cards.citizen.card import DF_KEYS, HALF, CitizenCard, Send
from agent.cards.citizen.files import DF_PKI
from agent.cards.session import CardSession
from agent.errors import SecureChannelError
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.secure_messaging.protected_verify import pad_pin
from agent.secure_messaging.scp03 import (
    CARD_ID_LENGTH,
    CARD_MANAGER_AID,
    CHALLENGE_LENGTH,
    Scp03Session,
    derive_keys,
)

ATR = bytes.fromhex("3BD8960081B1FE451F0743485447504B494ADD")  # historical bytes CHTGPKIJ
CLA = 0x00
AID = bytes.fromhex("A0000002830000062201696400010101")
ISSUER_AID = bytes.fromhex("A0000001510000")
INS_SELECT = 0xA4
INS_GET_DATA = 0xCA
TAG_KEY_INFORMATION = 0xE0
TAG_CARD_ID = 0x45
KEY_LENGTH_OFFSET = 7
KEY_LENGTH = 0x10
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


class Gen2Card(CitizenCard):
    """Select by AID; keys diversified by the card's id; PIN and key only through the channel."""

    generation: ClassVar[CardGeneration] = "gen2"
    cla: ClassVar[int] = CLA
    last_half_le: ClassVar[int | None] = HALF

    @classmethod
    def select_root(cls, session: CardSession) -> None:
        """Select the GPPKI applet."""
        session.send(CommandApdu(CLA, INS_SELECT, 4, 0x0C, AID, MAX_LE), "SELECT GPPKI")

    @staticmethod
    def select_command(file_id: int) -> CommandApdu:
        """Build SELECT by file identifier, file control information wanted."""
        return CommandApdu(CLA, INS_SELECT, 0, 4, file_id.to_bytes(2, "big"), MAX_LE)

    def verify_pin(self, pin: SecretBytes) -> Send:
        """Open a channel and send VERIFY in it; errors as of :class:`CitizenCard`."""
        if self._record.channel_id is None:
            self._record.channel_id = self._read_channel_id()
        channel = self._open_channel(self._record.channel_id)
        self._record.channel_proven = True
        channel.send(self.select_command(DF_PKI), "SELECT 5030 in the channel")
        channel.send(self.select_command(DF_KEYS), "SELECT 0810 in the channel")
        channel.verify(pin)
        return channel.send

    def _read_channel_id(self) -> bytes:
        send = self._session.send
        send(CommandApdu(CLA, INS_SELECT, 4, 0, CARD_MANAGER_AID), "SELECT the card manager")
        information = send(
            CommandApdu(0x80, INS_GET_DATA, 0, TAG_KEY_INFORMATION, le=MAX_LE), "GET DATA 00E0"
        )
        if len(information) <= KEY_LENGTH_OFFSET or information[KEY_LENGTH_OFFSET] != KEY_LENGTH:
            raise SecureChannelError("channel keys of a length that is not known")
        send(CommandApdu(CLA, INS_SELECT, 4, 0, ISSUER_AID), "SELECT the issuer domain")
        answer = send(CommandApdu(0x80, INS_GET_DATA, 0, TAG_CARD_ID, le=MAX_LE), "GET DATA 0045")
        if answer[:2] != bytes((TAG_CARD_ID, CARD_ID_LENGTH)) or len(answer) != CARD_ID_LENGTH + 2:
            raise SecureChannelError("a card without an id")
        return answer[2:]

    def _open_channel(self, channel_id: bytes) -> _Channel:
        self.enter_root(self._session)
        scp03 = Scp03Session(derive_keys(channel_id), secrets.token_bytes(CHALLENGE_LENGTH))
        response = self._session.send(scp03.initialize_update(), "INITIALIZE UPDATE")
        self._session.send(scp03.external_authenticate(response), "EXTERNAL AUTHENTICATE")
        return _Channel(self._session, scp03)
