"""Another program that uses the card: ``other_program.py READER HABIT``.

It writes a line when it has begun. The habits: ``transaction`` holds one for 3 s, ``exclusive`` has
the card for itself as long, ``reset`` resets it again and again, ``select`` selects other files.
"""

import sys
import time

from smartcard import scard

HELD_SECONDS = 3.0
TIMES = 40
PAUSE = 0.02  # seconds
SELECTS = ("00A4040C08A000000003000000", "80A40000023F00", "00A4000402090000")
HABITS = ("transaction", "exclusive", "reset", "select")


def check(result: int) -> None:
    """Raise for a call that failed.

    Raises:
        RuntimeError: it did.

    """
    if result != scard.SCARD_S_SUCCESS:
        raise RuntimeError(scard.SCardGetErrorMessage(result))


def connect(context: int, reader: str, share: int) -> tuple[int, int]:
    """Connect, as soon as nobody else is in the way; return the card and the protocol."""
    while True:
        result, card, protocol = scard.SCardConnect(
            context, reader, share, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        )
        if result != scard.SCARD_E_SHARING_VIOLATION:
            check(result)
            return card, protocol
        time.sleep(PAUSE)


def main(reader: str, habit: str) -> None:
    """Behave like that."""
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    check(result)
    share = scard.SCARD_SHARE_EXCLUSIVE if habit == "exclusive" else scard.SCARD_SHARE_SHARED
    card, protocol = connect(context, reader, share)
    if habit == "transaction":
        check(scard.SCardBeginTransaction(card))
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    if habit in {"transaction", "exclusive"}:
        time.sleep(HELD_SECONDS)
    for number in range(TIMES if habit in {"reset", "select"} else 0):
        if habit == "reset":
            # Whatever it answers: while the agent has a transaction this is refused.
            scard.SCardReconnect(card, share, protocol, scard.SCARD_RESET_CARD)
        else:
            command = list(bytes.fromhex(SELECTS[number % len(SELECTS)]))
            pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
            result, _ = scard.SCardTransmit(card, pci, command)
            if result != scard.SCARD_S_SUCCESS:  # the agent has reset the card
                scard.SCardReconnect(card, share, protocol, scard.SCARD_LEAVE_CARD)
        time.sleep(PAUSE)
    if habit == "transaction":
        scard.SCardEndTransaction(card, scard.SCARD_LEAVE_CARD)
    scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
    scard.SCardReleaseContext(context)


if __name__ == "__main__":
    main(*sys.argv[1:])
