"""What the tests share: a test issuer, cached RSA keys, and cards made with them.

RSA key generation is slow, so every card of a session has one of two pairs of keys.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.model import CITIZEN_GENERATIONS, Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.rsa_key import RsaKey

# A busy machine takes its time: what takes long is found by the timeout of a whole test.
hypothesis.settings.register_profile("ankong", deadline=None)
hypothesis.settings.load_profile("ankong")

TEST_NAME = "王測試"
TEST_PIN = "123456"
TEST_ID_NUMBER = generate_id_number(0)

CardFactory = Callable[..., VirtualCard]

MEASURED = "measured"
"""The property of a test (``record_property``) that the end of a run prints."""


def pytest_configure(config: pytest.Config) -> None:
    """Lead PC/SC to no daemon of this machine: its library reads the place once, at its first call.

    Whatever test that call is in, cards of people are out of reach, and ``tests/pcsc`` may put its
    own daemon there later.
    """
    place = tempfile.mkdtemp(prefix="ankong-tests-")
    config.add_cleanup(lambda: shutil.rmtree(place, ignore_errors=True))
    os.environ["PCSCLITE_CSOCK_NAME"] = str(Path(place, "pcscd.comm"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured for people to read, whichever process ran them."""
    reports = terminalreporter.getreports("passed")
    found = [text for each in reports for name, text in each.user_properties if name == MEASURED]
    if found:
        terminalreporter.section("measured")
    for text in found:
        terminalreporter.write_line(text)


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """Forget where a test sent the log: a command sends it to a stream that ends with the test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def test_issuer() -> TestIssuer:
    """Root and issuing CA with 2048-bit keys, in memory."""
    return TestIssuer.create(key_size=2048)


@pytest.fixture(scope="session")
def card_keys() -> dict[Generation, tuple[RsaKey, RsaKey]]:
    """A signing and a decryption key for each generation."""
    return {
        generation: (RsaKey.generate(), RsaKey.generate()) for generation in CITIZEN_GENERATIONS
    }


@pytest.fixture(scope="session")
def make_card(
    test_issuer: TestIssuer, card_keys: dict[Generation, tuple[RsaKey, RsaKey]]
) -> CardFactory:
    """Make a new card: ``make_card("gen1", pin="…", validity=…, options=…, faults=…)``.

    Keywords are the fields of :class:`agent.virtualcard.personalise.Order`; the PIN may be str.
    """

    def make(generation: str = "gen1", **wanted: Any) -> VirtualCard:
        pin = wanted.pop("pin", TEST_PIN)
        order = Order(
            generation=Generation(generation),
            name=wanted.pop("name", TEST_NAME),
            id_number=wanted.pop("id_number", TEST_ID_NUMBER),
            pin=pin.encode() if isinstance(pin, str) else pin,
            **wanted,
        )
        return VirtualCard(personalise(order, test_issuer, card_keys.get(order.generation)))

    return make


@pytest.fixture(scope="session")
def make_gen1_card(make_card: CardFactory) -> CardFactory:
    """Make a new gen1 card; keywords as :func:`make_card`."""
    return lambda **wanted: make_card("gen1", **wanted)


@pytest.fixture(scope="session")
def make_gen2_card(make_card: CardFactory) -> CardFactory:
    """Make a new gen2 card; keywords as :func:`make_card`."""
    return lambda **wanted: make_card("gen2", **wanted)


@pytest.fixture(params=["gen1", "gen2"])
def generation(request: pytest.FixtureRequest) -> str:
    """Run the test once for each generation of card."""
    chosen: str = request.param
    return chosen
