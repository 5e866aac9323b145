"""Check the smart-card service, its driver, the readers, and the cards in them."""

from collections.abc import Callable, Iterator
from typing import Final

from agent.doctor.card_survey import CardSurvey
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, fault, note, ok
from agent.doctor.running import find_running
from agent.signing.model import CardPresence, ReaderView

_DRIVERS: Final = (
    "usr/lib/pcsc/drivers/ifd-ccid.bundle",
    "usr/lib64/pcsc/drivers/ifd-ccid.bundle",
    "usr/lib/*/pcsc/drivers/ifd-ccid.bundle",
)
_DAEMON: Final = ("pcscd", "/usr/sbin/pcscd", "/usr/bin/pcscd")


def check_service(installation: InstalledAgent) -> Iterator[Finding]:
    """Report whether PC/SC answers, and on Linux whether daemon and driver are installed."""
    cards, machine = installation.cards, installation.machine
    if cards is None:
        running = find_running(installation.paths)
        if running is not None and running.virtual:
            yield note("service", "service_virtual_elsewhere")
        elif installation.cards_problem:
            yield fault("service", "service_unreachable", detail=installation.cards_problem)
        else:
            yield note("service", "service_unknown", unsure=True)
    elif cards.virtual:
        yield ok("service", "service_virtual")
    elif cards.snapshot.service_available:
        yield ok("service", "service_ok")
        if machine.platform == "linux":
            yield _check_driver(installation, cards)
    elif machine.platform == "linux" and not any(map(machine.find, _DAEMON)):
        yield fault("service", "service_not_installed")
    else:
        # Where systemd did not start the computer, its tool is of no use.
        is_systemd = machine.system_path("/run/systemd/system").is_dir()
        can_start = is_systemd and machine.find("systemctl") is not None
        yield fault("service", "service_down", "start_service" if can_start else None)


def _check_driver(installation: InstalledAgent, cards: CardSurvey) -> Finding:
    if any(any(installation.machine.root.glob(pattern)) for pattern in _DRIVERS):
        return ok("driver", "driver_ok")
    if cards.snapshot.readers:
        return note("driver", "driver_missing")  # these readers have another one
    return fault("driver", "driver_missing")


def check_readers(installation: InstalledAgent) -> Iterator[Finding]:
    """Report each reader and the card in it."""
    cards = installation.cards
    if cards is None or not (cards.virtual or cards.snapshot.service_available):
        return
    readers = cards.snapshot.readers
    if not readers:
        yield fault("reader", "reader_none")
    has_card = any(reader.state is CardPresence.CARD for reader in readers)
    for reader in readers:
        yield ok("reader", "reader_ok", reader=reader.name)
        if reader.keypad:
            yield note("reader", "reader_keypad", reader=reader.name)
        # A foreign card in a second reader harms nobody.
        yield _check_presence(reader, foreign=note if has_card else fault)
        if reader.state is CardPresence.CARD:
            yield from _check_card(reader, cards, installation)


def _check_presence(reader: ReaderView, *, foreign: Callable[..., Finding]) -> Finding:
    match reader.state:
        case CardPresence.EMPTY:
            return note("card", "reader_empty", reader=reader.name)
        case CardPresence.MUTE:
            return foreign("card", "card_mute", reader=reader.name)
        case CardPresence.UNSUPPORTED:
            return foreign("card", "card_unsupported", reader=reader.name)
        case CardPresence.CARD:
            return _name_card(reader)


def _name_card(reader: ReaderView) -> Finding:
    match reader.generation:
        case "piv":
            return ok("card", "card_ok_piv", reader=reader.name)
        case "pkcs11":
            return ok("card", "card_ok_pkcs11", reader=reader.name)
        case generation:
            return ok("card", "card_ok", reader=reader.name, generation=generation or "?")


def _check_card(
    reader: ReaderView, cards: CardSurvey, installation: InstalledAgent
) -> Iterator[Finding]:
    problem = cards.problems.get(reader.name)
    if problem is not None:
        yield fault("card", "card_unreadable", reader=reader.name, detail=str(problem))
    if reader.attempts_left == 0:
        yield fault("card", "card_locked")
    certificate = cards.certificates.get(reader.name)
    if certificate is None:
        return
    if installation.now >= certificate.not_after:
        yield fault("card", "card_expired", date=f"{certificate.not_after:%Y-%m-%d}")
    if installation.now < certificate.not_before:
        yield fault("card", "card_not_yet_valid", date=f"{certificate.not_before:%Y-%m-%d}")
