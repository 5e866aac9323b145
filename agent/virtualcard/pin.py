"""The card's PIN and its retry counter, which is kept without power."""

import hmac
from collections.abc import Callable

from agent.iso7816 import SW
from agent.virtualcard.model import MAX_ATTEMPTS, PIN_FIELD, PIN_PADDING, CardData, Tally
from agent.virtualcard.status import StatusError

MEMORY_FAILURE = 0x6581  # ISO/IEC 7816-4 §5.6: the non-volatile memory could not be changed


class Pin:
    """The reference data of VERIFY.

    Attributes:
        verified: whether the right PIN was shown in this session.
        tally: counts what was shown.

    """

    def __init__(
        self, data: CardData, save: Callable[[], None], tally: Tally, field: int = PIN_FIELD
    ) -> None:
        """Check against ``data.pin`` in a field of so many bytes.

        ``save`` stores ``attempts_left``; it may raise OSError.
        """
        self.tally = tally
        self._field = field
        self._data = data
        self._save = save
        self.verified = False

    def check(self, candidate: bytes | None) -> None:
        """Compare a whole PIN field; None counts as a wrong PIN.

        Raises:
            StatusError: 63Cx wrong, 6983 locked, 6581 the counter could not be written.

        """
        self.verified = False
        self.tally.verifies += 1
        if self._data.attempts_left == 0:
            raise StatusError(SW.PIN_BLOCKED)
        expected = self._data.pin.ljust(self._field, PIN_PADDING)
        if candidate is None or not hmac.compare_digest(candidate, expected):
            self._set_attempts(self._data.attempts_left - 1)
            self.tally.wrong_pins += 1
            left = self._data.attempts_left
            raise StatusError(0x63C0 | left if left else SW.PIN_BLOCKED)
        if self._data.attempts_left != MAX_ATTEMPTS:
            self._set_attempts(MAX_ATTEMPTS)
        self.verified = True

    def _set_attempts(self, tries: int) -> None:
        before, self._data.attempts_left = self._data.attempts_left, tries
        try:
            self._save()
        except OSError as error:
            # A card whose memory fails says so, and says nothing about the PIN.
            self._data.attempts_left = before
            raise StatusError(MEMORY_FAILURE) from error
