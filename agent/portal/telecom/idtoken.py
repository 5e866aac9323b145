"""ID tokens of OpenID Connect Core 1.0: compact JWS (RFC 7515) under a JWK set (RFC 7517)."""

import binascii
import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from agent.strict_json import UNREADABLE

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_LEEWAY_S: Final = 60
"""Seconds by which the operator's clock and ours may differ."""
_OLDEST_S: Final = 600
_P256_OCTETS: Final = 32
_LEAST_RSA_BITS: Final = 2048


class IdTokenError(Exception):
    """The token is not the issuer's answer to this question; the text says which check failed."""


class JsonWebKey(msgspec.Struct, frozen=True):
    """One public key of a set; numbers are base64url, big-endian (RFC 7518 §6)."""

    kty: str
    kid: str = ""
    use: str = "sig"
    crv: str = ""
    x: str = ""
    y: str = ""
    n: str = ""
    e: str = ""


class JsonWebKeySet(msgspec.Struct, frozen=True):
    """The public keys of an issuer."""

    keys: tuple[JsonWebKey, ...]


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """What a token has to say.

    Attributes:
        issuer: octet for octet.
        audience: our client identifier, the only one.
        nonce: of the question.
        access_token: to which the token belongs (``at_hash``, §3.1.3.6).
        now: seconds since 1970.

    """

    issuer: str
    audience: str
    nonce: str
    access_token: str
    now: float


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str = ""
    crit: tuple[str, ...] | None = None


class _Claims(msgspec.Struct, frozen=True):
    iss: str
    aud: str | tuple[str, ...]
    nonce: str
    exp: float
    iat: float
    at_hash: str


def check_id_token(token: str, keys: JsonWebKeySet, expected: ExpectedToken) -> None:
    """Check signature and claims of an ID token (§3.1.3.7).

    Raises:
        IdTokenError: one of them is not as it has to be.

    """
    parts = token.split(".")
    if len(parts) != 3:
        raise IdTokenError("form")
    _check_signature(parts[0], parts[1], parts[2], keys)
    try:
        claims = msgspec.json.decode(decode_base64url(parts[1]), type=_Claims)
    except UNREADABLE as error:
        raise IdTokenError("claims") from error
    _check_claims(claims, expected)


def at_hash(access_token: str) -> str:
    """Return the left half of an access token's SHA-256, base64url without padding."""
    return encode_base64url(hashlib.sha256(access_token.encode()).digest()[:16])


def encode_base64url(data: bytes) -> str:
    """Return octets as base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Return the octets of base64url without padding.

    Raises:
        ValueError: it is not that.

    """
    if not _BASE64URL.fullmatch(text):
        raise ValueError("base64url")
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("base64url") from error


def _check_claims(claims: _Claims, expected: ExpectedToken) -> None:
    audience = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    checks = {
        "issuer": claims.iss == expected.issuer,
        "audience": audience == (expected.audience,),
        "nonce": hmac.compare_digest(claims.nonce.encode(), expected.nonce.encode()),
        "expiry": expected.now < claims.exp + _LEEWAY_S,
        "age": -_LEEWAY_S <= expected.now - claims.iat <= _OLDEST_S,
        "access token": claims.at_hash == at_hash(expected.access_token),
    }
    for name, is_right in checks.items():
        if not is_right:
            raise IdTokenError(name)


def _check_signature(header: str, payload: str, signature: str, keys: JsonWebKeySet) -> None:
    """Check a signature under the one key that the header names.

    The algorithm has to be one of two, each with its own kind of key, so that no token chooses a
    weaker one (RFC 8725 §3.1).
    """
    try:
        head = msgspec.json.decode(decode_base64url(header), type=_Header)
        sealed = decode_base64url(signature)
    except UNREADABLE as error:
        raise IdTokenError("header") from error
    if head.crit is not None:
        raise IdTokenError("critical header")
    named = [key for key in keys.keys if key.kid == head.kid and key.use == "sig"]
    if len(named) != 1:
        raise IdTokenError("key")
    signed = f"{header}.{payload}".encode("ascii")
    try:
        if head.alg == "ES256":
            _check_es256(_p256_key(named[0]), sealed, signed)
        elif head.alg == "RS256":
            _rsa_key(named[0]).verify(sealed, signed, PKCS1v15(), hashes.SHA256())
        else:
            raise IdTokenError("algorithm")
    except (InvalidSignature, ValueError) as error:
        raise IdTokenError("signature") from error


def _check_es256(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> None:
    if len(signature) != 2 * _P256_OCTETS:
        raise ValueError("ES256")
    r, s = (int.from_bytes(half) for half in (signature[:_P256_OCTETS], signature[_P256_OCTETS:]))
    key.verify(encode_dss_signature(r, s), signed, ECDSA(hashes.SHA256()))


def _p256_key(key: JsonWebKey) -> EllipticCurvePublicKey:
    if (key.kty, key.crv) != ("EC", "P-256"):
        raise ValueError("ES256 needs a P-256 key")
    return EllipticCurvePublicNumbers(_number(key.x), _number(key.y), SECP256R1()).public_key()


def _rsa_key(key: JsonWebKey) -> RSAPublicKey:
    if key.kty != "RSA":
        raise ValueError("RS256 needs an RSA key")
    public = RSAPublicNumbers(_number(key.e), _number(key.n)).public_key()
    if public.key_size < _LEAST_RSA_BITS:
        raise ValueError("the RSA key is too short")
    return public


def _number(text: str) -> int:
    return int.from_bytes(decode_base64url(text))
