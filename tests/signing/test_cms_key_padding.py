"""Encryption paddings: each way in which one can be wrong by itself; pyca pads as the judge."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from agent.cms.key_padding import OaepPadding, Pkcs1Padding, may_be_encrypted
from tests.signing import pki_support as pki

EIGHT = b"\x01" * 8


def encryption_block(filling: bytes, message: bytes) -> bytes:
    return b"\x00\x02" + filling + b"\x00" + message


WHOLE = encryption_block(b"\x5a" * 100, bytes(range(153)))


@pytest.mark.parametrize(
    ("filling", "message"),
    [
        (EIGHT, bytes(range(245))),  # the longest message: it begins with a zero
        (b"\xff" * 252, b"\x07"),
        (b"\x80" * 253, b""),
    ],
    ids=["the least padding", "one byte", "no byte"],
)
def test_a_message_comes_out_whole(filling: bytes, message: bytes) -> None:
    assert Pkcs1Padding().remove(encryption_block(filling, message)) == message


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\x00\x02" + b"\x5a" * 8,
        *(bytes((first,)) + WHOLE[1:] for first in (0x01, 0x02, 0x80, 0xFF)),
        *(b"\x00" + bytes((kind,)) + WHOLE[2:] for kind in (0x00, 0x01, 0x03, 0x06, 0x82, 0xFF)),
        *(encryption_block(b"\x5a" * count, bytes(253 - count)) for count in range(8)),
        b"\x00\x02" + b"\x5a" * 254,
    ],
)
def test_each_wrong_padding_gives_nothing(block: bytes) -> None:
    assert Pkcs1Padding().remove(block) is None


HASHES = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
KEY = bytes(range(32))


def operate(key: RSAPrivateKey, octets: bytes, *, private: bool) -> bytes:
    """Do the bare RSA operation."""
    numbers = key.private_numbers()
    exponent = numbers.d if private else numbers.public_numbers.e
    value = pow(int.from_bytes(octets, "big"), exponent, numbers.public_numbers.n)
    return value.to_bytes(256, "big")


def oaep_block(hash_name: str, mask_hash_name: str, message: bytes, label: bytes | None) -> bytes:
    padding = OAEP(MGF1(HASHES[mask_hash_name]()), HASHES[hash_name](), label)
    key = pki.citizen_key()
    return operate(key, key.public_key().encrypt(message, padding), private=True)


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("mask_hash_name", HASHES)
def test_what_pyca_pads_comes_out_whole(hash_name: str, mask_hash_name: str) -> None:
    for label in (None, b"", b"label", bytes(1000)):
        padding = OaepPadding(hash_name, mask_hash_name, label or b"")
        longest = 254 - 2 * HASHES[hash_name]().digest_size
        for message in (b"", b"\x00", b"\x01", KEY, bytes(longest)):
            assert padding.remove(oaep_block(hash_name, mask_hash_name, message, label)) == message


@pytest.mark.parametrize("at", [0, 1, 20, 32, 33, 64, 65, 128, 254, 255])
@pytest.mark.parametrize("bit", [0x01, 0x80])
def test_one_bit_of_a_block_takes_all_of_it(at: int, bit: int) -> None:
    block = oaep_block("sha256", "sha256", KEY, None)
    changed = block[:at] + bytes((block[at] ^ bit,)) + block[at + 1 :]
    assert OaepPadding("sha256", "sha256").remove(changed) is None


@pytest.mark.parametrize(
    "padding",
    [
        OaepPadding("sha1", "sha256"),
        OaepPadding("sha256", "sha1"),
        OaepPadding("sha256", "sha256", b"label"),
    ],
)
def test_other_parameters_of_oaep_give_nothing(padding: OaepPadding) -> None:
    assert padding.remove(oaep_block("sha256", "sha256", KEY, None)) is None


def data_block(data: bytes) -> bytes:
    """Return the block around a data block that RFC 8017 §7.1.1 would not make."""
    padding, seed = OaepPadding("sha256", "sha256"), bytes(range(32))
    masked = padding._masked(data, seed)
    return b"\x00" + padding._masked(seed, masked) + masked


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (bytes(190) + b"\x01", b""),
        (b"\x01" + bytes(190), bytes(190)),
        (bytes(191), None),
        (b"\x02" + bytes(189) + b"\x01", None),
        (bytes(100) + b"\x03\x01" + KEY + bytes(57), None),
        (bytes(100) + b"\x80" + bytes(89) + b"\x01", None),
    ],
)
def test_before_the_message_there_are_zeros_and_a_one(rest: bytes, message: bytes | None) -> None:
    label = hashes.Hash(hashes.SHA256())
    block = data_block(label.finalize() + rest)
    assert OaepPadding("sha256", "sha256").remove(block) == message


@pytest.mark.parametrize("length", [0, 1, 65, 66, 129])
def test_a_block_without_room_for_two_digests_gives_nothing(length: int) -> None:
    assert OaepPadding("sha512", "sha1").remove(bytes(length)) is None


def test_what_no_key_can_have_made_is_told() -> None:
    key = pki.citizen_key().public_key()
    modulus = key.public_numbers().n
    assert may_be_encrypted(key, (modulus - 1).to_bytes(256, "big"))
    assert may_be_encrypted(key, bytes(256))
    for wrong in (modulus.to_bytes(256, "big"), b"\xff" * 256, b"", bytes(255), bytes(257)):
        assert not may_be_encrypted(key, wrong)
