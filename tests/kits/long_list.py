"""Make revocation lists as long as real ones, faster than by a library that copies each entry."""

from collections.abc import Iterable
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from agent.cms import der
from agent.kits.vectors.holders import BEGIN, END, KeyHolder

_INTEGER, _UTC_TIME = 0x02, 0x17
_SHA256_WITH_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")


def long_list(issuer: KeyHolder, length: int, serials: Iterable[int]) -> bytes:
    """Return a complete DER list of ``length`` invented numbers and these serials besides."""
    date = _time(BEGIN)
    numbers = [(index + 1).to_bytes(3, "big") * 5 for index in range(length)]
    numbers = [b"\x01" + number for number in numbers]  # 16 octets, as of real authorities
    numbers += [serial.to_bytes(serial.bit_length() // 8 + 1, "big") for serial in serials]
    entries = [der.element(der.SEQUENCE, der.element(_INTEGER, each), date) for each in numbers]
    body = der.element(
        der.SEQUENCE,
        der.element(_INTEGER, b"\x01"),
        _SHA256_WITH_RSA,
        issuer.certificate.subject.public_bytes(),
        date,
        _time(END),
        der.element(der.SEQUENCE, *entries),
    )
    signature = issuer.rsa.sign(body, PKCS1v15(), hashes.SHA256())
    return der.element(der.SEQUENCE, body, _SHA256_WITH_RSA, der.element(0x03, b"\x00" + signature))


def _time(moment: datetime) -> bytes:
    return der.element(_UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
