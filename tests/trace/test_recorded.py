"""The drivers say to the card what they always said, byte for byte."""

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

from agent.cards.card import CardDriver
from agent.cards.citizen import gen1, gen2
from agent.cards.registry import Registry
from agent.virtualcard import piv
from tests.trace.record import CONTENT, KINDS, fixed_bytes, new_driver, sign
from tests.trace.replay import FOLDER, RecordedCard, TraceMismatchError

ATRS = {"gen1": gen1.ATR, "gen2": gen2.ATR, "piv": piv.ATR}


@pytest.fixture(params=KINDS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gen1.secrets, "token_bytes", fixed_bytes)
    monkeypatch.setattr(gen2.secrets, "token_bytes", fixed_bytes)


@pytest.fixture
def driver(generation: str) -> CardDriver:
    return new_driver(generation)


def test_signing_says_what_was_recorded(driver: CardDriver, generation: str) -> None:
    for name in ("first", "remembered"):
        card = RecordedCard(f"{generation}-sign-{name}.txt", ATRS[generation])
        signature = sign(driver, card)
        card.assert_used_up()
        assert card.life == ["begin", "reset"]
        assert len(signature) == 256


def test_the_recorded_signature_verifies(driver: CardDriver, generation: str) -> None:
    recorded = RecordedCard(f"{generation}-certificates.txt", ATRS[generation])
    with driver.open(recorded) as card:
        certificates = card.certificates()
    again = new_driver(generation)
    signature = sign(again, RecordedCard(f"{generation}-sign-first.txt", ATRS[generation]))
    (der,) = (stored.der for stored in certificates if stored.id == b"SIGN")
    key = load_der_x509_certificate(der).public_key()
    assert isinstance(key, RSAPublicKey)
    key.verify(signature, CONTENT, PKCS1v15(), SHA256())


def test_every_driver_has_its_traces() -> None:
    for driver in Registry()._probing:
        for name in ("sign-first", "sign-remembered", "certificates"):
            assert (FOLDER / f"{driver.generation}-{name}.txt").stat().st_size


def test_a_replay_refuses_another_byte(driver: CardDriver, generation: str) -> None:
    card = RecordedCard(f"{generation}-sign-first.txt", ATRS[generation])
    card.transmit(card._steps[0][1])
    with pytest.raises(TraceMismatchError, match="step 2"):
        sign(driver, card)
    with pytest.raises(TraceMismatchError, match="ended at step"):
        card.assert_used_up()
