"""The smart-card service, its driver, the readers, and the cards in them."""

from collections.abc import Iterator
from typing import Final

from agent.doctor.network import find_running
from agent.doctor.patient import CardFacts, Patient, ReaderFacts
from agent.doctor.report import Finding, fault, note, ok

_DRIVERS: Final = (
    "usr/lib/pcsc/drivers/ifd-ccid.bundle",
    "usr/lib64/pcsc/drivers/ifd-ccid.bundle",
    "usr/lib/*/pcsc/drivers/ifd-ccid.bundle",
)
_DAEMON: Final = ("pcscd", "/usr/sbin/pcscd", "/usr/bin/pcscd")


def check_service(patient: Patient) -> Iterator[Finding]:
    """Look whether PC/SC answers, and on Linux whether its parts are installed."""
    cards = patient.cards
    if cards is None:
        running = find_running(patient.paths)
        if running is not None and running.virtual:
            yield note("service", "service_virtual_elsewhere")
        else:
            yield note("service", "service_unknown")
    elif cards.virtual:
        yield ok("service", "service_virtual")
    elif cards.service_available:
        yield ok("service", "service_ok")
        yield from _check_driver(patient)
    elif patient.machine.platform == "linux" and not any(map(patient.machine.find, _DAEMON)):
        yield fault("service", "service_not_installed")
    else:
        can_start = patient.machine.find("systemctl") is not None
        yield fault("service", "service_down", "start_service" if can_start else None)


def _check_driver(patient: Patient) -> Iterator[Finding]:
    if patient.machine.platform != "linux":
        return
    found = any(any(patient.machine.root.glob(pattern)) for pattern in _DRIVERS)
    if found:
        yield ok("driver", "driver_ok")
    elif patient.cards is not None and patient.cards.readers:
        yield note("driver", "driver_missing")  # these readers have another one
    else:
        yield fault("driver", "driver_missing")


def check_readers(patient: Patient) -> Iterator[Finding]:
    """Look whether there is a reader, and what is in it."""
    cards = patient.cards
    if cards is None or not (cards.virtual or cards.service_available):
        return
    if not cards.readers:
        yield fault("reader", "reader_none")
    several_cards = _has_good_card(cards)
    for reader in cards.readers:
        yield ok("reader", "reader_ok", reader=reader.name)
        if reader.keypad:
            yield note("reader", "reader_keypad", reader=reader.name)
        for finding in _check_card(reader, patient):
            # A foreign card in a second reader harms nobody.
            harmless = several_cards and reader.state in {"mute", "unsupported"}
            yield note(finding.check, finding.code, **finding.facts) if harmless else finding


def _has_good_card(cards: CardFacts) -> bool:
    return any(reader.state == "card" for reader in cards.readers)


def _check_card(reader: ReaderFacts, patient: Patient) -> Iterator[Finding]:
    name = reader.name
    match reader.state:
        case "empty":
            yield note("card", "reader_empty", reader=name)
        case "mute":
            yield fault("card", "card_mute", reader=name)
        case "card":
            yield ok("card", "card_ok", reader=name, generation=reader.generation or "?")
            yield from _check_content(reader, patient)
        case _:
            yield fault("card", "card_unsupported", reader=name)


def _check_content(reader: ReaderFacts, patient: Patient) -> Iterator[Finding]:
    if reader.problem is not None:
        yield fault("card", "card_unreadable", reader=reader.name, detail=reader.problem)
    if reader.attempts_left == 0:
        yield fault("card", "card_locked")
    if reader.not_after is not None and patient.now >= reader.not_after:
        yield fault("card", "card_expired", date=f"{reader.not_after:%Y-%m-%d}")
    if reader.not_before is not None and patient.now < reader.not_before:
        yield fault("card", "card_not_yet_valid", date=f"{reader.not_before:%Y-%m-%d}")
