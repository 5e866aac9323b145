"""OpenSC judges the virtual PIV card, and our driver uses it, both through a real pcscd."""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from agent.cards.card import ID_AUTH, ID_KEYX, ID_SIGN
from agent.cards.registry import Registry
from agent.cms.digest import HashAlgorithm
from agent.cms.keys import is_signature, signer_key
from agent.errors import PinError
from agent.secret import SecretBytes
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.pcscd import PrivatePcscd
from tests.card.piv_wire import piv_card, wide_card
from tests.pcsc.rig import PcscRig

pytestmark = pytest.mark.pcsc
needs_opensc = pytest.mark.skipif(shutil.which("pkcs11-tool") is None, reason="opensc is missing")
KINDS = {"rsa2048": "sha256", "rsa3072": "sha256", "p256": "sha256", "p384": "sha384"}
MODULE = "opensc-pkcs11.so"
ID_OF = {0x9A: "01", 0x9C: "02", 0x9D: "03"}
PIN = "123456"
TEXT = b"what is signed"


class OpenSc:
    """The programs of OpenSC, which know nothing of us, before a card in a reader."""

    def __init__(self, rig: PcscRig, folder: Path) -> None:
        self._environment = {**os.environ, **rig.pcscd.environment()}
        self.folder = folder

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words, env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def token(self, *words: str) -> str:
        module = next(Path("/usr/lib").rglob(MODULE))
        return self.run("pkcs11-tool", "--module", str(module), "--login", "--pin", PIN, *words)

    def sign(self, slot: int, kind: str) -> None:
        """Sign with a key, and have OpenSSL verify it by the certificate of the slot."""
        digest = HASHES[KINDS[kind]].digest(TEXT)
        is_rsa = kind.startswith("rsa")
        given = HASHES[KINDS[kind]].digest_info(digest) if is_rsa else digest
        (self.folder / "in").write_bytes(given)
        (self.folder / "text").write_bytes(TEXT)
        mechanism = ["RSA-PKCS"] if is_rsa else ["ECDSA", "--signature-format", "openssl"]
        files = ["-i", str(self.folder / "in"), "-o", str(self.folder / "out")]
        self.token("--sign", "--id", ID_OF[slot], "-m", *mechanism, *files)
        self.run(
            *("openssl", "dgst", f"-{KINDS[kind]}", "-verify", str(self.folder / "key")),
            *("-signature", str(self.folder / "out"), str(self.folder / "text")),
        )

    def take_key(self, card: VirtualCard, slot: int) -> None:
        """Write the public key of a slot's certificate down."""
        (own,) = (each for each in card.data.slots if each.reference == slot)
        (self.folder / "der").write_bytes(own.certificate)
        words = ["-inform", "DER", "-in", str(self.folder / "der"), "-pubkey", "-noout"]
        self.run("openssl", "x509", *words, "-out", str(self.folder / "key"))


HASHES = {each.hashlib_name: each for each in HashAlgorithm}


@pytest.fixture
def opensc(rig: PcscRig, tmp_path: Path) -> OpenSc:
    return OpenSc(rig, tmp_path)


@needs_opensc
@pytest.mark.parametrize("kind", list(KINDS))
def test_opensc_lists_the_certificates_and_signs_with_the_keys(
    opensc: OpenSc, rig: PcscRig, kind: str
) -> None:
    card = piv_card(kind)
    rig.insert(0, card)
    rig.await_card()
    listed = opensc.run("pkcs15-tool", "--list-certificates")
    for name in ("PIV Authentication", "Digital Signature", "Key Management"):
        assert f"Certificate for {name}" in listed
    for slot in (0x9A, 0x9C):
        opensc.take_key(card, slot)
        opensc.sign(slot, kind)
    assert card.tally.signatures == 2
    assert card.tally.wrong_pins == 0
    if kind.startswith("rsa"):
        opensc.take_key(card, 0x9D)
        _decrypt(opensc)
    else:
        _agree(opensc, card)
    assert card.tally.decryptions == 1


