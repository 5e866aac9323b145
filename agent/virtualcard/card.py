"""A virtual card at its contacts: power, reset, command bytes in, response bytes out."""

import threading
from collections.abc import Callable
from typing import Final

from agent.iso7816 import SW, CommandApdu, CommandFormatError, ExtendedApdu
from agent.virtualcard import gen1, gen2, piv
from agent.virtualcard.model import CardData, Faults, Generation, Tally
from agent.virtualcard.operating_system import INS_READ_BINARY, CardOperatingSystem
from agent.virtualcard.piv import PivOperatingSystem
from agent.virtualcard.status import CardPulledError, StatusError
from agent.virtualcard.t0 import T0Link
from agent.virtualcard.trace import Trace

_ATRS: Final = {
    Generation.GEN1: gen1.ATR,
    Generation.GEN2: gen2.ATR,
    Generation.PIV: piv.ATR,
}


def _no_save(_data: CardData) -> None:
    """Keep the retry counter in memory only."""


class VirtualCard:
    """One card, for one thread at a time; only :meth:`pull` may be called from any thread.

    Attributes:
        data: what the card holds; its faults may be changed at any time.
        trace: the commands so far.

    """

    def __init__(self, data: CardData, save: Callable[[CardData], None] = _no_save) -> None:
        """Make a card, out of any reader and without power.

        Args:
            data: its contents; the retry counter in it is kept up to date.
            save: called with ``data`` whenever that counter has changed, before the card
                answers; OSError from it becomes the status word 6581.

        """
        self.data = data
        self.trace = Trace()
        self._pulled = threading.Event()
        self._powered = False
        self._save = save
        self._system = _operating_system(data, lambda: save(data), self._pause)
        self._t0 = T0Link(self._execute) if data.options.t0 else None

    @property
    def atr(self) -> bytes:
        """The Answer To Reset (ISO 7816-3 §8), 2 to 33 bytes; empty for a mute card."""
        if self.data.faults.mute:
            return b""
        return piv.EXTENDED_ATR if self._takes_extended else _ATRS[self.data.generation]

    @property
    def _takes_extended(self) -> bool:
        return self.data.options.extended_length and self.data.generation is Generation.PIV

    @property
    def faults(self) -> Faults:
        """The faults that the card has."""
        return self.data.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.data.faults = faults

    @property
    def tally(self) -> Tally:
        """What was done with the card."""
        return self._system.tally

    def set_attempts(self, left: int) -> None:
        """Change the retry counter, as another program or the card's issuer would.

        Args:
            left: PIN attempts, 0 to 3.

        Raises:
            OSError: it cannot be kept; the card has the old one.

        """
        before, self.data.attempts_left = self.data.attempts_left, left
        try:
            self._save(self.data)
        except OSError:
            self.data.attempts_left = before
            raise

    def power_on(self) -> None:
        """Reset the card cold: it forgets everything but the retry counter."""
        self._pulled.clear()
        self._forget()
        self._powered = True

    def power_off(self) -> None:
        """Switch the power off: the card forgets everything but the retry counter."""
        self._powered = False
        self._forget()

    def reset(self) -> None:
        """Reset the card warm: it forgets everything but the retry counter."""
        self._forget()
        self._powered = True

    def pull(self) -> None:
        """Remove the card: a private key operation under way ends at once, without an answer."""
        self._pulled.set()

    def process(self, command: bytes) -> bytes:
        """Answer one command APDU, whatever its bytes are.

        Returns:
            Response data and status word, 2 to 258 bytes, more to a command of extended length;
            nothing from a card without power, or when the response is to be lost.

        Raises:
            CardPulledError: the card left its reader instead of answering.

        """
        if not self._powered:
            return b""
        trace = self.trace
        trace.commands += 1
        number = trace.commands
        faults = self.data.faults
        if number == faults.remove_at:
            self.pull()
            raise CardPulledError
        response = self._t0.process(command) if self._t0 else self._execute(command)
        if number == faults.drop_at:
            response = b""
        response = faults.replace.get(number, response)
        trace.add(command, response)
        return response

    def _execute(self, raw: bytes) -> bytes:
        faults = self.data.faults
        if faults.foreign:
            return faults.foreign.to_bytes(2, "big")
        try:
            is_long = self._takes_extended and ExtendedApdu.is_form_of(raw)
            command = (ExtendedApdu if is_long else CommandApdu).parse(raw)
            if faults.max_read and _reads_more_than(command, faults.max_read):
                return SW.SM_DATA_MISSING.to_bytes(2, "big")
            data, sw = self._system.run(command)
        except CommandFormatError:
            return SW.WRONG_LENGTH.to_bytes(2, "big")
        except StatusError as error:
            return error.sw.to_bytes(2, "big")
        return data + sw.to_bytes(2, "big")

    def _forget(self) -> None:
        self._system.restart()
        if self._t0:
            self._t0.forget()

    def _pause(self, seconds: float) -> None:
        if self._pulled.wait(seconds):
            raise CardPulledError


def _reads_more_than(command: CommandApdu, limit: int) -> bool:
    return command.ins == INS_READ_BINARY and command.le is not None and command.le > limit


def _operating_system(
    data: CardData, save: Callable[[], None], pause: Callable[[float], None]
) -> CardOperatingSystem | PivOperatingSystem:
    if data.generation is Generation.PIV:
        return PivOperatingSystem(data, save, pause)
    kind = gen1.Gen1 if data.generation is Generation.GEN1 else gen2.Gen2
    return kind(data, save, pause)
