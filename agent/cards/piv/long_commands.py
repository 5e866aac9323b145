"""Commands of extended length to a PIV card, where the card and the reader take them.

The card says in its ATR whether it does. What the reader does shows when the card's number is read
in this form, before any PIN is sent; from then on everything is chained and fetched in pieces.
"""

from typing import Final

import structlog

from agent.cards.piv.objects import AID, MAX_CERTIFICATE, is_application
from agent.cards.session import CardSession, ReadLimit
from agent.errors import CardError, CardRemovedError, SharingViolationError, TransportError
from agent.iso7816 import MAX_LE, SW, CommandApdu, ExtendedApdu, bytes_available
from agent.iso7816.historical_bytes import takes_extended_length
from agent.iso7816.tlv import TlvError, encode, read_head

CLA: Final = 0x00
INS_SELECT: Final = 0xA4
INS_GET_DATA: Final = 0xCB
NO_OBJECT: Final = frozenset({SW.FILE_NOT_FOUND, SW.RECORD_NOT_FOUND, SW.REFERENCE_NOT_FOUND})
_LONGEST_OBJECT: Final = MAX_CERTIFICATE + 64  # bytes; of a longer one the rest is fetched

_log = structlog.get_logger(__name__)


def is_selected(session: CardSession) -> bool:
    """Select the PIV application; return whether the card has it.

    Raises:
        TransportError: the card is gone.

    """
    try:
        answer = session.send(CommandApdu(CLA, INS_SELECT, 4, 0, AID, MAX_LE), "SELECT PIV")
    except CardError:
        return False
    return is_application(answer)


class LongCommands:
    """What form of commands a card gets in one transaction."""

    def __init__(self, session: CardSession, limit: ReadLimit) -> None:
        """Choose by what the card promises and what the reader has shown.

        Args:
            session: with the card.
            limit: what is known of the reader; a refusal is noted there.

        """
        self._session = session
        self._limit = limit
        connection = session.channel.connection
        # T=0 has no such form: it would be wrapped into another command (ISO/IEC 7816-3 §12.2.7).
        self._promised = connection.protocol == "T=1" and takes_extended_length(connection.atr)

    @property
    def usable(self) -> bool:
        """Whether commands of extended length go through, as far as it is known."""
        return self._promised and self._limit.takes_extended

    def refuse(self) -> None:
        """Note that one did not go through."""
        self._limit.takes_extended = False
        _log.info("no commands of extended length here", reader=self._session.reader)

    def get_data(self, tag: bytes, enough: int | None = None) -> tuple[bytes, int]:
        """Read a data object; return what there is of it, and the status word.

        Args:
            tag: of the object.
            enough: as of :meth:`agent.transport.chaining.ApduChannel.send`.

        Raises:
            CardError, TransportError: as named there.

        """
        wanted = encode(0x5C, tag)
        short = CommandApdu(CLA, INS_GET_DATA, 0x3F, 0xFF, wanted, MAX_LE)
        if not self.usable:
            return self._session.channel.send(short, enough)
        le = _LONGEST_OBJECT if enough is None else MAX_LE
        long = ExtendedApdu(CLA, INS_GET_DATA, 0x3F, 0xFF, wanted, le)
        answer = self._try(long, enough)
        if answer is not None and (answer[1] in NO_OBJECT or _is_whole(*answer)):
            return answer
        again = self._session.channel.send(short, enough)
        if again != answer:
            self.refuse()
        return again

    def _try(self, command: ExtendedApdu, enough: int | None) -> tuple[bytes, int] | None:
        """Send a command; return None where the reader does not, and the card is as before."""
        try:
            return self._session.channel.send(command, enough)
        except (CardRemovedError, SharingViolationError):
            raise
        except (CardError, TransportError):
            self.refuse()
            # Whatever the reader did to the card then, no PIN was with it yet.
            if not is_selected(self._session):
                raise
            return None


def _is_whole(data: bytes, sw: int) -> bool:
    """Return whether an object came, or a part of it that says where the rest is."""
    if bytes_available(sw):
        return True
    try:
        _, length, start = read_head(data)
    except TlvError:
        return False
    return sw == SW.SUCCESS and start + length == len(data)
