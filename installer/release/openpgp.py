"""The release key as a key of OpenPGP, and its signatures, for apt, dnf and rpm.

The same Ed25519 secret is a version 4 key of OpenPGP (RFC 4880, with the algorithm EdDSA of
draft-koch-eddsa-for-openpgp, which RFC 9580 calls EdDSALegacy): what apt's gpgv and sqv, rpm and
dnf all verify. Written here, and not by GnuPG, the secret is never put into a keyring, no agent is
left running, and a signature is a function of key, content and date: the same bytes each time.

What a version 4 key signs is a digest of 64 octets, which is neither a manifest of releases nor a
list of sums: no signature of one kind can be taken for one of another.
"""

import base64
import hashlib
import struct
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from devkit.channel import published

USER_ID: Final = f"Ankong releases <{published.facts()['publisher']['mail']}>"
CREATED: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
"""When every key of ours says that it was made: a part of its fingerprint, which no PEM keeps."""

_EDDSA: Final = 22
_SHA512: Final = 10
_CURVE: Final = bytes.fromhex("092b06010401da470f01")  # Ed25519's object identifier, and its length
_BINARY, _TEXT, _CERTIFICATION = 0x00, 0x01, 0x13
_SIGNATURE, _PUBLIC_KEY, _USER = 2, 6, 13
_SIGNS_AND_CERTIFIES: Final = b"\x03"
_LINE: Final = 64


class TwinKey:
    """A release key that signs as OpenPGP does.

    Attributes:
        fingerprint: of the key, 20 octets.

    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        point = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        head = struct.pack(">BIB", 4, CREATED, _EDDSA)
        self._body = head + _CURVE + _number(b"\x40" + point)
        framed = b"\x99" + struct.pack(">H", len(self._body)) + self._body
        self._framed = framed
        # Not a choice: RFC 4880 names the digest that fingerprints are made of.
        self.fingerprint = hashlib.sha1(framed, usedforsecurity=False).digest()

    def pem(self) -> bytes:
        """Return the secret, without a passphrase, for a process of ours that signs."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def certificate(self) -> bytes:
        """Return what others verify with: the public key, its owner's name, and its own word."""
        user = USER_ID.encode()
        flags = _subpacket(27, _SIGNS_AND_CERTIFIES) + _subpacket(21, bytes([_SHA512, 8]))
        content = self._framed + b"\xb4" + struct.pack(">I", len(user)) + user
        word = self._signature(_CERTIFICATION, content, CREATED, flags)
        return _packet(_PUBLIC_KEY, self._body) + _packet(_USER, user) + word

    def detached(self, content: bytes, when: int) -> bytes:
        """Return a signature over a file.

        Args:
            content: of the file.
            when: it is signed, in seconds since 1970.

        """
        return self._signature(_BINARY, content, when)

    def over_text(self, content: bytes, when: int) -> bytes:
        """Return a signature over lines of text, without the end of the last one."""
        return self._signature(_TEXT, b"\r\n".join(_lines(content)), when)

    def _signature(self, kind: int, content: bytes, when: int, more: bytes = b"") -> bytes:
        hashed = _subpacket(33, b"\x04" + self.fingerprint)
        hashed += _subpacket(2, struct.pack(">I", when)) + more
        head = struct.pack(">BBBBH", 4, kind, _EDDSA, _SHA512, len(hashed)) + hashed
        digest = hashlib.sha512(content + head + b"\x04\xff" + struct.pack(">I", len(head)))
        made = self._key.sign(digest.digest())
        loose = _subpacket(16, self.fingerprint[-8:])
        tail = struct.pack(">H", len(loose)) + loose + digest.digest()[:2]
        return _packet(_SIGNATURE, head + tail + _number(made[:32]) + _number(made[32:]))


def cleartext(content: bytes, signatures: bytes) -> bytes:
    """Return text with its signatures below it (RFC 4880, section 7), as ``InRelease`` has them.

    Args:
        content: UTF-8, of lines without white space at their ends.
        signatures: of :meth:`TwinKey.over_text`, one or several.

    """
    lines = (b"- " + line if line.startswith(b"-") else line for line in _lines(content))
    head = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
    return head + b"\n".join(lines) + b"\n" + armoured("SIGNATURE", signatures)


def armoured(what: str, packets: bytes) -> bytes:
    """Return packets as text.

    Args:
        what: such as SIGNATURE or PUBLIC KEY BLOCK.
        packets: one or several.

    """
    text = base64.b64encode(packets).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    total = base64.b64encode(_crc24(packets).to_bytes(3, "big")).decode()
    block = [f"-----BEGIN PGP {what}-----", "", *lines, f"={total}", f"-----END PGP {what}-----"]
    return "\n".join([*block, ""]).encode()


def _lines(content: bytes) -> list[bytes]:
    return content.removesuffix(b"\n").split(b"\n")


def _packet(tag: int, body: bytes) -> bytes:
    # The old format, with a length of two octets, is what every reader has always known.
    return struct.pack(">BH", 0x80 | tag << 2 | 1, len(body)) + body


def _subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


def _number(octets: bytes) -> bytes:
    """Return a number as OpenPGP writes it: its length in bits, and no zeros before it."""
    value = int.from_bytes(octets, "big")
    bits = value.bit_length()
    return struct.pack(">H", bits) + value.to_bytes((bits + 7) // 8, "big")


def _crc24(octets: bytes) -> int:
    total = 0xB704CE
    for octet in octets:
        total ^= octet << 16
        for _ in range(8):
            total <<= 1
            if total & 0x1000000:
                total ^= 0x1864CFB
    return total
