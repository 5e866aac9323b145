"""Cases whose signature is wrong, or made by a key or in a way that logins have none of."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Final

from agent.cms import der
from agent.cms.digest import HashAlgorithm
from agent.kits.vectors import certificates
from agent.kits.vectors.case import BROKEN, OK, VectorCase, message_of, signed_by, statement
from agent.kits.vectors.certificates import AT
from agent.kits.vectors.holders import KeyHolder
from agent.kits.vectors.messages import (
    Signature,
    login_attributes,
    sign,
    sign_attributes,
    with_digest_of,
)
from agent.kits.vectors.paddings import (
    block_of,
    forged_with_cube_root,
    pss_block,
    raw_signature,
)

_WITH_SHA256: Final = bytes.fromhex("300d06092a864886f70d01010b0500")
_WITH_SHA512: Final = bytes.fromhex("300d06092a864886f70d01010d0500")
_ECDSA: Final = bytes.fromhex("300a06082a8648ce3d040302")
_PSS: Final = bytes.fromhex(
    "304106092a864886f70d01010a3034a00f300d06096086480165030402010500"
    "a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120"
)
_SHA256_INFO: Final = bytes.fromhex("3031300d060960864801650304020105000420")
_SHA512_OID: Final = bytes.fromhex("0609608648016503040203")
_SHA256_OID: Final = bytes.fromhex("0609608648016503040201")
# Seconds after AT where a search ends, found once; from 0 on it would find the same.
_STARTS_WITH_ZERO: Final = 384
_FITS_TWICE: Final = 1


def signatures() -> Iterator[VectorCase]:
    """Make the cases of this module."""
    yield from _tampered()
    yield from _algorithms()
    yield from _keys()
    yield from _padded()
    yield from _values()


def _refused(name: str, signature: Signature, note: str) -> VectorCase:
    return VectorCase(name, message_of(signature), BROKEN, note)


def _tampered() -> Iterator[VectorCase]:
    citizen, elsewhere = certificates.citizen(), statement("https://evil.example")
    signature, text = sign(citizen, elsewhere), statement()
    yield _refused(
        "tampered-content", signature, "made for another site, and the origin changed afterwards"
    )
    yield _refused(
        "tampered-digest",
        with_digest_of(signature, elsewhere, text),
        "the same, and the message digest changed with it",
    )
    other = certificates.second_citizen()
    swapped = replace(sign(other, text), signer=citizen)
    yield _refused("signed-by-another", swapped, "somebody else's signature under this name")
    attributes = login_attributes(citizen, text)
    tagged = der.element(der.EXPLICIT_0, *sorted(attributes))
    value = citizen.sign(HashAlgorithm.SHA256, HashAlgorithm.SHA256.digest(tagged))
    yield _refused(
        "signed-as-tagged",
        replace(sign(citizen, text), value=value),
        "the attributes are signed as they stand in the message, not as a SET OF",
    )


def _algorithms() -> Iterator[VectorCase]:
    citizen, text = certificates.citizen(), statement()
    good = sign(citizen, text)
    named = message_of(replace(good, signature_algorithm=_WITH_SHA256))
    yield VectorCase(
        "sha256-with-rsa", named, OK, "the signature's algorithm names the digest, too"
    )
    yield _refused(
        "sha512-claimed",
        replace(good, signature_algorithm=_WITH_SHA512),
        "SHA-256 everywhere, and the signature is said to be with SHA-512",
    )
    attributes = sign_attributes(citizen, login_attributes(citizen, text), HashAlgorithm.SHA512)
    mixed = replace(attributes, algorithm=HashAlgorithm.SHA256, signature_algorithm=_WITH_SHA512)
    yield VectorCase(
        "sha512-over-sha256",
        message_of(mixed),
        (BROKEN, OK),
        "SHA-256 of the content, SHA-512 of the attributes, as is said",
    )
    probabilistic = raw_signature(citizen.rsa, pss_block(_digest(good)))
    yield _refused(
        "pss",
        replace(good, value=probabilistic, signature_algorithm=_PSS),
        "a good RSASSA-PSS signature, which no citizen's card makes",
    )
    yield _refused("pss-unsaid", replace(good, value=probabilistic), "the same, called PKCS #1")


def _keys() -> Iterator[VectorCase]:
    text = statement()
    yield VectorCase("rsa-3072", signed_by(certificates.with_long_key()), OK, "a longer key")
    yield VectorCase(
        "exponent-3",
        signed_by(certificates.with_small_exponent()),
        (OK, BROKEN),
        "a good signature by a key with the exponent 3",
    )
    short = certificates.with_short_key()
    yield _refused("rsa-1024", sign(short, text), "a good signature by a key of 1024 bits")
    curve = replace(sign(certificates.on_curve(), text), signature_algorithm=_ECDSA)
    yield _refused("ec-key", curve, "a good signature by a key on P-256")
    small = sign(certificates.with_small_exponent(), text)
    forged = forged_with_cube_root(_SHA256_INFO + _digest(small))
    yield _refused(
        "exponent-3-forged",
        replace(small, value=forged),
        "a cube root in place of a signature: good for whoever does not look at the end",
    )
    one = sign(certificates.with_exponent_one(), text)
    yield _refused(
        "exponent-1-forged",
        replace(one, value=block_of(_SHA256_INFO + _digest(one))),
        "a key with the exponent 1, for which a padded digest is a signature",
    )
    yield _refused(
        "pss-key",
        sign(certificates.with_pss_key(), text),
        "a PKCS #1 signature by a key that is for RSASSA-PSS alone",
    )


def _padded() -> Iterator[VectorCase]:
    """Make signatures by the right key over blocks that are nearly right."""
    citizen, text = certificates.citizen(), statement()
    good = sign(citizen, text)
    digest = _digest(good)
    info = _SHA256_INFO + digest
    without_null = bytes.fromhex("302f300b06096086480165030402010420") + digest
    wrong = {
        "info-without-null": (block_of(without_null), "the DigestInfo has no NULL"),
        "info-followed": (block_of(info + b"\x01" * 16), "sixteen octets after the digest"),
        "info-at-left": (block_of(info, fill=8), "eight octets of filling, the digest, then zeros"),
        "info-long-length": (block_of(b"\x30\x81" + info[1:]), "BER: a length of two octets"),
        "info-of-sha512": (
            block_of(info.replace(_SHA256_OID, _SHA512_OID)),
            "the DigestInfo names SHA-512",
        ),
        "digest-alone": (block_of(digest), "the digest without a DigestInfo"),
        "block-of-kind-2": (block_of(info, kind=2), "a block as for encryption"),
        "block-of-kind-0": (block_of(info, kind=0), "a block of kind 0"),
    }
    for name, (block, note) in wrong.items():
        yield _refused(name, replace(good, value=raw_signature(citizen.rsa, block)), note)


def _values() -> Iterator[VectorCase]:
    """Make signatures that are the right number in the wrong octets, or no number at all."""
    citizen, text = certificates.citizen(), statement()
    good = sign(citizen, text)
    modulus = citizen.rsa.public_key().public_numbers().n
    yield _refused("signature-empty", replace(good, value=b""), "no octets of signature")
    yield _refused("signature-zero", replace(good, value=bytes(256)), "256 zeros")
    one = (1).to_bytes(256, "big")
    yield _refused("signature-one", replace(good, value=one), "the number 1")
    least = (modulus - 1).to_bytes(256, "big")
    yield _refused("signature-minus-one", replace(good, value=least), "the modulus less 1")
    whole = modulus.to_bytes(256, "big")
    yield _refused("signature-modulus", replace(good, value=whole), "the modulus itself")
    longer = replace(good, value=b"\x00" + good.value)
    yield _refused("signature-longer", longer, "a zero before the signature")
    content, shorter = _search(citizen, _STARTS_WITH_ZERO, lambda value: value[0] == 0)
    cut = replace(shorter, value=shorter.value[1:])
    yield VectorCase(
        "signature-shorter", message_of(cut, content), BROKEN, "its leading zero is left out"
    )
    content, small = _search(
        citizen, _FITS_TWICE, lambda value: int.from_bytes(value, "big") + modulus < 1 << 2048
    )
    more = (int.from_bytes(small.value, "big") + modulus).to_bytes(256, "big")
    yield VectorCase(
        "signature-plus-modulus",
        message_of(replace(small, value=more), content),
        BROKEN,
        "the modulus is added to it",
    )


def _search(
    signer: KeyHolder, start: int, is_wanted: Callable[[bytes], bool]
) -> tuple[bytes, Signature]:
    """Return the first login, second by second, whose signature is as wanted."""
    texts = (statement(at=AT + timedelta(seconds=each)) for each in count(start))
    made = ((text, sign(signer, text)) for text in texts)
    return next((text, signature) for text, signature in made if is_wanted(signature.value))


def _digest(signature: Signature) -> bytes:
    return signature.algorithm.digest(signature.attributes or b"")