def _decrypt(opensc: OpenSc) -> None:
    folder = opensc.folder
    (folder / "plain").write_bytes(TEXT)
    opensc.run(
        *("openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", str(folder / "key")),
        *("-in", str(folder / "plain"), "-out", str(folder / "secret")),
    )
    files = ["-i", str(folder / "secret"), "-o", str(folder / "opened")]
    opensc.token("--decrypt", "--id", ID_OF[0x9D], "-m", "RSA-PKCS", *files)
    assert (folder / "opened").read_bytes() == TEXT


def _agree(opensc: OpenSc, card: VirtualCard) -> None:
    """Have OpenSC agree on a key with the card, and do the same with the other one's key."""
    (own,) = (each.key.public_key for each in card.data.slots if each.reference == 0x9D)
    assert isinstance(own, ec.EllipticCurvePublicKey)
    other = ec.generate_private_key(own.curve)
    (opensc.folder / "other").write_bytes(
        other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    files = ["-i", str(opensc.folder / "other"), "-o", str(opensc.folder / "agreed")]
    opensc.token("--derive", "--id", ID_OF[0x9D], "-m", "ECDH1-DERIVE", *files)
    assert (opensc.folder / "agreed").read_bytes() == other.exchange(ec.ECDH(), own)


@needs_opensc
def test_opensc_names_the_card_and_reads_its_number(opensc: OpenSc, rig: PcscRig) -> None:
    card = piv_card()
    rig.insert(0, card)
    rig.await_card()
    assert "Personal Identity Verification Card" in opensc.run("piv-tool", "--name")
    number = opensc.run("piv-tool", "--serial").replace(" ", "")
    assert number.startswith(card.data.serial)


@pytest.mark.parametrize("make", [piv_card, wide_card])
@pytest.mark.parametrize("kind", [*KINDS, "rsa4096"])
def test_our_driver_signs_through_the_real_service(
    rig: PcscRig, pcscd: PrivatePcscd, kind: str, make: Callable[[str], VirtualCard]
) -> None:
    del pcscd
    card = make(kind)
    card.trace.recording = True
    rig.insert(0, card)
    rig.await_card()
    connection = rig.provider.open(rig.names[0])
    driver = Registry().probe(connection)
    assert driver is not None
    assert driver.generation == "piv"
    hash_ = HASHES[KINDS.get(kind, "sha256")]
    digests = [(hash_, hash_.digest(TEXT))] * 2
    with driver.open(connection) as opened:
        assert [each.id for each in opened.certificates()] == [ID_SIGN, ID_AUTH, ID_KEYX, b"CARD"]
        for key in (ID_SIGN, ID_AUTH):
            (certificate,) = opened.certificates_of(key)
            made = opened.sign(key, SecretBytes.from_text(PIN), digests)
            public = signer_key(load_der_x509_certificate(certificate.der).public_key())
            good = partial(is_signature, public, algorithm=hash_, digest=digests[0][1])
            assert all(good(signature) for signature in made)
        assert opened.attempts_left == 3
    is_chained = any(command[:2] == b"\x10\x87" for command, _ in card.trace.exchanges)
    assert is_chained == (make is piv_card and kind.startswith("rsa"))
    with driver.open(connection) as opened, pytest.raises(PinError) as refused:
        opened.sign(ID_SIGN, SecretBytes.from_text("654321"), digests)
    assert refused.value.attempts_left == 2
    assert card.tally.wrong_pins == 1


def test_a_pin_left_verified_by_another_program_is_forgotten(rig: PcscRig) -> None:
    card = piv_card()
    rig.insert(0, card)
    rig.await_card()
    other = rig.provider.open(rig.names[0])
    for command in ("00A4040009A0000003080000100000", "0020008008313233343536FFFF"):
        assert other.transmit(bytes.fromhex(command))[1] == 0x9000
    connection = rig.provider.open(rig.names[0])
    driver = Registry().probe(connection)
    assert driver is not None
    with driver.open(connection) as opened:
        assert opened.attempts_left == 3
        certificates = opened.certificates()
    assert len(certificates) == 4
