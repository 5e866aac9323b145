"""The first generation: "HiCOS V3 / T7S" cards, class byte 80."""

import secrets
from typing import ClassVar

from agent.cards.card import CardGeneration
from agent.cards.citizen.card import DF_KEYS, CitizenCard, Send
from agent.cards.citizen.files import DF_PKI
from agent.cards.session import CardSession
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.secure_messaging.protected_verify import IV_LENGTH, verify_command

ATR = bytes.fromhex("3BB813008131FA524348544D4F494341A5")  # historical bytes CHTMOICA
CLA = 0x80
MF = 0x3F00
INS_SELECT = 0xA4


class Gen1Card(CitizenCard):
    """Select by file identifier; the PIN goes in the protected VERIFY."""

    generation: ClassVar[CardGeneration] = "gen1"
    cla: ClassVar[int] = CLA
    # No Le: that is how the card is spoken to, and it answers with data all the same.
    last_half_le: ClassVar[int | None] = None

    @classmethod
    def select_root(cls, session: CardSession) -> None:
        """Select the master file."""
        session.send(cls.select_command(MF), f"SELECT {MF:04X}")

    @staticmethod
    def select_command(file_id: int) -> CommandApdu:
        """Build SELECT by file identifier, no response wanted."""
        return CommandApdu(CLA, INS_SELECT, 0, 0, file_id.to_bytes(2, "big"))

    def verify_pin(self, pin: SecretBytes) -> Send:
        """Send the protected VERIFY in the key directory; errors as of :class:`CitizenCard`."""
        if self._session.directory != DF_KEYS:
            self.enter(DF_PKI)
            self.enter(DF_KEYS)
        self._session.verify(verify_command(pin, secrets.token_bytes(IV_LENGTH)))
        return self._session.send
