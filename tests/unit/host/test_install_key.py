"""The install key: the same for one site for ever, different for every other, and nobody else's."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.host.instance.install_key import InstallationProof, InstallKey

SITE = "https://shop.example"
NONCE = bytes(range(32))


def verify(proof: InstallationProof, nonce: bytes) -> None:
    """Judge as a page would: the raw signature over the words and the nonce."""
    assert len(proof.signature) == 64
    r, s = (int.from_bytes(part, "big") for part in (proof.signature[:32], proof.signature[32:]))
    key = load_der_public_key(proof.key)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    key.verify(encode_dss_signature(r, s), b"ankong-status-v1" + nonce, ec.ECDSA(SHA256()))


def test_a_page_can_verify_it_and_sees_the_same_key_again(tmp_path: Path) -> None:
    first = InstallKey.ensure(tmp_path / "install.key").prove(SITE, NONCE)
    verify(first, NONCE)
    with pytest.raises(InvalidSignature):
        verify(first, NONCE[::-1])
    assert InstallKey.ensure(tmp_path / "install.key").prove(SITE, b"again").key == first.key


def test_no_two_sites_and_no_two_installations_share_a_key(tmp_path: Path) -> None:
    keys = [
        InstallKey.ensure(tmp_path / name).prove(origin, NONCE).key
        for name in ("one", "two")
        for origin in (SITE, "https://shop.example:8443", "http://shop.example")
    ]
    assert len(set(keys)) == len(keys)


def test_the_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "install.key"
    before = os.umask(0)
    try:
        InstallKey.ensure(path)
    finally:
        os.umask(before)
    assert len(path.read_bytes()) == 32
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", [b"", b"short", bytes(33), bytes(1_000_000)])
def test_a_damaged_secret_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "install.key"
    first = InstallKey.ensure(path).prove(SITE, NONCE)
    path.write_bytes(damage)
    again = InstallKey.ensure(path).prove(SITE, NONCE)
    verify(again, NONCE)
    assert again.key != first.key


def test_every_secret_gives_a_key() -> None:
    for secret in (bytes(32), b"\xff" * 32):
        verify(InstallKey(secret).prove(SITE, NONCE), NONCE)
